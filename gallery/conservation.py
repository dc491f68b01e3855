"""A conservation law: alignment grows as the hidden weights do.

For ψ with ψ′(z)z = ψ(z), b·β and half the squared size of all hidden weights grow by the same amount, but for
the squared lengths of the steps, and this holds exactly at every step. ReLU is such a ψ. For tanh the two part.
"""

import numpy as np

from fa_ref import Network, Problem, Setting
from gallery.frame import canvas, main
from validation.beyond import conservation
from validation.beyond.weights import WeightRecord


def picture(*, quick=False):
    problem = Problem(np.eye(4), [1.0, -1.0, 2.0, 0.5])
    network = Network.gaussian(60 if quick else 200, 4, np.random.default_rng(0))
    figure, both = canvas(2)
    for axes, psi in zip(both, ("relu", "tanh"), strict=True):
        run = WeightRecord.of(Setting(problem, network, psi, eta=0.1), steps=40 if quick else 200)
        aligned = run.beta @ network.b - network.beta @ network.b
        sizes = 0.5 * np.sum(run.W**2, axis=(1, 2))
        lengths = np.append(0.0, np.cumsum(0.5 * np.sum(np.diff(run.W, axis=0) ** 2, axis=(1, 2))))
        axes.plot(run.times, aligned, linewidth=4, alpha=0.4, label="b·β(t) − b·β(0)")
        axes.plot(run.times, sizes - sizes[0] - lengths, "k--", label="½Σ‖w_r‖², less its steps")
        axes.set(title=f"{psi}: {conservation.CLAIM.judge(run).status}", xlabel="step t")
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
