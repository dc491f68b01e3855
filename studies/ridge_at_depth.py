"""Does a penalty on β align networks of L hidden layers? cos∠(b_L, β) and the layers' cosines at t = θ√p.

python -m studies.ridge_at_depth --widths 100 200 400

Beside it the θ-limit of the last layer alone: one hidden layer whose inputs have the Gram matrix Ḡ_{L−1}, so
with the layers below standing still. Measured means have 95 % intervals over networks; "p → ∞, fitted" is the
intercept of cos ≈ a + c/√p, with its interval.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from scipy import stats

from fa_ref import Problem, schedules
from fa_ref.deep import DeepNetwork, train_deep
from studies.record import record
from theory import wide_alignment
from theory.kernels.deep import deep_kernel

ETA, LAM, THETA = 0.3, 0.3, 10.0


def inputs() -> Problem:
    """Five Gaussian inputs of dimension eight and Gaussian targets."""
    rng = np.random.default_rng(0)
    return Problem(rng.standard_normal((5, 8)) / np.sqrt(8.0), rng.standard_normal(5))


def predicted(problem: Problem, L: int) -> float:
    """The θ-limit of the last layer."""
    K = problem.K if L == 1 else deep_kernel(problem.X, "tanh", L - 1).G
    last = Problem(np.linalg.cholesky(K), problem.y)
    return float(wide_alignment(last, "tanh", [THETA], eta=ETA, ridge=schedules.constant(LAM))[0])


def measured(problem: Problem, L: int, rule: str, p: int, seed: int) -> list[float]:
    """cos∠(b_L, β), then the cosine of every layer, of one network at t = θ√p."""
    network = DeepNetwork.gaussian(L=L, p=p, d=problem.d, rng=np.random.default_rng([seed, L, p]))
    steps = round(THETA * np.sqrt(p))
    run = train_deep(problem, network, "tanh", eta=ETA, steps=steps, ridge=schedules.constant(LAM), rule=rule,
                     record_every=steps)  # fmt: skip
    return [float(run.alignment[-1]), *run.layers[-1].tolist()]


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean and the half of its 95 % interval, Student's t."""
    half = stats.t.ppf(0.975, values.size - 1) * np.std(values, ddof=1) / np.sqrt(values.size)
    return float(np.mean(values)), float(half)


def intercept(widths: list[int], values: list[np.ndarray]) -> tuple[float, float]:
    """a of cos ≈ a + c/√p by least squares over all runs, and the half of its 95 % interval."""
    x = np.concatenate([np.full(v.size, p**-0.5) for p, v in zip(widths, values, strict=True)])
    fit = stats.linregress(x, np.concatenate(values))
    return float(fit.intercept), float(stats.t.ppf(0.975, x.size - 2) * fit.intercept_stderr)


def shown(mean: float, half: float) -> str:
    return f"{mean:.3f} ± {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--widths", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--networks", type=int, default=8)
    args = parser.parse_args()
    problem, rows, kept, begun = inputs(), [], [], time.process_time()
    for L in args.depths:
        limit = predicted(problem, L)
        for rule in ("fa", "dfa") if L > 1 else ("fa",):
            runs = [
                np.array([measured(problem, L, rule, p, seed) for seed in range(args.networks)])
                for p in args.widths
            ]
            means = [interval(run[:, 0]) for run in runs]
            a, half = intercept(args.widths, [run[:, 0] for run in runs])
            layers = ", ".join(f"{x:.2f}" for x in runs[-1][:, 1:].mean(axis=0))
            name = "fa = dfa" if L == 1 else rule
            rows.append([L, name, *(shown(*m) for m in means), shown(a, half), f"{limit:.3f}", layers])
            kept.append(
                {"L": L, "rule": rule, "widths": args.widths, "cos": [run[:, 0].tolist() for run in runs],
                 "layers": [run[:, 1:].mean(axis=0).tolist() for run in runs], "intercept": [a, half],
                 "limit": limit}
            )  # fmt: skip
            print(rows[-1], f"{time.process_time() - begun:.0f} s of processor time", flush=True)
            write(args, rows, kept)


def write(args: argparse.Namespace, rows: list[list[Any]], kept: list[dict[str, Any]]) -> None:
    columns = ["$L$", "rule", *(f"$p={p}$" for p in args.widths), r"$p\to\infty$, fitted", "last layer's limit",
               rf"layers $1,\dots,L$, $p={args.widths[-1]}$"]  # fmt: skip
    note = (
        rf"$\cos\angle(b_L,\beta)$ at $t={THETA:g}\sqrt p$; tanh, $n=5$, $d=8$, $\eta={ETA}$,"
        rf" $\lambda={LAM}$ constant,"
        f" {args.networks} networks each, 95 % intervals."
    )
    record("ridge_at_depth", columns, rows, note, runs=kept)


if __name__ == "__main__":
    main()
