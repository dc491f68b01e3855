"""The kernels of training: the mean kernels Ḡ and Θ̄ with γ = λ_min(Ḡ), and a network's own G, H and H_BP.

Assumption 3.1 asks for γ > 0. `mean_kernel` decides it: every entry comes with a bound on its error, and
``gamma_lower`` is below the true γ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array
from fa_ref.activations import Activation, resolve
from theory.kernels.hermite import Progress
from theory.kernels.moments import second_moments
from theory.precision import UNIT_ROUNDOFF, gamma

if TYPE_CHECKING:
    from fa_ref.network import Network

__all__ = ["MeanKernel", "eigenvalue_floor", "empirical_G", "empirical_H", "empirical_H_BP", "mean_kernel"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MeanKernel:
    """Ḡ and Θ̄ of a data set, and what is certain of γ.

    Attributes
    ----------
    G, Theta : (n, n) ndarray
        Ḡ_ij = E ψ(w·x_i)ψ(w·x_j) and Θ̄_ij = K_ij E ψ′(w·x_i)ψ′(w·x_j), w ~ N(0, I_d).
    gamma : float
        Smallest eigenvalue of the computed Ḡ.
    gamma_lower : float
        A lower bound of the true γ: 0, which Ḡ ⪰ 0 guarantees, or better.
    error, Theta_error : (n, n) ndarray
        Bounds, entry by entry, on the errors of ``G`` and ``Theta``; estimates if not ``rigorous``.
    rigorous : bool
        Whether both are bounds. If ψ states too little of itself they are not, and ``gamma_lower`` is 0.
    parallel : tuple of (int, int)
        Pairs of rows of X that are parallel up to rounding: the usual reason for γ = 0.
    activation : str
        Name of ψ.
    """

    G: Array
    Theta: Array
    gamma: float
    gamma_lower: float
    error: Array
    Theta_error: Array
    rigorous: bool
    parallel: tuple[tuple[int, int], ...]
    activation: str

    @property
    def certified(self) -> bool:
        """Whether γ > 0 is certain."""
        return self.gamma_lower > 0

    @property
    def assumption_3_1(self) -> str:
        """Assumption 3.1, decided in words."""
        if self.certified:
            return f"holds: γ ≥ {self.gamma_lower:.6g} > 0"
        if not self.rigorous:
            return f"not certified: γ ≈ {self.gamma:.3g}, but the bounds on {self.activation} give no error bound"
        error = float(np.linalg.norm(self.error))
        reason = f"not certified positive: γ = {self.gamma:.3g} is not above its own error {error:.1g}"
        if self.parallel:
            i, j = self.parallel[0]
            more = f" and {len(self.parallel) - 1} more pairs" if len(self.parallel) > 1 else ""
            reason += f"; rows {i} and {j}{more} of X are parallel"
        return reason


def mean_kernel(X: ArrayLike, activation: str | Activation, progress: Progress | None = None) -> MeanKernel:
    """Ḡ, Θ̄ and γ of the inputs X, with bounds.

    Parameters
    ----------
    X : (n, d) array_like
        Inputs, one per row. Equal or parallel rows are reported, not refused.
    activation : str or Activation
        ψ.
    progress : callable, optional
        Called with (pairs done, pairs in all) on long work.

    Returns
    -------
    MeanKernel

    Raises
    ------
    ValueError
        If X is not a finite n×d array, or does not fit in memory.

    Notes
    -----
    Memory is a few n×n arrays, and one n×(number of nodes) table where there is no closed form: 2000 nodes at
    ‖x‖ = 12, at most 131072.

    Examples
    --------
    >>> kernel = mean_kernel([[1.0, 0.0], [0.6, 0.8]], "relu")
    >>> round(kernel.gamma, 6), kernel.certified
    (0.161226, True)
    >>> mean_kernel([[1.0, 0.0], [2.0, 0.0]], "relu").assumption_3_1.split("; ")[1]
    'rows 0 and 1 of X are parallel'
    """
    X, psi = as_array("X", X, ndim=2), resolve(activation)
    K = _symmetric(X @ X.T)
    kappa = 1.01 * (X.shape[1] + 1) * UNIT_ROUNDOFF  # an inner product of d terms, relative to ‖x_i‖‖x_j‖
    moments = second_moments(K, psi, covariance_error=kappa, progress=progress)
    slopes = second_moments(K, psi, derivative=True, covariance_error=kappa, progress=progress)
    scale = np.sqrt(np.multiply.outer(np.diag(K), np.diag(K)))
    Theta = K * slopes.values
    Theta_error = (np.abs(K) + kappa * scale) * slopes.error + (kappa + UNIT_ROUNDOFF) * scale * np.abs(
        slopes.values
    )
    rigorous = moments.rigorous and slopes.rigorous
    near = np.argwhere(np.tril(np.abs(K) >= (1 - 4 * (kappa + 8 * UNIT_ROUNDOFF)) * scale, -1))
    lower = 0.0
    if moments.rigorous:
        lower = eigenvalue_floor(moments.values) - 1.001 * float(np.linalg.norm(moments.error))
    return MeanKernel(
        G=moments.values,
        Theta=Theta,
        gamma=float(np.linalg.eigvalsh(moments.values)[0]),
        gamma_lower=max(0.0, lower),
        error=moments.error,
        Theta_error=Theta_error,
        rigorous=rigorous,
        parallel=tuple((int(j), int(i)) for i, j in near),
        activation=psi.name,
    )


def eigenvalue_floor(A: Array) -> float:
    """Return a proven lower bound of λ_min(A), A symmetric, floating-point errors included.

    If the Cholesky factorisation of B = A − aI runs to its end in floating point, then
    λ_min(B) ≥ −γ/(1−γ) tr B with γ = (n+1)u/(1−(n+1)u) (Demmel; Rump, BIT 46, 2006). The shift a is moved
    down from the computed eigenvalue until it does.

    Returns
    -------
    float
        Within a few n·eps·tr A of the computed eigenvalue; −inf if A is not finite.

    Examples
    --------
    >>> 0.999999 < eigenvalue_floor(np.diag([1.0, 2.0])) < 1
    True
    """
    if not np.isfinite(A).all():
        return -np.inf
    n, size = A.shape[0], float(np.abs(A).sum(axis=1).max())
    if size < 1e-290:
        return -size  # Gershgorin; below, the factorisation would underflow
    shift = float(np.linalg.eigvalsh(A)[0])
    relative = gamma(n + 1)
    margin = n * UNIT_ROUNDOFF * size
    while margin <= 4 * size:
        B = A - (shift - margin) * np.eye(n)
        try:
            np.linalg.cholesky(B)
        except np.linalg.LinAlgError:
            margin *= 2
            continue
        rounding = 2 * relative / (1 - relative) * float(np.trace(B)) + 2 * UNIT_ROUNDOFF * (
            size + abs(shift) + margin
        )
        return float(shift - margin - rounding)
    return -np.inf


def empirical_G(X: ArrayLike, network: Network, activation: str | Activation) -> Array:
    """G = ΨΨᵀ/p, the kernel through which β moves the outputs; Ψ = (ψ(Xw_1) … ψ(Xw_p)).

    Parameters
    ----------
    X : (n, d) array_like
        Inputs, one per row.
    network : Network
        Its W, p×d, is used.
    activation : str or Activation
        ψ.

    Returns
    -------
    (n, n) ndarray
        Symmetric and positive semi-definite (up to rounding).

    Raises
    ------
    ValueError
        If X is not a finite n×d array, or d differs from the network's.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.array([[1.0], [3.0]]), beta=np.ones(2), b=np.ones(2))
    >>> empirical_G([[1.0], [2.0]], network, "identity")
    array([[ 5., 10.],
           [10., 20.]])
    """
    Psi = resolve(activation)(preactivations(X, network))
    return _symmetric(Psi @ Psi.T / Psi.shape[1])


def empirical_H(X: ArrayLike, network: Network, activation: str | Activation) -> Array:
    """H = (1/p) Σ_r β_r b_r D_r K D_r, the kernel through which feedback alignment's W moves the outputs.

    D_r = diag ψ′(Xw_r) and K = XXᵀ. H is symmetric but has eigenvalues of both signs: feedback through b
    instead of β makes it small at random weights, and no help there.

    Parameters, Returns and Raises are those of `empirical_G`.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.zeros((2, 1)), beta=np.array([1.0, 1.0]), b=np.array([1.0, -3.0]))
    >>> empirical_H([[1.0], [2.0]], network, "identity")
    array([[-1., -2.],
           [-2., -4.]])
    """
    return _derivative_kernel(X, network, activation, network.b)


def empirical_H_BP(X: ArrayLike, network: Network, activation: str | Activation) -> Array:
    """H_BP = (1/p) Σ_r β_r² D_r K D_r: backpropagation's H, with β_r where feedback alignment has b_r.

    Parameters, Returns and Raises are those of `empirical_G`; the kernel is positive semi-definite.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.zeros((2, 1)), beta=np.array([1.0, 3.0]), b=np.zeros(2))
    >>> empirical_H_BP([[1.0], [2.0]], network, "identity")
    array([[ 5., 10.],
           [10., 20.]])
    """
    return _derivative_kernel(X, network, activation, network.beta)


def preactivations(X: ArrayLike, network: Network) -> Array:
    """Z = XWᵀ, n×p: column r is z_r = X w_r."""
    X = as_array("X", X, ndim=2)
    if X.shape[1] != network.W.shape[1]:
        raise ValueError(f"X: expected {network.W.shape[1]} columns, one per column of W, got {X.shape[1]}")
    return X @ network.W.T


def _derivative_kernel(X: ArrayLike, network: Network, activation: str | Activation, feedback: Array) -> Array:
    D = resolve(activation).derivative(preactivations(X, network))
    rows = np.asarray(X, dtype=np.float64)
    return _symmetric(rows @ rows.T * ((D * (network.beta * feedback)) @ D.T) / D.shape[1])


def _symmetric(A: Array) -> Array:
    return (A + A.T) / 2
