"""Measure how fast networks approach the predicted alignment at t = θ√p, in paired runs of growing width.

    python -m studies.limits.theta_limit relu 0.2 --draws 3

Data, step sizes and λ of the paper's Figure 2 (see `figure2_prediction.py`). In one draw all widths share X, y and
a nested network, whose first units do not depend on p. The deviation of a run is the root mean square, over equally
spaced times, of cos∠(b, β) minus its prediction: that at the run's own width, and the limit p → ∞.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from fa_ref import schedules
from fa_ref.training import train
from studies.limits.figure2_prediction import RULES, published_problem
from studies.record import record
from theory.limits import wide_prediction
from validation.beyond.deviations import nested_network
from validation.judge.fits import fit_exponent

TEACHER_WIDTH = 1600  # one y for all widths


def deviations(
    activation: str, label: float, widths: list[int], theta: np.ndarray, draw: int, particles: int
) -> np.ndarray:
    """Rows (p, deviation from the prediction at width p, deviation from the limit)."""
    problem = published_problem(activation, TEACHER_WIDTH, draw)
    eta, lam = RULES.eta[activation], RULES.ridge(label)
    common = {"eta": eta, "ridge": schedules.constant(lam), "tolerance": 5e-4}
    # The limit from many particles; what width p changes in it from fewer, whose error cancels.
    limit, rough = (
        wide_prediction(problem, activation, theta, particles=count, **common) for count in (particles, 8192)
    )
    rows = []
    for p in widths:
        steps = np.rint(theta * np.sqrt(p)).astype(np.int64)
        mean = wide_prediction(problem, activation, steps / np.sqrt(p), p=p, particles=8192, **common)
        said = limit.alignment + mean.alignment - rough.alignment
        run = train(
            problem, nested_network(p, problem.d, 1000 + draw), activation,
            eta=eta, steps=int(steps[-1]), ridge=schedules.constant(lam), engine="gram",
        )  # fmt: skip
        off = [float(np.sqrt(np.mean((run.alignment[steps] - cosine) ** 2))) for cosine in (said, limit.alignment)]
        rows.append((p, *off))
        print(
            f"draw {draw}: p = {p:5d}, from its width's {off[0]:.4f}, from the limit {off[1]:.4f} (numerical"
            f" error up to {limit.error.max():.4f}); initialisation {mean.initial_share[-1]:.1e} of β at the end",
            flush=True,
        )
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("activation", choices=RULES.eta)
    parser.add_argument("label", type=float)
    parser.add_argument("--widths", type=int, nargs="+", default=[200 * 2**k for k in range(7)])
    parser.add_argument("--theta", type=float, default=100.0, help="last time; the published runs end at 357")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw")
    parser.add_argument("--particles", type=int, default=65536)
    args = parser.parse_args()
    theta, start = args.theta * np.arange(5, 17) / 16.0, time.perf_counter()
    table = np.vstack([
        deviations(args.activation, args.label, args.widths, theta, draw, args.particles)
        for draw in range(args.first, args.first + args.draws)
    ])  # fmt: skip
    widths, rows = sorted(set(table[:, 0].astype(int).tolist())), []
    for name, column in (("prediction at width p", 1), ("limit", 2)):
        fit = fit_exponent(table[:, 0], table[:, column])
        shown = [f"{np.sqrt(np.mean(table[table[:, 0] == p, column] ** 2)):.4f}" for p in widths]
        rows.append([name, *shown, f"{fit.slope:.2f} [{fit.low:.2f}, {fit.high:.2f}], {fit.points} runs"])
        print(f"{args.activation} {args.label}, from the {name}: exponent {fit.slope:.3f}"
              f" in [{fit.low:.3f}, {fit.high:.3f}] (95 %), {fit.points} runs")  # fmt: skip
    columns = ["deviation from", *(f"$p={p}$" for p in widths), "exponent (95 %)"]
    record(f"theta_limit_{args.activation}", columns, rows, f"{args.activation} {args.label}, {args.draws} draws.")
    print(f"{time.perf_counter() - start:.0f} s elapsed")


if __name__ == "__main__":
    main()
