"""Measure p · E cos∠(b, β) without ridge, over pairs ±b, against its predicted limit.

python -m studies.no_alignment --pairs 200
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import ArrayLike

from fa_ref.data import gaussian_inputs
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.training import train
from studies.record import record
from theory.alignment import no_alignment_coefficient

ETA, STEPS = 0.3, 60


def interval(values: ArrayLike, limit: float) -> str:
    mean, half = np.mean(values), 1.96 * np.std(values, ddof=1) / np.sqrt(np.size(values))
    return f"{mean:.3f} ± {half:.3f} ({'inside' if abs(mean - limit) <= half else 'outside'})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--widths", type=int, nargs="+", default=(50, 200, 800))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    X = gaussian_inputs(5, 8, np.random.default_rng(3), scale=8**-0.5)
    problem = Problem(X, [1.0, -1.0, 1.0, 1.0, -1.0])
    cpu, rows = time.process_time(), []
    for activation in ("linear", "tanh", "relu"):
        limit = no_alignment_coefficient(problem, activation, eta=ETA, steps=STEPS)
        rows.append([activation, f"{limit:.3f}"])
        for p in args.widths:
            rng, means, given = np.random.default_rng([args.seed, p]), [], []
            for _ in range(args.pairs):
                plus = Network.gaussian(p, problem.d, rng)
                minus = Network(plus.W, plus.beta, -plus.b)
                runs = [
                    train(problem, start, activation, eta=ETA, steps=STEPS, record_every=STEPS)
                    for start in (plus, minus)
                ]
                e_0 = runs[0].residuals[0]
                means.append(p * np.mean([run.alignment[-1] for run in runs]))
                given.append(no_alignment_coefficient(problem, activation, eta=ETA, steps=STEPS, residual=e_0))
            rows[-1].append(interval(means, limit))
            print(
                f"{activation:7s} p = {p:5d}, {2 * len(means)} networks, predicted {limit:.3f}: plain"
                f" {interval(means, limit)}, given e(0) {interval(np.subtract(means, given) + limit, limit)}",
                flush=True,
            )
        rows[-1].append(interval(np.subtract(means, given) + limit, limit))
    columns = [r"$\psi$", "predicted", *(f"$p={p}$" for p in args.widths), f"{args.widths[-1]}, given $e(0)$"]
    print(record("no_alignment", columns, rows, rf"$p\cos$ over {args.pairs} pairs $\pm b$, 95 % intervals."))
    print(f"{time.process_time() - cpu:.0f} s of processor time")


if __name__ == "__main__":
    main()
