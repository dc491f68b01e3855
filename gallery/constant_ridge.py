"""A penalty that is never switched off: linear networks diverge at a predicted time.

A constant penalty has no stationary point to converge to. The loss sits on a plateau, falls as the hidden
weights grow, and once η(λ + λ_max(G)) reaches 2 the run blows up: at θ_c = t/√p, whatever the step size and
however wide the network.
"""

import math

import numpy as np

from fa_ref import Problem, schedules, train
from fa_ref.engines.reduced import sample_in_law
from gallery.frame import canvas, main
from theory.limits import edge_time, plateau


def picture(*, quick=False):
    rng = np.random.default_rng(0)
    problem, ridge, eta = Problem(np.eye(5), np.ones(5)), schedules.constant(1.0), 0.1
    edge = edge_time(problem, eta=eta, ridge=ridge)
    figure, axes = canvas()
    for p in (100, 1000) if quick else (100, 1000, 10_000, 100_000):
        steps = int(1.5 * edge * math.sqrt(p))
        run = train(
            problem, sample_in_law(problem, p, rng), "identity", eta=eta, ridge=ridge, steps=steps,
            record_every=max(1, steps // 2000),
        )  # fmt: skip
        theta = run.times[1:] / math.sqrt(p)
        axes.plot(theta, run.loss[1:], label=f"p = {p:,}")
    axes.axvline(edge, color="black", linestyle="--", label=f"θ_c = {edge:.0f}, predicted")
    axes.axhline(plateau(problem, "identity", ridge).loss, color="grey", linestyle=":", label="plateau, predicted")
    axes.set(yscale="log", xscale="log", xlim=(0.1, 2 * edge), ylim=(1e-5, 1e6), xlabel="θ = t/√p", ylabel="½‖e‖²")
    axes.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main(picture)
