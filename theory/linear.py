"""Theorem 4.3, the linear network, with every constant explicit; and a sharper theorem without the condition number.

For ψ = identity the kernels are exact: H = (bᵀβ/p) K, and W moves along b only, Z(t) = W(t)Xᵀ = F − (1/√p) b u(t)ᵀ K with
u = η Σ e(s). The printed route bounds each piece by its norm. The sharper one keeps three signs: G(t) never falls
below its part orthogonal to b, H enters as a multiple of K, and bᵀβ is an exact quadratic in u that is bounded
below. Proofs: docs/linear.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref.activations import Activation, identity, resolve
from fa_ref.checks import as_number
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.convergence import budget, certify
from theory.drifts import Drifts, at_most_finite
from theory.instance import EPS, measure
from theory.margins import Certificate, Margin

__all__ = ["FORMS", "Printed", "Sharper", "certificate", "drifts", "ridge_budget", "unit_of_budget"]

Array = NDArray[np.float64]

#: The printed theorem, and the one whose width needs no condition number.
FORMS = ("explicit", "sharper")


def certificate(
    problem: Problem,
    network: Network,
    activation: str | Activation = "identity",
    eta: float = 0.0,
    ridge: Schedule | None = None,
    *,
    form: str = "explicit",
) -> Certificate:
    """Prove, before training, that this linear network converges: Theorem 4.3 on one instance.

    Parameters
    ----------
    problem : Problem
        X with rows that are linearly independent (else see `Problem.projected`), and y.
    network : Network
        Weights at t = 0.
    activation : {"identity"}
        The theorem's ψ; with any other there is no certificate.
    eta : float
        Step size of the loss ½‖e‖², above 0.
    ridge : Schedule, optional
        λ(t), zero if not given. An infinite sum never has a certificate.
    form : {"explicit", "sharper"}, optional
        Which theorem.

    Returns
    -------
    Certificate
        ``rate`` is the largest a > 0 proved, None (with `Certificate.why`) where the argument does not close.

    Examples
    --------
    >>> problem, rng = Problem(np.diag([1.0, 5.0]), [1.0, -1.0]), np.random.default_rng(0)
    >>> network = Network.gaussian(400, 2, rng)
    >>> certificate(problem, network, "identity", 1e-3).rate is None
    True
    >>> 0.5 < certificate(problem, network, "identity", 1e-3, form="sharper").rate < 1.0
    True
    >>> certificate(problem, network, "tanh", 1e-3).why
    'ψ is the identity = 0 ≥ 1: not met'
    """
    if resolve(activation) is not identity:
        return Certificate("Theorem 4.3", None, (Margin("ψ is the identity", 0.0, 1.0),))
    return certify(drifts(problem, network, eta, ridge, form=form))


def drifts(
    problem: Problem, network: Network, eta: float, ridge: Schedule | None = None, *, form: str = "explicit"
) -> Printed:
    """The lemmas of one form, with the constants of one instance; parameters as in `certificate`."""
    eta = as_number("eta", eta, above=0)
    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}, got {form!r}")
    instance = measure(problem, network, identity, eta, ridge or schedules.zero())
    b, p, F = network.b, network.p, network.W @ problem.X.T
    b_square = float(b @ b)
    F_b = b @ F
    up = 1.0 + (p + problem.n + 64) * EPS
    overlap, error = float(b @ network.beta) / p, (up - 1.0) * float(np.abs(b) @ np.abs(network.beta)) / p
    common = {
        "gamma": _gamma(problem), "M": problem.lambda_max * up, "kappa_b": float(np.linalg.norm(F_b)) / math.sqrt(p) * up,
        "overlap": overlap - error, "overlap_up": overlap + error,
    }  # fmt: skip
    if form == "explicit":
        return Printed(instance, **common)
    G_orthogonal = (F.T @ F - np.outer(F_b, F_b) / b_square) / p if b_square > 0 else F.T @ F / p
    lowest = common["gamma"]
    pull = float(F_b @ np.linalg.solve(problem.K, F_b)) / b_square * _solved(problem) if lowest > 0 else math.inf
    return Sharper(instance, **common, K=problem.K, G_orthogonal=G_orthogonal, pull=pull)


def _gamma(problem: Problem) -> float:
    """λ_min(K) from below: the singular values of X err by max(n, d)·eps·‖X‖ at most a few times."""
    if problem.n > problem.d:
        return 0.0
    sigma = float(problem.singular_values[-1]) - 10 * max(problem.n, problem.d) * EPS * problem.spectral_norm
    return max(sigma, 0.0) ** 2


def _solved(problem: Problem) -> float:
    """A factor that covers the error of a solve with K, n·eps times its condition number."""
    return 1.0 + 20 * problem.n**2 * EPS * problem.lambda_max / _gamma(problem)


@dataclass(frozen=True)
class Printed(Drifts):
    """Theorem 4.3 as printed, with measured norms.

    Attributes
    ----------
    gamma, M : float
        λ_min(K) from below and λ_max(K) from above.
    kappa_b : float
        κ_b = ‖Fᵀb‖/√p.
    overlap, overlap_up : float
        bᵀβ(0)/p from below and from above.
    """

    gamma: float = 0.0
    M: float = math.inf
    kappa_b: float = math.inf
    overlap: float = 0.0
    overlap_up: float = 0.0

    theorem = "Theorem 4.3"

    def hypotheses(self) -> list[Margin]:
        """K positive definite, Λ finite, and a positive start."""
        return [
            Margin("λ_min(K)", self.gamma, 0.0, ">"),
            at_most_finite("Λ = η Σ λ(t)", self.instance.total),
            Margin("(A1) λ_min(G(0))", self.instance.g_low, 0.0, ">"),
            Margin(self._start_name, self.start(), 0.0, ">"),
        ]

    _start_name = "(A2) λ_min(G(0)) − M |bᵀβ(0)|/p"

    def feature(self, U: float) -> float:
        """δ with ‖Z(t) − F‖/√p ≤ δ: (‖b‖/√p) M U/√p."""
        return math.sqrt(self.instance.b_square / self.instance.p) * self.M * U

    def beta(self, U: float) -> float:
        """(σ + δ) U with σ² = λ_max(G(0))."""
        return (math.sqrt(self.instance.g_top) + self.feature(U)) * U

    def G(self, U: float) -> float:
        """2σδ + δ²."""
        delta = self.feature(U)
        return (2 * math.sqrt(self.instance.g_top) + delta) * delta

    def turned(self, U: float) -> float:
        """|bᵀβ(t) − c(t) bᵀβ(0)|/p ≤ (κ_b + ½ b₂ M U) U/p with b₂ = ‖b‖²/p."""
        return (self.kappa_b + 0.5 * self.instance.b_square * self.M * U) * U / self.instance.p

    def H(self, U: float) -> float:
        """M times the drift of bᵀβ/p."""
        return self.M * self.turned(U)

    def remainder(self, U: float, size: float) -> float:
        """ω = η M (κ_b + b₂ M U) ‖e‖/p."""
        i = self.instance
        return i.eta * self.M * (self.kappa_b + i.b_square * self.M * U) * size / i.p

    def start(self) -> float:
        """λ_min(G(0)) − ‖H(0)‖."""
        return self.instance.g_low - self.M * max(-self.overlap, self.overlap_up)

    def lost(self, U: float, size: float) -> float:  # noqa: ARG002
        """What (√λ_min(G(0)) − δ)² and the drift of H take away."""
        g = max(self.instance.g_low, 0.0)
        return g - max(math.sqrt(g) - self.feature(U), 0.0) ** 2 + self.H(U)

    def ceiling(self, U: float) -> float:
        """λ_max(G(t)) ≤ (σ + δ)²."""
        return (math.sqrt(self.instance.g_top) + self.feature(U)) ** 2

    def step_size(self, a: float, U: float, size: float) -> Margin:  # noqa: ARG002
        """η (max λ + λ_max(G(t))) ≤ 1."""
        i = self.instance
        return Margin("η (max λ + λ_max(G))", i.eta * (i.peak + self.ceiling(U)), 1.0, "≤")


@dataclass(frozen=True)
class Sharper(Printed):
    """The sharper linear theorem; for λ ≡ 0 a width p = Ω(n + log 1/δ) closes it, whatever y and the condition number.

    Attributes
    ----------
    K, G_orthogonal : ndarray
        K, and G⊥ = Fᵀ(I − b̂b̂ᵀ)F/p (or any matrix below it).
    pull : float
        ‖K^{−1/2} Fᵀb‖²/‖b‖².
    contracting : bool
        Whether η Σ ‖e‖² may be bounded as for a contracting run, at half of ``size``·U.
    """

    K: Array = field(default_factory=lambda: np.empty((0, 0)))
    G_orthogonal: Array = field(default_factory=lambda: np.empty((0, 0)))
    pull: float = math.inf
    contracting: bool = True

    theorem = "Theorem 4.3, sharper"
    merged = True
    _start_name = "λ_min(G⊥ + (bᵀβ(0)/p) K)"

    def lowest_overlap(self, U: float, size: float) -> float:
        """κ_low ≤ bᵀβ(t)/p at all t; see docs/linear.md, steps 7 (λ ≡ 0) and 9."""
        i = self.instance
        if i.total > 0:
            return min(self.overlap, 0.0) - self.turned(U)
        shrinking = 2.0 - i.eta * size / U if self.contracting and U > i.eta * size else 1.0
        squares = size * U / shrinking  # η Σ ‖e‖²
        return self.overlap - (self.pull + i.b_square * i.eta * self.M * squares) / (2 * i.p)

    def _lowest(self, kappa: float) -> float:
        matrix = self.G_orthogonal + kappa * self.K
        size = float(np.trace(self.G_orthogonal)) + abs(kappa) * float(np.trace(self.K))
        # eigvalsh, and the p-sums behind G⊥.
        rounding = EPS * (10 * self.instance.n + self.instance.p) * size
        return float(np.linalg.eigvalsh(matrix)[0]) - rounding

    def start(self) -> float:
        """λ_min(G⊥ + (bᵀβ(0)/p) K), with a positive overlap not counted if λ may shrink it."""
        return self._lowest(self.overlap if self.instance.total == 0 else min(self.overlap, 0.0))

    def lost(self, U: float, size: float) -> float:
        """Start less λ_min(G⊥ + κ_low K)."""
        return self.start() - self._lowest(self.lowest_overlap(U, size))

    def remainder(self, U: float, size: float) -> float:  # noqa: ARG002
        """0: all of v is in H⁺ = (bᵀβ(t+1)/p) K."""
        return 0.0

    def step_size(self, a: float, U: float, size: float) -> Margin:  # noqa: ARG002
        """η (2 max λ + λ_max(G + H⁺) + a) ≤ 2."""
        i = self.instance
        start = self.overlap_up if i.total == 0 else max(self.overlap_up, 0.0)
        top = self.ceiling(U) + self.M * max(start + self.turned(U), 0.0)
        return Margin("η (2 max λ + λ_max(G + H⁺) + a)", i.eta * (2 * i.peak + top + a), 2.0, "≤")


def ridge_budget(problem: Problem, network: Network, eta: float, *, form: str = "explicit") -> float:
    """S_λ: the largest Σ λ(t) for which Theorem 4.3 is certified on this network, NaN if none is even at 0.

    max λ(t) is bounded apart from it, by the step-size clause; here it counts as zero.

    Examples
    --------
    >>> problem = Problem(np.eye(2), [1.0, -1.0])
    >>> network = Network.gaussian(10**6, 2, np.random.default_rng(0))
    >>> plain, sharper = (ridge_budget(problem, network, 1e-3, form=form) for form in FORMS)
    >>> 4 < sharper / plain < 5
    True
    """
    return budget(drifts(problem, network, eta, form=form))


def unit_of_budget(problem: Problem, p: int, eta: float) -> float:
    """γ√(γp)/(η√n M): S_λ = c_S times this is how the paper writes the budget of Theorems 4.3 and 4.6.

    Examples
    --------
    >>> unit_of_budget(Problem(np.eye(4), np.ones(4)), 100, 0.5)
    10.0
    """
    gamma = problem.lambda_min
    return gamma * math.sqrt(gamma * p) / (eta * math.sqrt(problem.n) * problem.lambda_max)
