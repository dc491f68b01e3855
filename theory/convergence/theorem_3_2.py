"""Theorems 3.2 and 4.2 with every constant explicit: certificates, sufficient widths and ridge budgets.

From the drifts of `theory.convergence.lemmas_3_2` the theorem takes one step: if with U = E/a the guaranteed rate
is at least a, then ‖e(t+1)‖ ≤ (1 − ηa − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖ at every t, because that recursion keeps η Σ
‖e(t)‖ ≤ E/a. The certificate is the largest such a. Proofs, lemma by lemma: docs/convergence.md.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from fa_ref import schedules
from fa_ref._support.checks import as_number
from fa_ref.activations import Activation, resolve
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.convergence.lemmas_3_2 import Drifts, Explicit
from theory.convergence.lemmas_sharper import FirstOrder, SecondOrder
from theory.convergence.start import Instance, measure
from theory.convergence.widths import sufficient_width
from theory.margins import Certificate, Margin

__all__ = ["FORMS", "certificate", "certify", "drifts", "largest_rate", "ridge_budget", "sufficient_width"]

#: The forms of the argument, from the printed one to the sharpest.
FORMS = ("explicit", "first-order", "second-order")


def certificate(
    problem: Problem,
    network: Network,
    activation: str | Activation,
    eta: float,
    ridge: Schedule | None = None,
    *,
    form: str = "explicit",
) -> Certificate:
    """Prove, before training, that this network converges: Theorem 3.2 (λ ≡ 0) or 4.2, on one instance.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    network : Network
        Weights at t = 0.
    activation : str or Activation
        ψ, with ψ, ψ′, ψ″ bounded (for the sharper forms ψ′, ψ″ suffice).
    eta : float
        Step size of the loss ½‖e‖².
    ridge : Schedule, optional
        λ(t), zero if not given. An infinite sum never has a certificate.
    form : {"explicit", "first-order", "second-order"}, optional
        The printed theorem with its constants; the same with measured norms; the latter with the drifts' linear
        parts measured as well (λ ≡ 0).

    Returns
    -------
    Certificate
        ``rate`` is the largest a > 0 proved, None (with `Certificate.why`) where the argument does not close.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.

    Examples
    --------
    >>> import numpy as np
    >>> problem, rng = Problem(np.eye(2), [1.0, -1.0]), np.random.default_rng(0)
    >>> proof = certificate(problem, Network.gaussian(20_000, 2, rng), "tanh", 0.1, form="second-order")
    >>> 0.1 < proof.rate < 0.4
    True
    >>> certificate(problem, Network.gaussian(20, 2, rng), "identity", 0.1).why
    'B0 = sup |ψ| = inf (finite): not met'
    """
    return certify(drifts(problem, network, activation, eta, ridge, form=form))


def drifts(
    problem: Problem,
    network: Network,
    activation: str | Activation,
    eta: float,
    ridge: Schedule | None = None,
    *,
    form: str = "explicit",
) -> Drifts:
    """The lemmas of one form, with the constants of one instance; parameters as in `certificate`."""
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}, got {form!r}")
    instance = measure(problem, network, psi, eta, ridge or schedules.zero())
    if form == "second-order":
        return SecondOrder.of(instance, problem, network, psi)
    return Explicit(instance) if form == "explicit" else FirstOrder(instance)


def certify(lemmas: Drifts) -> Certificate:
    """Close the argument: the largest rate that the lemmas sustain, and every condition's margin."""
    margins = lemmas.hypotheses()
    if not all(margin.met for margin in margins):
        margins += _step_size_alone(lemmas)
        return Certificate(lemmas.theorem, None, tuple(margins), _start(lemmas.instance))
    E = lemmas.instance.E
    rate, ratio = largest_rate(lambda a: lemmas.floor(E / a, E), lemmas.start())
    closing = Margin("largest ratio of the rate sustained with U = E/a to a", ratio, 1.0)
    if rate is None:
        return Certificate(
            lemmas.theorem, None, (*margins, closing, *_step_size_alone(lemmas)), _start(lemmas.instance)
        )
    step = lemmas.step_size(rate, E / rate, E)
    constants = _start(lemmas.instance) | bounds_at(lemmas, E / rate)
    return Certificate(lemmas.theorem, rate if step.met else None, (*margins, closing, step), constants)


def _step_size_alone(lemmas: Drifts) -> list[Margin]:
    """The step-size clause where no rate is proved: with a = U = 0, its weakest reading."""
    step = lemmas.step_size(0.0, 0.0, 0.0)
    return [step] if math.isfinite(step.value) else []


def largest_rate(sustained: Callable[[float], float], top: float) -> tuple[float | None, float]:
    """Find the largest a ≤ top with ``sustained(a) ≥ a``; ``sustained`` increases with a.

    For ``sustained(a) = B − C/a`` that is (B + √(B² − 4C))/2, where the ratio sustained(a)/a is largest at
    a = 2C/B, with value B²/4C. The search maximises the ratio the same way, then looks for its last crossing of 1.

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

    def ratio(log_a: float) -> float:
        a = top * math.exp(log_a)
        return max(sustained(a) / a, -1e300)

    grid = np.linspace(-40.0, 25.0, 131)
    values = [ratio(s) for s in grid]
    k = int(np.argmax(values))
    span = grid[max(k - 1, 0)], grid[min(k + 1, grid.size - 1)]
    found = minimize_scalar(lambda s: -math.asinh(ratio(s)), bounds=span, method="bounded", options={"xatol": 1e-9})
    peak, best = max((float(found.x), ratio(float(found.x))), (float(grid[k]), values[k]), key=lambda pair: pair[1])
    if best < 1.0:
        return None, best
    low = max([peak, *(float(s) for s, value in zip(grid, values, strict=True) if value >= 1.0 and s <= 0.0)])
    if low > 0.0 or sustained(top) >= top:
        return (top, best) if sustained(top) >= top else (None, best)
    rate = top * math.exp(brentq(lambda s: ratio(s) - 1.0, low, 0.0, xtol=1e-14) if low < 0.0 else 0.0)
    while sustained(rate) < rate and rate > top * math.exp(low):
        rate = max(rate * (1.0 - 1e-13), top * math.exp(low))
    return (rate, best) if sustained(rate) >= rate else (None, best)


def _start(i: Instance) -> dict[str, float]:
    values = {"E": i.E, "e_norm": i.e_norm, "lambda_min_G": i.g_low, "lambda_max_G": i.g_top}
    return values | {"H_norm": i.h_norm, "b_square": i.b_square, "moment": i.moment, "total_ridge": i.total}


def bounds_at(lemmas: Drifts, U: float) -> dict[str, float]:
    """Every lemma's bound for residuals that sum to U."""
    E = lemmas.instance.E
    return {
        "U": U, "D_w": lemmas.weight(U), "D_beta": lemmas.unit(U), "beta_movement": lemmas.beta(U),
        "drift_G": lemmas.G(U), "drift_H": lemmas.H(U), "omega": lemmas.remainder(U, E),
        "alignment": lemmas.alignment(U) if lemmas.instance.total == 0 else math.nan,
    }  # fmt: skip


def ridge_budget(
    problem: Problem, network: Network, activation: str | Activation, eta: float, *, form: str = "explicit"
) -> float:
    """S̃_λ: the largest Σ λ(t) for which Theorem 4.2 is certified on this network, NaN if none is even at 0.

    max λ(t) is bounded apart from it, by the step-size clause; here it counts as zero.

    Examples
    --------
    >>> import numpy as np
    >>> network = Network.gaussian(100_000, 2, np.random.default_rng(0))
    >>> 10 < ridge_budget(Problem(np.eye(2), [1.0, -1.0]), network, "tanh", 0.01, form="first-order") < 1000
    True
    """
    if form == "second-order":
        raise ValueError("form: expected explicit or first-order, as the second order needs λ ≡ 0")
    return budget(drifts(problem, network, activation, eta, form=form))


def budget(lemmas: Drifts) -> float:
    """The largest Σ λ(t) = Λ/η that the lemmas sustain, by bisection; NaN if not even 0."""
    instance = lemmas.instance

    def closes(total: float) -> bool:
        return bool(certify(replace(lemmas, instance=instance.with_total(total))))

    low = sys.float_info.min  # not 0, where the sharper forms for λ ≡ 0 would answer
    if not closes(low):
        return math.nan
    if instance.y_norm == 0:
        return math.inf
    high = max(instance.e_norm, instance.y_norm) / instance.y_norm
    while closes(high):
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if closes(middle) else (low, middle)
    return low / instance.eta
