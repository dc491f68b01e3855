"""The law without ridge: the limit of p·E cos∠(b, β(t)), where the paper has the order n/√p.

``docs/alignment.md``, section 2, derives it and lists the assumptions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref.activations import Activation
from fa_ref.problem import Problem
from theory.kernels import MeanKernel, mean_kernel
from theory.precision import EPS

__all__ = ["displacement", "no_alignment_coefficient"]

Array = NDArray[np.float64]


def no_alignment_coefficient(
    problem: Problem,
    activation: str | Activation = "tanh",
    *,
    eta: float | None = None,
    steps: int | None = None,
    residual: ArrayLike | None = None,
    kernel: MeanKernel | None = None,
) -> float:
    """Return lim p·E cos∠(b, β(t)) as p → ∞ without ridge: a number where the paper has O(n/√p).

    With C = Ḡ + yyᵀ the second moment of e(0), P = I − ηḠ and A_t = (I − Pᵗ) Ḡ⁻¹,

        p · E cos∠(b, β(t)) → ½ tr( C [ A_t Θ̄ A_t − η² Σ_{s<t} Pˢ Θ̄ Pˢ ] ).

    At convergence and small η this is ½ (tr(Ḡ⁻¹Θ̄) + yᵀḠ⁻¹Θ̄Ḡ⁻¹y). Single networks scatter by ±√p around it. The
    mean over a pair ±b with the same W and β does not: given e(0), it tends to the same with C = e(0)e(0)ᵀ.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation, optional
        ψ.
    eta : float, optional
        Step size with η λ_max(Ḡ) < 2; by default the limit η → 0.
    steps : int, optional
        Number t of steps, needs ``eta``; by default the limit t → ∞.
    residual : array_like, shape (n,), optional
        e(0) of the network or pair at hand, instead of the average over initialisations.
    kernel : MeanKernel, optional
        Ḡ and Θ̄, if they are known already.

    Returns
    -------
    float
        The limit of p·E cos.

    Raises
    ------
    ValueError
        If λ_min(Ḡ) is not positive and t → ∞ is asked for, η is too large, or ``steps`` comes without ``eta``.

    Examples
    --------
    Orthonormal inputs, linear network: ½ (n + ‖y‖²).

    >>> problem = Problem(np.eye(3), [2.0, 0.0, 0.0])
    >>> no_alignment_coefficient(problem, "identity")
    3.5
    >>> round(no_alignment_coefficient(problem, "identity", eta=0.1), 6)
    3.315789
    """
    if steps is not None and eta is None:
        raise ValueError("eta: expected the step size that the number of steps refers to, got None")
    kernel = mean_kernel(problem.X, activation) if kernel is None else kernel
    g, U = np.linalg.eigh(kernel.G)
    Theta, y_U = U.T @ kernel.Theta @ U, U.T @ problem.y
    second_moment = np.diag(g) + np.outer(y_U, y_U)
    if residual is not None:
        e_0 = U.T @ as_array("residual", residual, ndim=1)
        second_moment = np.outer(e_0, e_0)
    rate = 0.0 if eta is None else as_number("eta", eta, above=0)
    if not rate * g[-1] < 2:
        raise ValueError(f"eta: expected eta * lambda_max(G) < 2, got {rate * g[-1]:g}")
    if steps is None and g[0] <= g[-1] * g.size * EPS:
        raise ValueError(f"X: expected lambda_min(G) > 0 (Assumption 3.1), got {g[0]:g}")
    if steps is None:
        scale = np.outer(np.sqrt(g), np.sqrt(g))  # C/scale and Θ/scale are of order one, at any size of X
        return 0.5 * float(np.sum(second_moment / scale * (Theta / scale) * _settled(g, rate)))
    return 0.5 * float(np.sum(second_moment * Theta * displacement(g, rate, steps)))


def _settled(g: Array, eta: float) -> Array:
    """g_i g_j times the displacement after infinitely many steps."""
    settled: Array = 1.0 - eta / (1.0 / g[:, None] + 1.0 / g[None, :] - eta)
    return settled


def displacement(g: Array, eta: float, steps: int | None) -> Array:
    """A_t Θ A_t − η² Σ Pˢ Θ Pˢ in the eigenbasis of Ḡ, as what multiplies Θ entry by entry."""
    pairs = g[:, None] + g[None, :] - eta * np.outer(g, g)  # (1 − μ_i μ_j)/η
    if steps is None:
        weight: Array = _settled(g, eta) / np.outer(g, g)
        return weight
    mu_t = (1.0 - eta * g) ** as_count("steps", steps, at_least=0)
    reached = np.where(g > 0, (1.0 - mu_t) / np.where(g > 0, g, 1.0), eta * steps)
    summed = np.where(pairs > 0, (1.0 - np.outer(mu_t, mu_t)) / np.where(pairs > 0, pairs, 1.0), eta * steps)
    finite: Array = np.outer(reached, reached) - eta * summed
    return finite
