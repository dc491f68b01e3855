"""Sums over units, solutions and forms, each with a bound on the error of its computed value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.precision import EPS

__all__ = ["Bounded", "form", "solution", "times", "unit_mean", "vector_norm"]

Array = NDArray[np.float64]


class Bounded(NamedTuple):
    """A computed array and a bound on the norm (Frobenius, for a matrix) of its error."""

    value: Array
    error: float


def unit_mean(left: Array, weights: Array, right: Array, left_error: Array, right_error: Array) -> Bounded:
    """(1/p) Σ_r w_r l_r r_rᵀ for units in columns, whose entries err by at most ``left_error``, ``right_error``.

    A sum of p products of three factors errs by (p + 8)·eps of the sum of their absolute values.
    """
    p = weights.size
    value = (left * weights) @ right.T / p
    size, L, R = np.abs(weights), np.abs(left), np.abs(right)
    error = (p + 8) * EPS * ((L * size) @ R.T)
    error += (left_error * size) @ (R + right_error).T + (L * size) @ right_error.T
    return Bounded(value, float(np.linalg.norm(error)) / p * (1 + (p + 16) * EPS))


def solution(M: Bounded, least: float, y: Bounded) -> Bounded:
    """The solution of Mv = y for a symmetric M whose exact smallest eigenvalue is at least ``least`` > 0."""
    v = np.asarray(np.linalg.solve(M.value, y.value), dtype=np.float64)
    size, n = float(np.linalg.norm(v)), v.size
    rounding = (n + 4) * EPS * float(np.linalg.norm(np.abs(M.value) @ np.abs(v) + np.abs(y.value)))
    defect = float(np.linalg.norm(y.value - M.value @ v)) + rounding + y.error + M.error * size
    return Bounded(v, defect / least * (1 + 16 * EPS))


def times(M: Bounded, v: Bounded) -> Bounded:
    """Mv."""
    size, length = float(np.linalg.norm(M.value)), float(np.linalg.norm(v.value))
    error = (size + M.error) * v.error + M.error * length
    error += (v.value.size + 2) * EPS * float(np.linalg.norm(np.abs(M.value) @ np.abs(v.value)))
    return Bounded(np.asarray(M.value @ v.value), error * (1 + 16 * EPS))


def form(u: Bounded, v: Bounded) -> tuple[float, float]:
    """u·v and a bound on its error."""
    U, V = float(np.linalg.norm(u.value)), float(np.linalg.norm(v.value))
    error = (
        (U + u.error) * v.error + u.error * V + (u.value.size + 2) * EPS * float(np.abs(u.value) @ np.abs(v.value))
    )
    return float(u.value @ v.value), error * (1 + 16 * EPS)


def vector_norm(v: Bounded) -> float:
    """An upper bound of ‖v‖."""
    return (float(np.linalg.norm(v.value)) + v.error) * (1 + (v.value.size + 8) * EPS)
