"""Theorems 3.2 and 4.2 with every constant explicit: certificates, sufficient widths and ridge budgets.

From the drifts of `theory.convergence.lemmas_3_2` the theorem takes one step, `theory.convergence.closing`: if with
U = E/a the guaranteed rate is at least a, then ‖e(t+1)‖ ≤ (1 − ηa − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖ at every t, because
that recursion keeps η Σ ‖e(t)‖ ≤ E/a. The certificate is the largest such a. Proofs: docs/convergence.md.
"""

from __future__ import annotations

from fa_ref import schedules
from fa_ref._support.checks import as_number
from fa_ref.activations import Activation, resolve
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.convergence.closing import budget, close
from theory.convergence.lemmas_3_2 import Drifts, Explicit
from theory.convergence.lemmas_sharper import FirstOrder, SecondOrder
from theory.convergence.start import measure
from theory.margins import Certificate

__all__ = ["FORMS", "certificate", "drifts", "ridge_budget"]

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
    return close(drifts(problem, network, activation, eta, ridge, form=form))


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


def ridge_budget(
    problem: Problem, network: Network, activation: str | Activation, eta: float, *, form: str = "explicit"
) -> float | None:
    """S̃_λ: the largest Σ λ(t) for which Theorem 4.2 is certified on this network; None if not even the smallest.

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
