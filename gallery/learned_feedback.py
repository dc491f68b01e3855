"""Feedback that learns: Kolen and Pollack's rule brings b to β.

If b gets the update of β, their difference shrinks with the penalty and with nothing else: β − b is c(t) times
what it was, exactly. So the cosine lies above the dashed bound, goes to 1, and the same penalty takes much
longer under feedback alignment, whose b stands still.
"""

import numpy as np

from fa_ref import Network, Problem, Setting, data, schedules, train
from gallery.frame import canvas, main
from validation.beyond.learned import ALIGNMENT


def picture(*, quick=False):
    rng = np.random.default_rng(0)
    X = data.gaussian_inputs(10, 30, rng, scale=30**-0.5)
    problem = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    network = Network.gaussian(200 if quick else 800, 30, rng)
    setting = Setting(problem, network, "tanh", eta=0.1, ridge=schedules.constant(0.2))
    steps = 150 if quick else 500
    figure, axes = canvas()
    for rule, name in (("kolen-pollack", "Kolen–Pollack"), ("fa", "feedback alignment")):
        run = train(setting.replace(rule=rule), steps=steps)
        axes.plot(run.times, run.alignment, label=name)
        for inequality in ALIGNMENT.judge(run).inequalities if rule == "kolen-pollack" else ():
            axes.plot(inequality.times, inequality.lhs, "k--", label="proved lower bound")
    axes.set(xlabel="step t", ylabel="cos∠(b, β(t))", ylim=(-0.1, 1.05))
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
