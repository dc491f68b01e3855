"""Predict rows of the paper's Figure 2 and compare them with the published runs.

    python benchmarks/figure2_prediction.py relu 0.2 --reference figure2_published.csv --datasets 16 --widths 12800

Settings in the convention ½‖e‖²: n = 50, d = 150, x ~ N(0, I), update steps 1e-3 (linear), 1e-2 (relu), 1e-1 (tanh) on the
mean-squared loss, at least ⌊5000√p/14⌋ steps, then more by the thousand until that loss changes by less than 1e-3.
"""  # noqa: E501

from __future__ import annotations

import argparse
import csv
import math
import time

import numpy as np
from scipy.interpolate import PchipInterpolator

from fa_ref import schedules
from fa_ref.adapters import eta_from_mean_squared_step, ridge_from_mean_squared_label
from fa_ref.data import gaussian_inputs, linear_teacher, network_teacher
from fa_ref.engines.reduced import sample_in_law
from fa_ref.problem import Problem
from fa_ref.training import train
from theory.limits import wide_prediction

UPDATE_STEP = {"linear": 1e-3, "relu": 1e-2, "tanh": 1e-1}
WIDTHS = (200, 400, 800, 1600, 3200, 6400, 12800)
N, D = 50, 150


def published_problem(activation: str, p: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    X = gaussian_inputs(N, D, rng)
    return Problem(X, linear_teacher(X, rng) if activation == "linear" else network_teacher(X, p, activation, rng))


def predicted_alignment(
    problem: Problem, activation: str, label: float, p: int, particles: int
) -> tuple[float, int]:
    """Alignment and step at which the published stopping rule ends the run."""
    eta = eta_from_mean_squared_step(UPDATE_STEP[activation], N)
    ridge = schedules.constant(ridge_from_mean_squared_label(label, N))
    first = int(5000 * np.sqrt(p) / 14)
    extra = 8  # thousands of steps beyond the first that are looked at
    while True:
        steps = np.unique(
            np.rint(first + 1000.0 * np.array([0, 1, 2, 4, *range(8, extra + 1, max(8, extra // 8))]))
        )
        run = wide_prediction(
            problem,
            activation,
            steps / np.sqrt(p),
            eta=eta,
            ridge=ridge,
            p=p,
            particles=particles,
            tolerance=3e-3,
        )
        reads = np.arange(first, steps[-1] + 1, 1000)
        loss = PchipInterpolator(steps, run.mean_square)(reads)
        settled = np.flatnonzero(np.abs(np.diff(loss)) < 1e-3)
        if settled.size:
            end = int(reads[settled[0] + 1])
            return float(PchipInterpolator(steps, run.alignment)(end)), end
        extra *= 4


def simulated_alignment(problem: Problem, label: float, p: int, rng: np.random.Generator) -> tuple[float, int]:
    """The same of one linear network, simulated exactly in law."""
    eta, first, longest = eta_from_mean_squared_step(UPDATE_STEP["linear"], N), int(5000 * np.sqrt(p) / 14), 200
    ridge = schedules.constant(ridge_from_mean_squared_label(label, N))
    start, steps = sample_in_law(problem, p, rng), first + 1000 * longest
    run = train(problem, start, "linear", eta=eta, steps=steps, ridge=ridge, record_every=math.gcd(first, 1000))
    reads = np.searchsorted(run.times, first + 1000 * np.arange(longest + 1))
    settled = np.flatnonzero(np.abs(np.diff(np.mean(run.residuals[reads] ** 2, axis=1))) < 1e-3)
    if not settled.size:
        raise RuntimeError(f"p = {p}: the loss did not settle within {longest} thousand steps")
    end = reads[settled[0] + 1]
    return float(run.alignment[end]), int(run.times[end])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("activation", choices=UPDATE_STEP)
    parser.add_argument("label", type=float)
    parser.add_argument("--reference")
    parser.add_argument("--datasets", type=int, default=1)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--particles", type=int, default=2048)
    parser.add_argument("--simulate", action="store_true", help="linear: also run networks, in law")
    args = parser.parse_args()
    published = {}
    if args.reference:
        with open(args.reference, newline="") as file:  # noqa: PTH123
            for row in csv.DictReader(file):
                if row["activation"] == args.activation and float(row["lambda_label"]) == args.label:
                    spread = float(row["alignment_sd"]) / int(row["runs"]) ** 0.5
                    published[int(row["p"])] = f"{float(row['alignment_mean']):.4f} ± {spread:.4f}"
    predicted_alignment(
        published_problem(args.activation, 200, 0), args.activation, args.label, 200, 1024
    )  # compile
    elapsed, cpu = time.perf_counter(), time.process_time()
    print(f"{args.activation} {args.label}:     p   predicted ± s.e.     published ± s.e.   steps")
    for p in args.widths:
        problems = [published_problem(args.activation, p, seed) for seed in range(args.datasets)]
        rows = [predicted_alignment(one, args.activation, args.label, p, args.particles) for one in problems]
        cosines = np.array([row[0] for row in rows])
        error = cosines.std(ddof=1) / np.sqrt(cosines.size) if cosines.size > 1 else np.nan
        steps = np.mean([row[1] for row in rows])
        print(
            f"{p:17d}   {cosines.mean():.4f} ± {error:.4f}    {published.get(p, '-'):>16s}   {steps:.0f}",
            flush=True,
        )
        if args.simulate and args.activation == "linear":
            runs = np.array([
                simulated_alignment(one, args.label, p, np.random.default_rng([1, seed]))
                for seed, one in enumerate(problems)
            ])  # fmt: skip
            off = runs[:, 0] - cosines
            print(
                f"{'simulated':>17s}   {runs[:, 0].mean():.4f}, {runs[:, 1].mean():.0f} steps;"
                f" minus predicted {off.mean():+.4f} ± {off.std(ddof=1) / np.sqrt(off.size):.4f}",
                flush=True,
            )
    print(f"{time.perf_counter() - elapsed:.1f} s elapsed, {time.process_time() - cpu:.1f} s of processor time")


if __name__ == "__main__":
    main()
