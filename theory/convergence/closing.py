"""How the argument closes: the largest rate that the lemmas and the step-size clause sustain together.

The lemmas of `theory.convergence.lemmas_3_2` bound everything by U ≥ η Σ ‖e(t)‖. A rate a is proved if with U = E/a
every step is guaranteed to contract at least at rate a, because then the residuals sum to E/a at most. Both what
the drifts leave (``floor``) and what the step size allows (``room``) grow with a, so this asks for the largest a
with min(floor(E/a), room(E/a)) ≥ a. Proof: docs/convergence.md, section 2.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from theory.convergence.lemmas_3_2 import Drifts
from theory.convergence.start import Instance
from theory.margins import Certificate, Margin

__all__ = ["bounds_at", "budget", "close", "closes_at", "largest_rate"]

#: Steps of the descent that shows that no rate is sustained. They suffice unless the largest ratio of the rate
#: sustained to the rate asked for is within about 10⁻⁴ of 1; there the search for that ratio decides.
DESCENTS = 400

#: Rates below this part of the largest conceivable one are not searched.
SMALLEST = math.exp(-40.0)


def close(lemmas: Drifts) -> Certificate:
    """Close the argument: the largest rate that the lemmas sustain, and every condition's margin.

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting
    >>> from theory.convergence.theorem_4_3 import drifts
    >>> problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(400, 2, np.random.default_rng(0))
    >>> proof = close(drifts(Setting(problem, network, "identity", eta=0.1), form="sharper"))
    >>> 0.5 < proof.rate < 1.2 and all(margin.met for margin in proof.margins)
    True
    """
    given, constants = lemmas.hypotheses(), _start(lemmas.instance)
    if not all(margin.met for margin in given):
        return Certificate(lemmas.theorem, None, (*given, *_step_size_alone(lemmas)), constants)
    E, size = lemmas.instance.E, lemmas.instance.largest

    def left(a: float) -> float:
        return _known(lambda: lemmas.floor(E / a, size))

    def both(a: float) -> float:
        return min(left(a), _known(lambda: lemmas.room(E / a, size)))

    rate, ratio = largest_rate(both, lemmas.start())
    if rate is None:
        rate, ratio = largest_rate(left, lemmas.start())  # which of the two conditions fails
        step = _step_size_alone(lemmas) if rate is None else [_clause(lemmas, rate, E / rate, size)]
        return Certificate(lemmas.theorem, None, (*given, _closing(ratio), *step), constants)
    clause = lemmas.step_size(rate, E / rate, size)
    proved = rate if clause.met else None  # ``room`` is the clause solved for a: they agree but for rounding
    return Certificate(
        lemmas.theorem, proved, (*given, _closing(ratio), clause), constants | bounds_at(lemmas, E / rate)
    )


def _closing(ratio: float) -> Margin:
    return Margin("largest ratio of the rate sustained with U = E/a to a", ratio, 1.0)


def _known(bound: Callable[[], float]) -> float:
    """A lower bound; −∞ where a part beyond every float leaves none."""
    value = bound()
    return -math.inf if math.isnan(value) else value


def _clause(lemmas: Drifts, a: float, U: float, size: float) -> Margin:
    """The step-size clause; not met where it has a part beyond every float."""
    clause = lemmas.step_size(a, U, size)
    return replace(clause, value=math.inf) if math.isnan(clause.value) else clause


def _step_size_alone(lemmas: Drifts) -> list[Margin]:
    """The step-size clause where no rate is proved: with a = U = 0, its weakest reading."""
    step = _clause(lemmas, 0.0, 0.0, 0.0)
    return [step] if math.isfinite(step.value) else []


def largest_rate(sustained: Callable[[float], float], top: float) -> tuple[float | None, float]:
    """Find the largest a ≤ top with ``sustained(a) ≥ a``, for a function that does not decrease.

    For ``sustained(a) = B − C/a`` that is (B + √(B² − 4C))/2, where the ratio sustained(a)/a is largest at
    a = 2C/B, with value B²/4C. The search maximises the ratio the same way, then looks for its last crossing of 1.
    If the ratio found stays below 1, a ← sustained(a) descends from the top: whatever is sustained lies below every
    iterate, so that nothing is once they are negligible.

    Returns
    -------
    rate : float or None
        Checked: ``sustained(rate) >= rate`` in floating point.
    ratio : float
        The largest ratio found; below 1 it says by how much the argument misses.

    Examples
    --------
    >>> rate, ratio = largest_rate(lambda a: 3.0 - 2.0 / a, 10.0)
    >>> round(rate, 9), round(ratio, 9)
    (2.0, 1.125)
    >>> largest_rate(lambda a: 2.0 - 2.0 / a, 10.0)[0] is None
    True
    """
    if not 0.0 < top < math.inf:
        return None, 0.0

    def clean(a: float) -> float:
        value = sustained(a)
        return -math.inf if math.isnan(value) else value

    def ratio(log_a: float) -> float:
        return min(max(clean(top * math.exp(log_a)) / (top * math.exp(log_a)), -1e300), 1e300)

    grid = np.linspace(math.log(SMALLEST), 25.0, 131)  # beyond the top for the ratio alone, of which 0 is a point
    values = [ratio(s) for s in grid]
    k = int(np.argmax(values))
    span = grid[max(k - 1, 0)], grid[min(k + 1, grid.size - 1)]
    found = minimize_scalar(lambda s: -math.asinh(ratio(s)), bounds=span, method="bounded", options={"xatol": 1e-9})
    peak, best = max((float(found.x), ratio(float(found.x))), (float(grid[k]), values[k]), key=lambda pair: pair[1])
    if clean(top) >= top:
        return top, max(best, clean(top) / top)
    known = [peak] if best >= 1.0 and peak < 0.0 else []
    known += [float(s) for s, value in zip(grid, values, strict=True) if value >= 1.0 and s < 0.0]
    if not known:
        rate = _descend(clean, top)
        return rate, best if rate is None else max(best, 1.0)
    low = max(known)
    rate = top * math.exp(brentq(lambda s: ratio(s) - 1.0, low, 0.0, xtol=1e-14, maxiter=1000))
    while clean(rate) < rate and rate > top * math.exp(low):
        rate = max(rate * (1.0 - 1e-13), top * math.exp(low))
    return (rate if clean(rate) >= rate else _descend(clean, top)), best


def _descend(sustained: Callable[[float], float], top: float) -> float | None:
    """The largest a ≤ top with sustained(a) ≥ a if an iterate of a ← sustained(a) meets it, and None otherwise."""
    a = top
    for _ in range(DESCENTS):
        below = sustained(a)
        if below >= a:
            return a
        if not below > SMALLEST * top:
            return None
        a = below
    return None


def closes_at(lemmas: Drifts, rate: float) -> bool:
    """Whether the lemmas prove this very rate, step-size clause included."""
    E, size = lemmas.instance.E, lemmas.instance.largest
    if not all(margin.met for margin in lemmas.hypotheses()):
        return False
    if not _known(lambda: lemmas.floor(E / rate, size)) >= rate:
        return False
    return bool(_clause(lemmas, rate, E / rate, size).met)


def budget(lemmas: Drifts) -> float | None:
    """The largest Σ λ(t) = Λ/η that the lemmas sustain, by bisection; None if not even the smallest.

    max λ(t) is bounded apart from it, by the step-size clause.
    """
    instance = lemmas.instance

    def closes(total: float) -> bool:
        return bool(close(replace(lemmas, instance=instance.with_total(total))))

    low = sys.float_info.min  # not 0, where the sharper forms for λ ≡ 0 would answer
    if not closes(low):
        return None
    if instance.y_norm == 0:
        return math.inf
    high = max(instance.e_norm, instance.y_norm) / instance.y_norm
    while closes(high):
        low, high = high, 2 * high
    high = min(high, sys.float_info.max)
    while high - low > 1e-9 * high:
        middle = low + (high - low) / 2
        low, high = (middle, high) if closes(middle) else (low, middle)
    return low / instance.eta


def _start(i: Instance) -> dict[str, float]:
    values = {"E": i.E, "e_norm": i.e_norm, "lambda_min_G": i.g_low, "lambda_max_G": i.g_top}
    return values | {"H_norm": i.h_norm, "b_square": i.b_square, "moment": i.moment, "total_ridge": i.total}


def bounds_at(lemmas: Drifts, U: float) -> dict[str, float]:
    """Every lemma's bound for residuals that sum to U."""
    return {
        "U": U, "D_w": lemmas.weight(U), "D_beta": lemmas.unit(U), "beta_movement": lemmas.beta(U),
        "drift_G": lemmas.G(U), "drift_H": lemmas.H(U), "omega": lemmas.remainder(U, lemmas.instance.largest),
        "alignment": lemmas.alignment(U) if lemmas.instance.total == 0 else math.nan,
    }  # fmt: skip
