"""The tables of docs/nonlinear_alignment.md: sufficient widths, survival of the cutoff, the reversal, certificates.

python -m studies.nonlinear_alignment widths|survival|reversal|certified
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from fa_ref import Network, Problem, Setting, schedules
from fa_ref.data import gaussian_inputs
from studies.record import record
from theory.alignment.nonlinear import alignment_width, final_sign, proved_alignment, survival, worst_target
from theory.alignment.nonlinear.theta_limit import theta_limit
from theory.certificates import certify
from theory.kernels import mean_kernel
from validation.beyond.cutoff_reversal import REVERSED, limit_sides, network_sides

#: y, λ, η of the table of widths; X = I.
ROWS = (((1.0, 1.0), 1.0, 0.3), ((1.0,), 0.5, 0.5), ((1.0, -0.6), 0.5, 0.3), ((1.0, 1.0, 1.0), 2.0, 0.2))
FORMS = (("B, 1st", "first-order", False), ("B, 2nd", "second-order", False), ("**B′**", "sharp", False),
         ("C, 1st", "first-order", True), ("C, 2nd", "second-order", True), ("**C′**", "sharp", True))  # fmt: skip
DELTA, SEEDS = 0.1, range(3)


def _shown(p: int | None) -> str:
    return "none" if p is None else f"{float(f'{p:.3g}'):,.0f}".replace(",", " ")


def widths() -> None:
    """p* at probability 0.9, and the narrowest of p = 500·2^{k/2} at which three networks in three are proved."""
    rows = []
    for y, lam, eta in ROWS:
        problem = Problem(np.eye(len(y)), y)
        kernel, given = mean_kernel(problem.X, "tanh"), {"eta": eta, "lam": lam, "delta": DELTA}
        found = [alignment_width(problem, "tanh", **given, after=after, form=form, kernel=kernel)
                 for _, form, after in FORMS]  # fmt: skip
        one = [_narrowest(problem, lam, eta, after=after) for after in (False, True)]
        label = f"({', '.join(f'{v:g}' for v in y)}), {lam:g}, {eta:g}"
        rows.append([label, *(_shown(each.p if each else None) for each in found), *map(_shown, one)])
        columns = [r"$y$, $\lambda$, $\eta$", *(name for name, _, _ in FORMS), "one network, B′", "one network, C′"]
        note = (
            rf"$X=I$, tanh, $\delta={DELTA:g}$; one network: the narrowest of $500\cdot2^{{k/2}}$ at which 3 of 3"
            " are proved."
        )
        print(rows[-1], record("sufficient_widths", columns, rows, note), flush=True)


def _narrowest(problem: Problem, lam: float, eta: float, *, after: bool) -> int | None:
    for k in range(14):
        p = round(500 * 2 ** (k / 2))
        if all(_proved(problem, lam, eta, p, seed, after=after) for seed in SEEDS):
            return p
    return None


def _proved(problem: Problem, lam: float, eta: float, p: int, seed: int, *, after: bool) -> bool:
    """Whether a positive cosine is proved at a step after the start, or after a cutoff at one of a few θ."""
    network = Network.gaussian(p, problem.d, np.random.default_rng(seed))
    setting = Setting(problem, network, "tanh", eta=eta, ridge=schedules.constant(lam))
    if not after:
        proved = proved_alignment(setting)
        return proved.best > 0 and bool(proved)
    cutoffs = {math.floor(theta * math.sqrt(p) / (eta * lam)) for theta in (0.03, 0.06, 0.1, 0.15)} - {0}
    return any(proved_alignment(setting.replace(ridge=schedules.cutoff(lam, T - 1))) for T in cutoffs)


def condition(problems: int = 1024, limits: int = 200) -> None:
    """q̄⁺ of random problems that meet the condition of survival and that do not."""
    rng = np.random.default_rng(0)
    met = lost = kept = reversed_ = worst = later = seen = unsure = 0
    for _ in range(problems):
        n, d = int(rng.integers(2, 4)), int(rng.integers(1, 4))
        X = np.exp(rng.uniform(-1.0, math.log(4.5), n))[:, None] * rng.standard_normal((n, d))
        problem, lam = Problem(X, rng.standard_normal(n)), float(np.exp(rng.uniform(math.log(0.05), math.log(20))))
        kernel = mean_kernel(X, "tanh")
        told = survival(problem, "tanh", lam, kernel=kernel)
        sign = final_sign(problem, "tanh", lam, kernel=kernel)
        if told:
            met, kept = met + 1, kept + (sign.sign_after == 1)
            if seen < limits and n == 2:
                eta = 0.5 / (lam + n)
                limit = theta_limit(problem, "tanh", lam, eta=eta, end=0.02 / (eta * lam), steps=4, nodes=40)
                seen, later = seen + 1, later + (limit.kappa_plus[-1] > 0)
        elif told.exact.value < -told.uncertainty:
            lost, reversed_ = lost + 1, reversed_ + sign.reversed
            worst += final_sign(Problem(X, worst_target(X, "tanh", lam)), "tanh", lam, kernel=kernel).reversed
        else:
            unsure += 1
    rows = [
        [
            "meet the condition",
            str(met),
            rf"$\bar q^+>0$ in {kept}",
            rf"$\kappa^+>0$ at $\eta\lambda\theta=0.02$ in {later} of {seen}",
        ],
        ["do not", str(lost), rf"$\bar q^+<0<\bar q$ in {reversed_}", f"for the worst $y$ in {worst}"],
        ["not decided, by the errors of the kernels", str(unsure), "", ""],
    ]
    note = (
        r"tanh, $n=2$ or 3, $d=1$ to 3; rows of $X$ Gaussian, times 0.37 to 4.5; $\lambda$ from 0.05 to 20;"
        " $y$ Gaussian."
    )
    print(rows, record("survival", ["problems that", "count", "this $y$", "further"], rows, note))


def reversal(widths: tuple[int, ...] = (160_000, 320_000, 640_000)) -> None:
    """Both sides of the cutoff at three widths, in pairs ±b."""
    (problem, lam, eta), columns = REVERSED, ["p", "pairs", "before", "after"]
    limit, rows = limit_sides(problem, "tanh", lam, eta=eta, particles=131_072), []
    last = [r"$\theta$-limit (131 072 particles)", "", f"{limit.before:+.4f} ± {limit.before_error:.4f}",
            f"{limit.after:+.4f} ± {limit.after_error:.4f}"]  # fmt: skip
    for p in widths:
        found = network_sides(problem, "tanh", lam, p, np.random.default_rng(p), eta=eta, pairs=3, tail=3000)
        rows.append([_shown(p), "3", f"{found.before:+.4f} ± {found.before_error:.4f}",
                     f"{found.after:+.4f} ± {found.after_error:.4f}"])  # fmt: skip
        note = r"Cutoff at $\theta=1$ and 3000 steps more; mean over pairs $\pm b$ with Student's 99 % half-width."
        print(rows[-1], record("reversal", columns, [*rows, last], note), flush=True)


def certified() -> None:
    """Certified alignment of two networks of the size of Figure 2."""
    rows = []
    for p, T in ((800, 1600), (3200, 1200)):
        rng = np.random.default_rng(0)
        X, teacher = gaussian_inputs(50, 150, rng), Network.gaussian(p, 150, rng)
        problem = Problem(X, np.tanh(X @ teacher.W.T) @ teacher.beta / math.sqrt(p))
        network = Network.gaussian(p, 150, rng)
        setting = Setting(problem, network, "tanh", eta=0.01, ridge=schedules.cutoff(0.5, T))
        before, clock = time.process_time(), time.perf_counter()
        found = certify(setting, rigorous=True)
        spent, waited = time.process_time() - before, time.perf_counter() - clock
        if not (found.certificate and found.certificate.alignment and found.certificate.final_alignment):
            raise ArithmeticError(f"p = {p}: no certificate")
        intervals = [f"[{low:.5f}, {high:.5f}]"
                     for low, high in (found.certificate.alignment, found.certificate.final_alignment)]  # fmt: skip
        rows.append([str(p), str(T), str(found.step), *intervals, f"{found.final_alignment:.5f}",
                     f"{waited:.1f} s ({spent:.1f} s)"])  # fmt: skip
        columns = ["p", "T", "certified at", "all later t", "final", "seen at the end", "time (CPU), with training"]
        note = r"tanh, $n=50$, $d=150$, $x\sim N(0,I)$, $\eta=0.01$, $\lambda=0.5$ until $T$, then 0; rigorous."
        print(rows[-1], record("certified_alignment", columns, rows, note), flush=True)


PARTS = {"widths": widths, "survival": condition, "reversal": reversal, "certified": certified}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    PARTS[parser.parse_args().part]()


if __name__ == "__main__":
    main()
