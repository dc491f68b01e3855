"""Problems whose alignment a cutoff turns negative: the worst target of given inputs, and an unaided search."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from theory.alignment.nonlinear.survival import FinalSign, final_sign, twisted
from theory.kernels import mean_kernel

__all__ = ["Reversal", "find_reversals", "worst_target"]

Array = NDArray[np.float64]


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def worst_target(X: ArrayLike, activation: str | Activation, lam: float) -> Array:
    """The unit vector y that alignment survives least: it minimises q̄⁺/‖(Ḡ + λ)⁻¹y‖² over all targets.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Inputs.
    activation : str or Activation
        ψ.
    lam : float
        λ > 0.

    Returns
    -------
    ndarray, shape (n,)
        y.

    Raises
    ------
    ValueError
        If λ is not positive, or Ḡ is singular.

    Examples
    --------
    >>> y = worst_target([[12.0], [2.0]], "tanh", 10.0)
    >>> final_sign(Problem([[12.0], [2.0]], y), "tanh", 10.0).reversed
    True
    """
    X, lam = as_array("X", X, ndim=2), as_number("lam", lam, above=0)
    kernel = mean_kernel(X, resolve(activation))
    if not kernel.gamma_lower > 0:
        raise ValueError(f"X: expected λ_min(Ḡ) > 0, got {kernel.gamma:.3g}, which is not certainly positive")
    a = np.linalg.eigh(kernel.Theta + lam * twisted(kernel))[1][:, 0]
    y = kernel.G @ a + lam * a
    return np.asarray(y / np.linalg.norm(y) * np.sign(y[np.argmax(np.abs(y))]))


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """A problem whose alignment is positive before a cutoff and negative after it.

    Attributes
    ----------
    problem : Problem
        X and y.
    lam : float
        The penalty before the cutoff.
    sign : FinalSign
        q̄ > 0 > q̄⁺ with their error bounds.
    draw : int
        Which draw it was.
    """

    problem: Problem
    lam: float
    sign: FinalSign
    draw: int


def find_reversals(
    rng: np.random.Generator, activation: str | Activation = "tanh", *, draws: int = 1000, n: int = 2, d: int = 1
) -> Iterator[Reversal]:
    """Search small random problems for alignment that a cutoff turns negative; nothing is known of the answer.

    The rows of X are Gaussian, each times a scale that is log-uniform between 0.3 and 15; y is Gaussian and λ is
    log-uniform between 0.01 and 100.

    Parameters
    ----------
    rng : numpy.random.Generator
        Drawn from once for each draw, whatever is found.
    activation : str or Activation, optional
        ψ.
    draws : int, optional
        How many problems are looked at.
    n, d : int, optional
        Samples and input dimension.

    Yields
    ------
    Reversal
        Those for which both signs are certain.

    Examples
    --------
    >>> found = next(find_reversals(np.random.default_rng(0)))
    >>> found.sign.reversed
    True
    """
    psi, n, d = resolve(activation), as_count("n", n), as_count("d", d)
    for draw in range(as_count("draws", draws)):
        scales = np.exp(rng.uniform(math.log(0.3), math.log(15.0), n))
        X = scales[:, None] * rng.standard_normal((n, d))
        problem, lam = Problem(X, rng.standard_normal(n)), float(np.exp(rng.uniform(*np.log([0.01, 100.0]))))
        kernel = mean_kernel(problem.X, psi)
        if kernel.gamma_lower > 0 and (sign := final_sign(problem, psi, lam, kernel=kernel)).reversed:
            yield Reversal(problem=problem, lam=lam, sign=sign, draw=draw)
