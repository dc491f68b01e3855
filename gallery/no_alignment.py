"""Without a penalty b and β do not align: n/p, with its constant.

The paper proves that the cosine is O(n/√p) where λ ≡ 0. The mean over pairs of networks that differ in the sign
of b is much smaller, c/p, and the constant c is known: the dashed line is computed from X and y alone.
"""

import numpy as np

from fa_ref import Network, Problem, data, train
from gallery.frame import canvas, main
from theory import no_alignment_coefficient


def picture(*, quick=False):
    rng = np.random.default_rng(0)
    X = data.gaussian_inputs(10, 30, rng, scale=30**-0.5)
    problem = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    widths, draws, steps = ([100, 400], 3, 200) if quick else ([100, 200, 400, 800, 1600], 10, 600)
    law = no_alignment_coefficient(problem, "tanh", eta=0.1, steps=steps)
    figure, axes = canvas()
    for p in widths:
        cosines = []
        for _ in range(draws):
            start = Network.gaussian(p, 30, rng)
            pair = (Network(start.W, start.beta, sign * start.b) for sign in (1, -1))
            cosines.append([train(problem, one, "tanh", eta=0.1, steps=steps).alignment[-1] for one in pair])
        axes.plot([p] * 2 * draws, np.abs(cosines).ravel(), ".", color="0.75", zorder=1)
        mean, error = np.mean(cosines), np.std(np.mean(cosines, axis=1)) / draws**0.5
        axes.errorbar(p, mean, error, fmt="o", color="C0", capsize=3)
    axes.plot([], [], "o", color="C0", label="mean over pairs ±b")
    axes.plot([], [], ".", color="0.75", label="|cos| of single networks")
    axes.plot(widths, law / np.array(widths), "k--", label=f"predicted: {law:.1f}/p")
    axes.set(xscale="log", yscale="log", xlabel="width p", ylabel="cos∠(b, β) at the end")
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
