"""Whether alignment survives a cutoff: the sign of q̄⁺, for one y and for every y (docs/nonlinear_alignment.md, §6).

Just after the start of the θ-limit, cos∠(b, β) has the sign of q̄ = āᵀΘ̄ā > 0, ā = (Ḡ + λ)⁻¹y. Once the penalty is
switched off it has the sign of q̄⁺ = yᵀḠ⁻¹Θ̄(Ḡ + λ)⁻¹y, which can be negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_number
from fa_ref._support.truth import NoTruthValue
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from theory.alignment.nonlinear.rounding import Bounded, form, solution, times
from theory.kernels import MeanKernel, mean_kernel
from theory.margins import Margin
from theory.precision import EPS

__all__ = ["FinalSign", "Survival", "final_sign", "survival", "twisted"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FinalSign(NoTruthValue):
    """The slopes at θ = 0 of the alignment before and after a cutoff, with bounds on their errors.

    Attributes
    ----------
    before, before_error : float
        q̄ = āᵀΘ̄ā and a bound on its error.
    after, after_error : float
        q̄⁺ = yᵀḠ⁻¹Θ̄ā and a bound on its error; NaN and infinite where γ > 0 is not certain.
    rigorous : bool
        Whether the bounds are bounds; they are estimates if ψ states too little of itself.

    Examples
    --------
    >>> steep = Problem([[12.0], [2.0]], [0.44, 0.9])
    >>> final = final_sign(steep, "tanh", 10.0)
    >>> final.sign_before, final.sign_after
    (1, -1)
    """

    before: float
    before_error: float
    after: float
    after_error: float
    rigorous: bool

    @property
    def sign_before(self) -> int:
        """Sign of the alignment before the cutoff: 1, or 0 where it is not certain."""
        return _sign(self.before, self.before_error)

    @property
    def sign_after(self) -> int:
        """Sign of the alignment after the cutoff: 1, −1, or 0 where it is not certain."""
        return _sign(self.after, self.after_error)

    @property
    def reversed(self) -> bool:
        """Whether the angle is acute before the cutoff and obtuse after it, both certain."""
        return self.sign_before > 0 > self.sign_after


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def final_sign(
    problem: Problem, activation: str | Activation, lam: float, *, kernel: MeanKernel | None = None
) -> FinalSign:
    """Decide the sign of the alignment after a ridge penalty λ that is cut off at t = θ√p, for small θ and wide p.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ.
    lam : float
        λ > 0, the penalty before the cutoff.
    kernel : MeanKernel, optional
        Of X and ψ, computed if not given.

    Returns
    -------
    FinalSign

    Raises
    ------
    ValueError
        If λ is not positive.

    Notes
    -----
    With ‖Ḡ − G‖ ≤ ε for the computed G, a solution v of (G + λ)v ≈ y errs by at most
    (‖y − (G + λ)v‖ + ε‖v‖)/(λ + γ); all other errors are products of these, of that of Θ̄ and of rounding.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> final_sign(Problem([[12.0], [2.0]], [0.44, 0.9]), "tanh", 10.0).reversed
    True
    """
    psi, lam = resolve(activation), as_number("lam", lam, above=0)
    kernel = mean_kernel(problem.X, psi) if kernel is None else kernel
    identity, y = np.eye(problem.n), Bounded(problem.y, 0.0)
    G_error, Theta_error = (float(np.linalg.norm(error)) * 1.001 for error in (kernel.error, kernel.Theta_error))
    a = solution(Bounded(kernel.G + lam * identity, G_error), lam + kernel.gamma_lower, y)
    pulled = times(Bounded(kernel.Theta, Theta_error), a)
    before, before_error = form(a, pulled)
    after, after_error = math.nan, math.inf
    if kernel.gamma_lower > 0:
        after, after_error = form(solution(Bounded(kernel.G, G_error), kernel.gamma_lower, y), pulled)
    return FinalSign(
        before=before, before_error=before_error, after=after, after_error=after_error, rigorous=kernel.rigorous
    )


def _sign(value: float, error: float) -> int:
    return int(np.sign(value)) if abs(value) > error else 0


@dataclass(frozen=True, kw_only=True)
class Survival:
    """Whether alignment survives the cutoff for *every* y: the conditions, each with its margin.

    Attributes
    ----------
    exact : Margin
        λ_min of the symmetric part of (I + λḠ⁻¹)Θ̄, which is positive if and only if q̄⁺ > 0 for every y ≠ 0.
    ratio : Margin
        λ < γ λ_min(Θ̄)/λ_max(Θ̄): sufficient.
    angles : Margin
        φ(I + λḠ⁻¹) + φ(Θ̄) < π/2, φ(P) = arcsin((cond P − 1)/(cond P + 1)): sufficient.
    commuting : float
        ‖ḠΘ̄ − Θ̄Ḡ‖/(‖Ḡ‖‖Θ̄‖); where Ḡ and Θ̄ commute every λ is survived.
    largest_lam : float
        The alignment of every y survives exactly the λ below this; ``inf`` where it survives all.
    uncertainty : float
        How far the errors of Ḡ and Θ̄ can move ``exact.value``.
    rigorous : bool
        As in `FinalSign`.

    Examples
    --------
    >>> bool(survival(Problem([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0]), "tanh", 10.0))
    True
    >>> bool(survival(Problem([[12.0], [2.0]], [0.44, 0.9]), "tanh", 10.0))
    False
    """

    exact: Margin
    ratio: Margin
    angles: Margin
    commuting: float
    largest_lam: float
    uncertainty: float
    rigorous: bool

    @property
    def conditions(self) -> tuple[Margin, ...]:
        """All three, the exact one first."""
        return self.exact, self.ratio, self.angles

    def __bool__(self) -> bool:
        return self.exact.value > self.uncertainty


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def survival(
    problem: Problem, activation: str | Activation, lam: float, *, kernel: MeanKernel | None = None
) -> Survival:
    """State the condition under which alignment survives the cutoff for every y, with margins on these inputs.

    Parameters
    ----------
    problem : Problem
        X; y plays no part.
    activation : str or Activation
        ψ.
    lam : float
        λ > 0.
    kernel : MeanKernel, optional
        Ḡ and Θ̄, if they are known already.

    Returns
    -------
    Survival
        True where q̄⁺ > 0 for every y ≠ 0 is certain.

    Raises
    ------
    ValueError
        If λ is not positive.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> bool(survival(Problem(np.eye(2), [1.0, 1.0]), "tanh", 1.0))
    True
    """
    psi, lam = resolve(activation), as_number("lam", lam, above=0)
    kernel = mean_kernel(problem.X, psi) if kernel is None else kernel
    G, Theta = kernel.G, kernel.Theta
    theta = np.linalg.eigvalsh(Theta)
    low, top = float(theta[0]), float(theta[-1])
    gamma = kernel.gamma_lower
    if not gamma > 0:
        missing = Margin("λ_min(Θ̄ + λ sym(Ḡ⁻¹Θ̄))", -math.inf, 0.0, ">")
        unknown = Margin("λ λ_max(Θ̄)/(γ λ_min(Θ̄))", math.inf, 1.0, "≤"), Margin("φ + φ", math.inf, math.pi / 2, "≤")
        return Survival(
            exact=missing, ratio=unknown[0], angles=unknown[1], commuting=_commuting(G, Theta),
            largest_lam=0.0, uncertainty=math.inf, rigorous=kernel.rigorous,
        )  # fmt: skip
    T = twisted(kernel)
    exact = float(np.linalg.eigvalsh(Theta + lam * T)[0])
    g = np.linalg.eigvalsh(G)
    turn = _angle((1 + lam / gamma) / (1 + lam / float(g[-1]))) + _angle(top / low if low > 0 else math.inf)
    spread = lam / gamma * (top / low) if low > 0 else math.inf
    return Survival(
        exact=Margin("λ_min(Θ̄ + λ sym(Ḡ⁻¹Θ̄))", exact, 0.0, ">"),
        ratio=Margin("λ λ_max(Θ̄)/(γ λ_min(Θ̄))", spread, 1.0, "≤"),
        angles=Margin("φ(I + λḠ⁻¹) + φ(Θ̄)", turn, math.pi / 2, "≤"),
        commuting=_commuting(G, Theta),
        largest_lam=_largest(Theta, T, low),
        uncertainty=_uncertainty(kernel, lam),
        rigorous=kernel.rigorous,
    )


def twisted(kernel: MeanKernel) -> Array:
    """The symmetric part of Ḡ⁻¹Θ̄."""
    return _symmetric(np.asarray(np.linalg.solve(kernel.G, kernel.Theta), dtype=np.float64))


def _largest(Theta: Array, T: Array, low: float) -> float:
    """The λ at which Θ̄ + λT stops being positive definite."""
    if not low > 0:
        return 0.0
    root = np.linalg.inv(np.linalg.cholesky(Theta))
    least = float(np.linalg.eigvalsh(_symmetric(root @ T @ root.T))[0])
    return -1.0 / least if least < -1e-12 else math.inf


def _uncertainty(kernel: MeanKernel, lam: float) -> float:
    """‖Δ(Θ̄ + λ sym(Ḡ⁻¹Θ̄))‖ for errors of Ḡ and Θ̄ as bounded, rounding of the solution included."""
    n, gamma = kernel.G.shape[0], kernel.gamma_lower
    dG, dT = (float(np.linalg.norm(error)) * 1.001 for error in (kernel.error, kernel.Theta_error))
    solved = np.linalg.solve(kernel.G, kernel.Theta)
    size = float(np.linalg.norm(solved))
    defect = float(np.linalg.norm(kernel.G @ solved - kernel.Theta))
    defect += (n + 4) * EPS * float(np.linalg.norm(np.abs(kernel.G) @ np.abs(solved) + np.abs(kernel.Theta)))
    rounding = 16 * n * EPS * (float(np.linalg.norm(kernel.Theta)) + lam * size)
    return float((dT + lam * (defect + dG * size + dT) / gamma + rounding) * (1 + 16 * EPS))


def _angle(condition: float) -> float:
    """φ: the largest angle between v and Pv for a symmetric P ≻ 0 of this condition number."""
    return math.asin((condition - 1) / (condition + 1)) if math.isfinite(condition) else math.pi / 2


def _commuting(G: Array, Theta: Array) -> float:
    size = float(np.linalg.norm(G) * np.linalg.norm(Theta))
    return float(np.linalg.norm(G @ Theta - Theta @ G)) / size if size > 0 else 0.0


def _symmetric(A: Array) -> Array:
    return (A + A.T) / 2
