"""Theorems 3.2 and 4.2 with every constant explicit: certificates and ridge budgets. Widths: `widths_3_2`.

From the drifts of `theory.convergence.lemmas_3_2` the theorem takes one step, `theory.convergence.closing`: if with
U = E/a the guaranteed rate is at least a, then ‖e(t+1)‖ ≤ (1 − ηa − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖ at every t, because
that recursion keeps η Σ ‖e(t)‖ ≤ E/a. The certificate is the largest such a. Proofs: docs/convergence.md.
"""

from __future__ import annotations

from fa_ref import schedules
from fa_ref._support.checks import one_of
from fa_ref.setting import Setting
from theory.convergence.closing import budget, close
from theory.convergence.lemmas_3_2 import Drifts, Explicit
from theory.convergence.lemmas_sharper import FirstOrder, SecondOrder
from theory.convergence.start import measure
from theory.margins import Certificate

__all__ = ["FORMS", "certificate", "drifts", "ridge_budget"]

#: The forms of the argument, from the printed one to the sharpest.
FORMS = ("explicit", "first-order", "second-order")


def certificate(setting: Setting, *, form: str = "explicit") -> Certificate:
    """Prove, before training, that this network converges: Theorem 3.2 (λ ≡ 0) or 4.2, on one instance.

    Parameters
    ----------
    setting : Setting
        Problem, weights at t = 0, ψ with ψ, ψ′, ψ″ bounded (for the sharper forms ψ′, ψ″ suffice), η and λ(t). A
        penalty with an infinite sum never has a certificate.
    form : {"explicit", "first-order", "second-order"}, optional
        The printed theorem with its constants; the same with measured norms; the latter with the drifts' linear
        parts measured as well (λ ≡ 0).

    Returns
    -------
    Certificate
        ``rate`` is the largest a > 0 proved, None (with `Certificate.why`) where the argument does not close.

    Raises
    ------
    ValueError
        If the form is not one of these, the weights are not known or the rule is not feedback alignment.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem
    >>> problem, rng = Problem(np.eye(2), [1.0, -1.0]), np.random.default_rng(0)
    >>> setting = Setting(problem, Network.gaussian(20_000, 2, rng), "tanh", eta=0.1)
    >>> 0.1 < certificate(setting, form="second-order").rate < 0.4
    True
    >>> certificate(setting.replace(activation="identity")).why
    'B0 = sup |ψ| = inf, not finite'
    """
    return close(drifts(setting, form=form))


def drifts(setting: Setting, *, form: str = "explicit") -> Drifts:
    """The lemmas of one form, with the constants of one instance.

    Parameters
    ----------
    setting : Setting
        As in `certificate`.
    form : str, optional
        One of `FORMS`.

    Returns
    -------
    Drifts
        Every bound as a function of U ≥ η Σ ‖e(t)‖.

    Raises
    ------
    ValueError
        If the form is not one of these.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem
    >>> network = Network.gaussian(1000, 2, np.random.default_rng(0))
    >>> lemmas = drifts(Setting(Problem(np.eye(2), [1.0, -1.0]), network, "tanh", eta=0.1))
    >>> round(lemmas.weight(2.0) / lemmas.weight(1.0), 9)
    2.0
    """
    one_of("form", form, FORMS)
    if form == "second-order":
        return SecondOrder.of(setting)
    instance = measure(setting)
    return Explicit(instance) if form == "explicit" else FirstOrder(instance)


def ridge_budget(setting: Setting, *, form: str = "explicit") -> float | None:
    """S̃_λ: the largest Σ λ(t) for which Theorem 4.2 is certified on this network; None if not even the smallest.

    max λ(t) is bounded apart from it, by the step-size clause; here it counts as zero, whatever the setting's λ is.

    Parameters
    ----------
    setting : Setting
        As in `certificate`.
    form : {"explicit", "first-order"}, optional

    Returns
    -------
    float or None

    Raises
    ------
    ValueError
        If the form is the second-order one, which needs λ ≡ 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem
    >>> network = Network.gaussian(100_000, 2, np.random.default_rng(0))
    >>> setting = Setting(Problem(np.eye(2), [1.0, -1.0]), network, "tanh", eta=0.01)
    >>> 10 < ridge_budget(setting, form="first-order") < 1000
    True
    """
    if form == "second-order":
        raise ValueError("form: expected explicit or first-order, got second-order, which needs λ ≡ 0")
    return budget(drifts(setting.replace(ridge=schedules.zero()), form=form))
