"""Does Theorem 4.3 hold with probability at least 0.9 at p = 400? At a terminal a bar shows the draws."""

import numpy as np

import validation
from fa_ref import Network, Problem, train
from validation import theorem_4_3
from validation.commands.console import draws_bar


def law(rng):
    """Draw targets and a network, and train."""
    problem = Problem(np.eye(3), rng.choice([-1.0, 1.0], 3))
    return train(problem, Network.gaussian(400, 3, rng), "identity", eta=0.1, steps=40)


if __name__ == "__main__":
    with draws_bar("Theorem 4.3") as progress:
        rng = np.random.default_rng(0)
        print(validation.check(theorem_4_3, law, draws=2048, delta=0.1, rng=rng, progress=progress))
