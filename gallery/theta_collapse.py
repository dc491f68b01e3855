"""One curve for all widths: under a penalty the clock is θ = t/√p.

A constant penalty aligns b and β, the wider the network the later. Against θ = t/√p the runs fall onto one
curve, the limit p → ∞, which is computed without a fitted number.
"""

import math

import numpy as np

from fa_ref import Network, Problem, data, schedules, train
from gallery.frame import canvas, main
from theory.limits import wide_prediction


def picture(*, quick=False):
    rng = np.random.default_rng(1)
    problem = Problem(data.isometric_inputs(5, 10, rng), (-1.0) ** np.arange(5))
    ridge, end = schedules.constant(0.5), 40.0
    widths, particles = ([100, 400], 256) if quick else ([100, 400, 1600, 6400], 2048)
    figure, (steps, collapsed) = canvas(2)
    for p in widths:
        network = Network.gaussian(p, 10, rng)
        run = train(problem, network, "tanh", eta=0.1, ridge=ridge, steps=int(end * math.sqrt(p)))
        steps.plot(run.times, run.alignment, label=f"p = {p}")
        collapsed.plot(run.times / math.sqrt(p), run.alignment)
    theta = np.linspace(0.0, end, 21)[1:]
    said = wide_prediction(problem, "tanh", theta, eta=0.1, ridge=ridge, particles=particles)
    collapsed.plot(said.theta, said.alignment, "k--", label="limit p → ∞")
    steps.set(xlabel="step t", ylabel="cos∠(b, β(t))", xscale="log", xlim=(1, None), title="against t")
    collapsed.set(xlabel="θ = t/√p", title="against t/√p")
    for axes in (steps, collapsed):
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
