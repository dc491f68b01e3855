"""Measure the alignment after Theorem 4.6's schedule at p = 10⁸, in law, against its closed form.

python -m studies.sharp_constant
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from fa_ref.data import isometric_inputs
from fa_ref.engines.reduced import sample_in_law
from fa_ref.problem import Problem
from studies.record import record
from theory.alignment import sharp_constant
from validation.beyond.deviations import sharp_constant_deviation

# n, gamma, L, nu, c_S, gamma/M
SETTINGS = (
    (10, 1.0, 3.0, 1.0, 5.0, 1.0),
    (10, 1.0, 3.0, 1.0, 0.5, 1.0),
    (10, 1.0, 3.0, 1.0, 0.088, 1.0),
    (1, 1.0, 3.0, 1.0, 5.0, 1.0),
    (2, 1.0, 1.0, 1.0, 1.0, 1.0),
    (2, 1.0, 10.0, 1.0, 8.0, 1.0),
    (3, 0.25, 1.0, 3.0, 3.0, 1.0),
    (4, 9.0, 0.1, 0.2, 8.0, 1.0),
    (5, 0.5, 0.3, 2.0, 1.0, 1.0),
    (5, 4.0, 3.0, 0.5, 8.0, 0.5),
    (20, 2.0, 10.0, 1.0, 10.0, 1.0),
    (30, 1.0, 3.0, 1.0, 2.0, 0.8),
    (20, 1.0, 30.0, 1.0, 30.0, 1.0),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--p", type=int, default=10**8)
    parser.add_argument("--draws", type=int, default=2)
    args = parser.parse_args()
    cpu, worst, rows = time.process_time(), 0.0, []
    for k, (n, gamma, L, nu, c_S, ratio) in enumerate(SETTINGS):
        eta, deviations = 0.5 / (gamma * (1.0 + L)), []
        for draw in range(args.draws):
            rng = np.random.default_rng([k, draw])
            y = rng.standard_normal(n)
            y *= nu * np.sqrt(n) / np.linalg.norm(y)
            problem = Problem(isometric_inputs(n, n, rng, gamma=gamma), y)
            start = sample_in_law(problem, args.p, rng)
            deviations.append(sharp_constant_deviation(L, c_S, problem, start, eta=eta, gamma_over_M=ratio))
        worst = max(worst, *np.abs(deviations))
        closed, shown = sharp_constant(L, c_S, nu, ratio), ", ".join(f"{x:+.1e}" for x in deviations)
        rows.append([n, f"{gamma:g}", f"{L:g}", f"{nu:g}", f"{c_S:g}", f"{ratio:g}", f"{closed:.5f}", shown])
        print(
            f"n = {n}, γ = {gamma:g}, L = {L:g}, ν = {nu:g}, c_S = {c_S:g}, γ/M = {ratio:g}: closed form"
            f" {sharp_constant(L, c_S, nu, ratio):.5f}, deviations {' '.join(f'{x:+.1e}' for x in deviations)}",
            flush=True,
        )
    columns = ["$n$", r"$\gamma$", "$L$", r"$\nu$", "$c_S$", r"$\gamma/M$", "closed form", "runs minus closed form"]
    print(record("sharp_constant", columns, rows, f"p = {args.p:.0e}, in law; largest deviation {worst:.1e}."))
    print(f"largest deviation {worst:.1e}; {time.process_time() - cpu:.0f} s of processor time")


if __name__ == "__main__":
    main()
