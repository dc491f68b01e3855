"""Predict cells of the paper's Figure 2, without any run, and set them beside the published ones.

    python -m studies.limits.figure2_prediction [--cells relu:0.2 tanh:0.001 …] [--width 12800] [--datasets 16]

The set-up is that of `validation.experiments.synthetic`, the stopping rule, applied to the predicted loss, that of
`validation.experiments.stopping`. Linear networks are also simulated, exactly in law.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy.interpolate import PchipInterpolator

from fa_ref import Problem, Setting, schedules, train
from fa_ref.data import gaussian_inputs, linear_teacher, network_teacher
from fa_ref.engines.reduced import sample_in_law
from studies.record import record
from theory.limits import wide_prediction
from validation.experiments.compare import published
from validation.experiments.stopping import READING, latched_end, readings
from validation.experiments.synthetic import D, N, planned_steps, resolve_preset

CELLS = ("linear:0.5", "linear:0.2", "relu:0.2", "relu:0.02", "tanh:0.005", "tanh:0.001")
RULES = resolve_preset("as-run")


def published_problem(activation, p, seed):
    """Inputs and targets as published."""
    rng = np.random.default_rng(seed)
    X = gaussian_inputs(N, D, rng)
    return Problem(X, linear_teacher(X, rng) if activation == "linear" else network_teacher(X, p, activation, rng))


def setting_of(activation, label, p, seed):
    ridge = schedules.constant(RULES.ridge(label))
    return Setting(published_problem(activation, p, seed), None, activation, eta=RULES.eta[activation], ridge=ridge)


def predicted(setting, p, particles):
    """Alignment, step and share of the initialisation where the rule ends the predicted run."""
    planned = planned_steps(p)
    last = max(planned, READING)
    while True:
        # The loss that is left is smooth in time: readings far apart are interpolated.
        reads = np.array(readings(last))
        steps = np.unique([planned, *reads[:8], *reads[8 :: 1 if setting.activation.linear else 4], reads[-1]])
        run = wide_prediction(
            setting.problem, setting.activation, steps / np.sqrt(p), eta=setting.eta, ridge=setting.ridge, p=p,
            particles=particles, tolerance=3e-3,
        )  # fmt: skip
        end = latched_end(PchipInterpolator(steps, run.mean_square)(reads), planned)
        if end is not None:
            alignment, share = (
                float(PchipInterpolator(steps, row)(end)) for row in (run.alignment, run.initial_share)
            )
            return alignment, share, end
        last += 16 * READING


def simulated(setting, p, rng):
    """Alignment of one linear network, simulated exactly in law, where the rule ends its run."""
    planned, state = planned_steps(p), sample_in_law(setting.problem, p, rng)
    steps = max(4 * planned, 200 * READING)
    run = train(setting.replace(network=state), steps=steps, record_every=1)
    end = latched_end(np.mean(run.residuals[list(readings(steps))] ** 2, axis=1), planned)
    if end is None:
        raise RuntimeError(f"p = {p}: the loss did not settle within {steps} steps")
    return float(run.alignment[end])


def mean_and_error(values):
    values = np.asarray(values)
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(values.size):.3f}"


def row_of(cell, p, datasets, particles):
    activation, label = cell.split(":")
    label = float(label)
    settings = [setting_of(activation, label, p, seed) for seed in range(datasets)]
    found = np.array([predicted(setting, p, particles) for setting in settings])
    theirs = published("figure2").query("activation == @activation and lambda_label == @label and p == @p")
    mean, sd, runs = theirs[["alignment_mean", "alignment_sd", "runs"]].to_numpy()[0]
    in_law = "–"
    if activation == "linear":
        draws = [simulated(s, p, np.random.default_rng([1, seed])) for seed, s in enumerate(settings)]
        in_law = f"{mean_and_error(draws)} (SD {np.std(draws, ddof=1):.3f})"
    return [
        f"{activation} {label:g}", f"{found[:, 1].mean():.2g}", mean_and_error(found[:, 0]), in_law,
        f"{mean:.3f} ± {sd / runs**0.5:.3f} (SD {sd:.3f})", f"{found[:, 0].mean() - mean:+.3f}",
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=CELLS)
    parser.add_argument("--width", type=int, default=12800)
    parser.add_argument("--datasets", type=int, default=16)
    parser.add_argument("--particles", type=int, default=2048)
    options = parser.parse_args()
    columns = [
        r"$\psi$, label",
        r"$c\sqrt p/\|\beta\|$",
        "predicted",
        "simulated in law",
        "published",
        "predicted − published",
    ]
    rows, begun = [], time.process_time()
    for cell in options.cells:
        rows.append(row_of(cell, options.width, options.datasets, options.particles))
        print(" | ".join(rows[-1]), flush=True)
    note = f"$p={options.width}$; mean ± standard error over {options.datasets} data sets, published over 50 runs."
    print(
        record("figure2_prediction", columns, rows, note), f"{time.process_time() - begun:.0f} s of processor time"
    )


if __name__ == "__main__":
    main()
