"""The kernel of training: eigenvalues of G + H, wide and narrow.

The residual contracts along the eigenvectors of G + H. G is positive definite; H, through which feedback
alignment moves the hidden weights, has eigenvalues of both signs. In a wide network H is small and nothing
changes; in a narrow one the smallest eigenvalue of G + H starts below zero, and becomes positive while the
network trains.
"""

import numpy as np

from fa_ref import Network, Problem, data, train
from gallery.frame import canvas, main
from theory.kernels import empirical_G, empirical_H, mean_kernel


def picture(*, quick=False):
    rng = np.random.default_rng(3)
    X = data.gaussian_inputs(12, 20, rng)
    problem = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    gamma, steps = mean_kernel(X, "tanh").gamma, 60 if quick else 400
    figure, both = canvas(2)
    for axes, p in zip(both, (40, 4000), strict=True):
        times, seen = [], []

        def look(t, now, times=times, seen=seen):
            times.append(t)
            seen.append(np.linalg.eigvalsh(empirical_G(X, now, "tanh") + empirical_H(X, now, "tanh")))

        train(problem, Network.gaussian(p, 20, rng), "tanh", eta=0.02, steps=steps, record_every=5, observe=look)
        axes.plot(times, np.array(seen), color="C0", linewidth=0.9)
        axes.axhline(gamma, color="black", linestyle="--", label="γ = λ_min(Ḡ)")
        axes.axhline(0.0, color="grey", linewidth=0.8)
        axes.set(title=f"p = {p}: smallest at the start {seen[0][0]:.2f}", xlabel="step t")
        axes.legend(frameon=False)
    both[0].set_ylabel("eigenvalues of G + H")
    return figure


if __name__ == "__main__":
    main(picture)
