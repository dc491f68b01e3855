"""Width and penalty decide: the alignment after 500 steps, with the predicted boundary.

Each square is one linear network, drawn in law (so that width costs nothing) and trained for 500 steps with a
constant penalty. Narrow networks with a large penalty align; the line is where the mean dynamics of
`theory.limits`, at each width, say that the cosine is one half.
"""

import numpy as np

from fa_ref import Problem, data, schedules, train
from fa_ref.engines.reduced import sample_in_law
from gallery.frame import canvas, main
from theory.limits import wide_alignment

STEPS, ETA = 500, 0.05


def picture(*, quick=False):
    rng = np.random.default_rng(0)
    problem = Problem(data.isometric_inputs(10, 20, rng), (-1.0) ** np.arange(10))
    cells = 5 if quick else 25
    widths = np.unique(np.geomspace(50, 50_000, cells).astype(int))
    penalties = np.geomspace(0.03, 15, cells)
    seen, said = np.empty((cells, cells)), np.empty((cells, cells))
    for i, lam in enumerate(penalties):
        ridge = schedules.constant(lam)
        for j, p in enumerate(widths):
            network = sample_in_law(problem, int(p), rng)
            run = train(problem, network, "identity", eta=ETA, ridge=ridge, steps=STEPS, record_every=STEPS)
            seen[i, j] = run.alignment[-1]
            said[i, j] = wide_alignment(problem, "identity", STEPS / np.sqrt(p), eta=ETA, ridge=ridge, p=int(p))
    figure, axes = canvas()
    shown = axes.pcolormesh(widths, penalties, seen, vmin=-0.1, vmax=1, cmap="viridis", shading="nearest")
    axes.contour(widths, penalties, said, levels=[0.5], colors="white", linewidths=2)
    axes.plot([], [], color="white", linewidth=2, label="½, predicted")
    axes.legend(loc="lower left", labelcolor="white", facecolor="#440154", framealpha=1)
    axes.set(xscale="log", yscale="log", xlabel="width p", ylabel="penalty λ")
    figure.colorbar(shown, label=f"cos∠(b, β) at t = {STEPS}")
    return figure


if __name__ == "__main__":
    main(picture)
