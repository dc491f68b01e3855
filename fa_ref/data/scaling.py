"""Standardised data, with a record of what was done to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref.problem import Problem

__all__ = ["Standardisation", "standardised"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Standardisation:
    """What was subtracted from the data, and what they were then divided by.

    Attributes
    ----------
    X_mean, X_sd : ndarray, shape (d,)
        Mean and standard deviation of every column of X; ``X_sd`` is 1 where a column is constant.
    y_mean, y_sd : float
        The same of y.
    constant : tuple of int
        The columns, counted from 1, that are constant: they have become zero.
    """

    X_mean: Array
    X_sd: Array
    y_mean: float
    y_sd: float
    constant: tuple[int, ...]

    def __str__(self) -> str:
        zero = f"; constant and now zero: column {', '.join(map(str, self.constant))}" if self.constant else ""
        return f"standardised: columns of X to mean 0 and SD 1, y to (y − {self.y_mean:.6g})/{self.y_sd:.6g}{zero}"


def standardised(problem: Problem) -> tuple[Problem, Standardisation]:
    """Shift and scale every column of X, and y, to mean 0 and standard deviation 1; constant ones become 0.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).

    Returns
    -------
    problem : Problem
        The shifted and scaled data.
    done : Standardisation
        What was done, to undo it.

    Examples
    --------
    >>> problem, done = standardised(Problem([[1.0, 5.0], [3.0, 5.0]], [10.0, 30.0]))
    >>> problem.X.tolist(), problem.y.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [-1.0, 1.0])
    >>> print(done)
    standardised: columns of X to mean 0 and SD 1, y to (y − 20)/10; constant and now zero: column 2
    """
    X, X_mean, X_sd = _standardised(problem.X)
    y, y_mean, y_sd = _standardised(problem.y[:, None])
    constant = tuple(int(k) + 1 for k in np.flatnonzero(~X.any(axis=0)))
    done = Standardisation(
        X_mean=X_mean, X_sd=X_sd, y_mean=float(y_mean[0]), y_sd=float(y_sd[0]), constant=constant
    )
    return Problem(X, y[:, 0]), done


def _standardised(columns: Array) -> tuple[Array, Array, Array]:
    mean = columns.mean(axis=0)
    centred = np.where(columns.min(axis=0) == columns.max(axis=0), 0.0, columns - mean)
    largest = np.abs(centred).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)
    sd = unit * np.sqrt(np.mean((centred / unit) ** 2, axis=0))  # no square overflows
    sd = np.where(sd > 0, sd, 1.0)
    return centred / sd, mean, sd
