"""How far proof and practice are apart: three widths side by side, and the lemma to blame.

    python -m studies.widths [--samples 1 2 3 5] [--figure docs/_static/widths.svg]

For n orthonormal inputs with |yᵢ| = 1 and tanh, per form of Theorem 3.2:

    empirical   smallest width at which 54 of 60 networks contract at rate γ/4 at every step of a run
    certified   smallest width at which 3 of 5 networks have a certificate, at whatever rate
    p*(0.1)     sufficient with probability 0.9, at rate γ/4

and what each lemma takes from λ_min(G(0)) at the certified width.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fa_ref import Network, Problem, Setting, train
from studies.record import record
from theory.convergence import theorem_3_2 as convergence
from theory.convergence.closing import close
from theory.convergence.widths_3_2 import sufficient_width
from theory.kernels import mean_kernel

ETA, DELTA = 0.05, 0.1


def problem_of(n):
    return Problem(np.eye(n), np.where(np.arange(n) % 2 == 0, 1.0, -1.0))


def smallest(works, start, ratio=1.1):
    """The smallest width, to a factor ``ratio``, on the geometric grid from ``start`` on, by bisection."""
    low, high = -1, 0
    while not works(round(start * ratio**high)):
        low, high = high, 2 * high + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(round(start * ratio**middle)) else (middle, high)
    return round(start * ratio**high)


def certified_width(n, form, networks=5, start=50):
    problem = problem_of(n)

    def works(p):
        draws = (Network.gaussian(p, n, np.random.default_rng([n, k])) for k in range(networks))
        return (
            2
            * sum(bool(convergence.certificate(Setting(problem, net, "tanh", eta=ETA), form=form)) for net in draws)
            > networks
        )

    return smallest(works, start)


def empirical_width(n, networks=60):
    problem, rate = problem_of(n), mean_kernel(np.eye(n), "tanh").gamma_lower / 4

    def contracts(p, k):
        network = Network.gaussian(p, n, np.random.default_rng([n, k]))
        norms = train(problem, network, "tanh", eta=ETA, steps=400).residual_norms
        norms = norms[norms > 1e-6 * norms[0]]  # far above rounding, which is below 1e-12 at these widths
        return bool((norms[1:] <= (1 - ETA * rate) * norms[:-1]).all())

    return smallest(lambda p: sum(contracts(p, k) for k in range(networks)) >= 0.9 * networks, 1, 1.15)


def blame(n, form, p):
    """The share of λ_min(G(0)) that each part of the proof takes, on one certified network at width p."""
    for k in range(20):
        lemmas = convergence.drifts(
            Setting(problem_of(n), Network.gaussian(p, n, np.random.default_rng([n, k])), "tanh", eta=ETA),
            form=form,
        )
        proof = close(lemmas)
        if proof:
            break
    i, U = lemmas.instance, proof.constants["U"]
    drift_H = lemmas.H(U) if form != "second-order" else 0.0
    parts = {
        "rate a": proof.rate,
        "H(0)": i.g_low - lemmas.start(),
        "drift of G": lemmas.lost(U, i.largest) - drift_H,
        "drift of H": drift_H,
        "remainder": lemmas.remainder(U, i.largest),
    }
    if form == "second-order":
        parts["drift of G and H"] = parts.pop("drift of G") + parts.pop("drift of H")
    return {name: part / i.g_low for name, part in parts.items()}


def measure(samples):
    rows = []
    for n in samples:
        row = {"n": n, "empirical": empirical_width(n)}
        for form in convergence.FORMS:
            p = certified_width(n, form)
            row[form] = {"certified": p, "shares": blame(n, form, p)}
            if form != "second-order":
                problem = problem_of(n)
                row[form]["sufficient"] = sufficient_width(problem, "tanh", eta=ETA, delta=DELTA, form=form)
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    return rows


def draw(rows, path):
    figure = Figure(figsize=(8.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    n = [row["n"] for row in rows]
    left.loglog(n, [row["empirical"] for row in rows], "ko-", label="works in practice")
    for form, colour in zip(convergence.FORMS, ("C3", "C1", "C0"), strict=True):
        left.loglog(n, [row[form]["certified"] for row in rows], "s-", color=colour, label=f"certified, {form}")
        if "sufficient" in rows[0][form]:
            sufficient = [row[form]["sufficient"] for row in rows]
            left.loglog(n, sufficient, "^--", color=colour, label=f"p*(0.1), {form}")
    left.set(xlabel="samples n", ylabel="width p", xticks=n, xticklabels=n)
    left.minorticks_off()
    left.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    last, bottom = rows[-1], dict.fromkeys(convergence.FORMS, 0.0)
    names = ["rate a", "H(0)", "drift of G", "drift of H", "drift of G and H", "remainder"]
    for k, name in enumerate(names):
        shares = [last[form]["shares"].get(name, 0.0) for form in convergence.FORMS]
        right.bar(convergence.FORMS, shares, bottom=list(bottom.values()), label=name, color=f"C{k}")
        bottom = {form: bottom[form] + share for form, share in zip(convergence.FORMS, shares, strict=True)}
    right.set(ylabel=f"share of λ_min(G(0)), n = {last['n']}", ylim=(0, 1))
    right.tick_params(axis="x", labelsize=7)
    right.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 2, 3, 5])
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    rows = measure(options.samples)
    lines = [
        ["works: 54 of 60 networks contract at rate $\\gamma/4$ at every step", *(r["empirical"] for r in rows)]
    ]
    lines += [[f"certified, {form} form", *(r[form]["certified"] for r in rows)] for form in convergence.FORMS]
    for form in convergence.FORMS:
        if "sufficient" in rows[0][form]:
            lines.append([f"sufficient with probability 0.9, {form} form", *(r[form]["sufficient"] for r in rows)])
    record("widths", ["width", *(f"$n={n}$" for n in options.samples)], lines, measured=rows)
    if options.figure:
        draw(rows, options.figure)


if __name__ == "__main__":
    main()
