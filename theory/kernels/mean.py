"""The mean kernels Ḡ and Θ̄, with γ = λ_min(Ḡ) and λ_max(Ḡ), every number with a bound on its error.

Assumption 3.1 asks for γ > 0. `mean_kernel` bounds γ from below, by ``gamma_lower``, and
`validation.theorems.assumption_3_1` decides with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array
from fa_ref._support.threads import one_blas_thread
from fa_ref._support.truth import NoTruthValue
from fa_ref.activations import Activation, resolve
from theory.kernels.eigenvalues import eigenvalue_ceiling, eigenvalue_floor, spectral_bound
from theory.kernels.hermite import Progress
from theory.kernels.moments import Covariance, moments
from theory.precision import TINIEST, UNIT_ROUNDOFF

__all__ = ["MeanKernel", "mean_kernel"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MeanKernel(NoTruthValue):
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
        Whether both are bounds. If ψ states too little of itself they are not, and ``gamma_lower`` is 0 unless
        those of ``G`` are. A user's ψ is taken to be what `Activation` states of it.
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

    @cached_property
    def lambda_max_upper(self) -> float:
        """A number that λ_max(Ḡ) does not exceed; an estimate of one where ``error`` is an estimate."""
        return eigenvalue_ceiling(self.G, self.error)

    @property
    def assumption_3_1(self) -> str:
        """Assumption 3.1, decided in words."""
        if self.certified:
            return f"holds: γ ≥ {self.gamma_lower:.6g} > 0"
        if not self.rigorous:
            return f"not certified: γ ≈ {self.gamma:.3g}, but the bounds on {self.activation} give no error bound"
        error = spectral_bound(self.error)
        reason = f"not certified positive: γ = {self.gamma:.3g} is not above its own error {error:.1g}"
        if self.parallel:
            i, j = self.parallel[0]
            more = f" and {len(self.parallel) - 1} more pairs" if len(self.parallel) > 1 else ""
            reason += f"; rows {i} and {j}{more} of X are parallel"
        return reason


@one_blas_thread()
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
        If X is not a finite n×d array or does not fit in memory, a kernel exceeds the largest float, or ψ is not a
        finite number where it is needed.

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
    covariance = _covariance(X)
    values = moments(covariance, psi, progress=progress)
    slopes = moments(covariance, psi, derivative=True, progress=progress)
    K, kappa, scale = covariance.K, covariance.kappa, np.multiply.outer(covariance.sigma, covariance.sigma)
    with np.errstate(over="ignore", invalid="ignore"):
        Theta = K * slopes.values
        Theta_error = (np.abs(K) + kappa * scale) * slopes.error
        Theta_error += (kappa + 2 * UNIT_ROUNDOFF) * scale * np.abs(slopes.values)
        Theta_error += 4 * TINIEST * (1 + np.abs(slopes.values) + slopes.error)
    if not (np.isfinite(values.values).all() and np.isfinite(Theta).all()):
        raise ValueError(
            f"X: expected rows whose kernels are finite floats, got ‖x‖ = {covariance.sigma.max():.3g}"
        )
    zero = covariance.sigma == 0
    close = (np.abs(covariance.rho) >= 1 - 4 * kappa) | np.logical_or.outer(zero, zero)
    near = np.argwhere(np.tril(close, -1))
    lower = eigenvalue_floor(values.values, values.error) if values.rigorous else 0.0
    return MeanKernel(
        G=values.values,
        Theta=Theta,
        gamma=float(np.linalg.eigvalsh(values.values)[0]),
        gamma_lower=max(0.0, lower),
        error=values.error,
        Theta_error=Theta_error,
        rigorous=values.rigorous and slopes.rigorous and bool(np.isfinite(Theta_error).all()),
        parallel=tuple((int(j), int(i)) for i, j in near),
        activation=psi.name,
    )


def _covariance(X: Array) -> Covariance:
    """XXᵀ, its standard deviations and correlations, each row scaled by a power of 2 before it is squared."""
    exponent = np.frexp(np.abs(X).max(axis=1))[1]
    rows = np.ldexp(X, -exponent[:, None])
    K = rows @ rows.T
    K = (K + K.T) / 2
    kappa = 1.01 * (X.shape[1] + 1) * UNIT_ROUNDOFF  # an inner product of d terms, relative to ‖x_i‖‖x_j‖
    root = np.sqrt(np.diag(K))
    with np.errstate(over="ignore"):
        sigma = np.ldexp(root, exponent)
        K_true = np.ldexp(K, np.add.outer(exponent, exponent))
    if not (np.isfinite(K_true).all() and (sigma < math.sqrt(np.finfo(np.float64).max)).all()):
        raise ValueError(
            f"X: expected rows with ‖x‖ < 1.3e154, whose squares are floats, got ‖x‖ = {sigma.max():.3g}"
        )
    return Covariance.of_scaled(K, root, K=K_true, sigma=sigma, kappa=kappa)
