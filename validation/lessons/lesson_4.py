"""Lesson 4: Theorem 3.2 on a network of one's own: hypotheses, margins, and where the proof loses."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from fa_ref import Network, Setting, Trajectory
from theory.convergence import Ledger, audit, theorem_3_2
from theory.convergence.ledger import LEMMAS
from theory.kernels import kernel_of
from validation.lessons.marking import THREE_DIGITS, NotYetError, array, compare, exercise

__all__: list[str] = []


@exercise("4.1")
def largest_step(answer: Any, setting: Setting) -> str:
    """The largest η with η n B0² ≤ 1."""
    n, B0 = setting.problem.n, setting.activation.B0
    top = float(kernel_of(setting.problem, setting.activation).lambda_max_upper)
    mistakes = {
        "every sample can bring B0² to the largest eigenvalue of G: n is missing": 1.0 / B0**2,
        "2/λ_max is the edge of stability; the hypothesis keeps ηG below 1": 2.0 / top,
        "1/λ_max(Ḡ) is enough on the average; the hypothesis has to hold for every network": 1.0 / top,
        "2/(nB0²) is the edge of stability; the hypothesis is ηnB0² ≤ 1": 2.0 / (n * B0**2),
    }
    compare(answer, 1.0 / (n * B0**2), mistakes)
    return "η = 1/(nB0²), since λ_max(G) ≤ tr G ≤ nB0²"


@exercise("4.2")
def observed_rate(answer: Any, run: Trajectory) -> str:
    """The largest a with ‖e(t+1)‖ ≤ (1 − ηa)‖e(t)‖ at every step, rounding left out."""
    norms, eta = run.residual_norms, run.setting.eta
    norms = norms[norms > 1e-8 * norms[0]]
    ratios, gamma = norms[1:] / norms[:-1], kernel_of(run.setting.problem, run.setting.activation).gamma
    right = (1.0 - float(ratios.max())) / eta
    mistakes = {
        "that is what the theorem promises; measure what the run did": gamma / 4.0,
        "that is γ; measure what the run did": gamma,
        "divide by η: the contraction in one step is 1 − ηa": 1.0 - float(ratios.max()),
        "that is the fastest step; every step has to be at least as fast as a": (1.0 - float(ratios.min())) / eta,
        "that is the mean rate; one slower step is enough to break the inequality": (
            (1.0 - float((norms[-1] / norms[0]) ** (1.0 / ratios.size))) / eta
        ),
    }
    compare(answer, right, mistakes, THREE_DIGITS)
    return f"{right / (gamma / 4.0):.2f} times the γ/4 that is promised"


@exercise("4.3")
def loosest_lemma(answer: Any, ledger: Ledger) -> str:
    """The lemma whose bound is the most times larger than what was measured."""
    loose = {lemma: factor for lemma, factor in ledger.looseness("running").items() if not math.isnan(factor)}
    worst = max(loose, key=lambda lemma: loose[lemma])
    if answer not in LEMMAS:
        raise NotYetError(f"expected the name of a lemma: {', '.join(loose)}")
    if answer not in loose:
        raise NotYetError("nothing rose above rounding there; look at the others")
    if answer != worst:
        raise NotYetError(f"its bound is {loose[answer]:.3g} times what happens; another one loses more")
    return f"its bound is {loose[worst]:.3g} times what happens"


@exercise("4.4")
def exponents(answer: Any, setting: Setting) -> str:
    """The powers of p by which ‖G(t) − G(0)‖ and its bound fall, from widths 400 and 6400."""
    values = array(answer, (2,))
    seen = _drifts(setting)
    slopes = np.log(seen[6400] / seen[400]) / math.log(16.0)
    right = np.round(2.0 * slopes) / 2.0
    if np.array_equal(values, right):
        return f"measured between p = 400 and 6400: {slopes[0]:.2f} and {slopes[1]:.2f}"
    if np.array_equal(values, right[::-1]):
        raise NotYetError("the other way round: first what happens, then the bound")
    if np.array_equal(values, -right):
        raise NotYetError("the signs: both fall as p grows")
    if values[0] == values[1]:
        raise NotYetError("they fall at different speeds, so the proof loses more and more")
    which = "the first" if values[0] != right[0] else "the second"
    raise NotYetError(f"{which} is not it: from p = 400 to 6400 they fall by {_factors(seen)}, and √16 = 4")


@lru_cache(maxsize=8)
def _drifts(setting: Setting) -> dict[int, Any]:
    """The mean of `_drift` over three networks, at two widths."""
    return {p: np.mean([_drift(setting, p, seed) for seed in range(3)], axis=0) for p in (400, 6400)}


def _drift(setting: Setting, p: int, seed: int) -> tuple[float, float]:
    """The largest drift of G in 20 steps, and the bound at that time."""
    network = Network.gaussian(p, setting.problem.d, np.random.default_rng([p, seed]))
    wide = setting.replace(network=network)
    table = audit(wide, theorem_3_2.drifts(wide), steps=20).to_frame()
    table = table[table["lemma"] == "drift of G"]
    return float(table["measured"].max()), float(table["running"].max())


def _factors(seen: dict[int, Any]) -> str:
    return " and ".join(f"{factor:.1f}" for factor in seen[400] / seen[6400])
