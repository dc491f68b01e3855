"""Where the proof of Theorem 3.2 loses: both sides of every lemma.

A network wide enough to be certified before it is trained, and for each lemma of the proof the factor between
what it bounds and what happens, at the worst step: 1 would be tight. The movement of the weights is bounded
within a small factor; the drifts of G and H are bounded term by term, without the signs that make the terms
cancel.
"""

import numpy as np

from fa_ref import Network, Problem, Setting
from gallery.frame import canvas, main
from theory.convergence.closing import close
from theory.convergence.ledger import audit
from theory.convergence.theorem_3_2 import drifts


def picture(*, quick=False):
    problem = Problem(np.eye(2), [0.2, -0.2])
    network = Network.gaussian(10_000 if quick else 100_000, 2, np.random.default_rng(0))
    setting = Setting(problem, network, "tanh", eta=0.5)
    figure, axes = canvas(width=6.2)
    for k, form in enumerate(("explicit", "second-order")):
        lemmas = drifts(setting, form=form)
        ledger = audit(setting, lemmas, proof=close(lemmas), steps=2 if quick else 20)
        factors = {name: f for name, f in ledger.looseness().items() if np.isfinite(f)}
        rows = np.arange(len(factors)) + 0.2 - 0.4 * k
        axes.barh(rows, list(factors.values()), 0.38, label=form.replace("-", " ") + " constants")
        axes.set_yticks(np.arange(len(factors)), list(factors))
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="bound / what happens, smallest over all steps")
    axes.invert_yaxis()
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
