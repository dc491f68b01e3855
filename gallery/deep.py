"""Three hidden layers: what feedback alignment, direct feedback and backpropagation carry back.

In each layer the cosine between the error signal that a rule carries there and the gradient of backpropagation.
Feedback alignment sends the error through fixed random matrices from layer to layer, direct feedback alignment
straight to each layer. With a penalty on β the last layer aligns with its feedback, the layers below less;
backpropagation is 1 by definition.
"""

import numpy as np

from fa_ref import Problem, schedules
from fa_ref.deep import DeepNetwork, train_deep
from gallery.frame import canvas, main

RULES = {"fa": "feedback alignment", "dfa": "direct feedback alignment", "bp": "backpropagation"}


def picture(*, quick=False):
    problem = Problem(np.eye(5, 8), (-1.0) ** np.arange(5))
    p, steps = (60, 60) if quick else (150, 1500)
    figure, three = canvas(3, height=3.4)
    for axes, (rule, title) in zip(three, RULES.items(), strict=True):
        network = DeepNetwork.gaussian(L=3, p=p, d=8, rng=np.random.default_rng(0))
        run = train_deep(
            problem, network, "tanh", eta=0.1, steps=steps, ridge=schedules.constant(0.3), rule=rule,
            record_every=10,
        )  # fmt: skip
        for layer, cosines in enumerate(run.layers.T, start=1):
            axes.plot(run.times, cosines, label=f"layer {layer}")
        axes.axhline(0.0, color="grey", linewidth=0.8)
        axes.set(title=title, xlabel="step t", ylim=(-0.25, 1.05))
    three[0].set_ylabel("cosine with backpropagation")
    three[0].legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
