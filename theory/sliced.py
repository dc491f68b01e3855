"""Long products and evaluations in slices, so that Python hears an interrupt between two of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["PSI", "matrix_product", "row_slices", "settled"]

Array = NDArray[np.float64]

#: Multiplications (or as much other work) in a slice: some hundredths of a second.
WORK = 1 << 28

#: Multiplications that take as long as one value of ψ, or as a few passes over a number.
PSI = 20


def row_slices(rows: int, work: float) -> Iterator[slice]:
    """Cut ``rows`` rows, each of which costs ``work`` multiplications, into slices of about `WORK`.

    Parameters
    ----------
    rows : int
        Number of rows.
    work : float
        Of a row.

    Yields
    ------
    slice
        In order; together they are all rows.

    Examples
    --------
    >>> list(row_slices(5, WORK / 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, int(WORK // max(work, 1)))
    for first in range(0, rows, size):
        yield slice(first, min(first + size, rows))


def matrix_product(A: Array, B: Array) -> Array:
    """A @ B, a sum over slices of what it sums over: cut into rows, each slice would read all of B.

    Parameters
    ----------
    A : ndarray, shape (m, k)
    B : ndarray, shape (k, n)

    Returns
    -------
    ndarray, shape (m, n)

    Examples
    --------
    >>> matrix_product(np.ones((2, 3)), np.ones((3, 1)))
    array([[3.],
           [3.]])
    """
    found = np.zeros((A.shape[0], B.shape[1]))
    for part in row_slices(B.shape[0], A.shape[0] * B.shape[1]):
        found += A[:, part] @ B[part]
    return found


def settled(values: Array, weight: Array, negligible: float) -> tuple[Array, Array, Array]:
    """Set to 0 what is below ``negligible`` times the largest value of its row, and take the rows' second moments.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        Changed in place.
    weight : ndarray, shape (m,)
    negligible : float

    Returns
    -------
    dropped, norm, square : ndarray, shape (n,)
        Below what a row was set to 0; √Σ values² weight, also where the square underflows; and the square.

    Examples
    --------
    >>> values = np.array([[3.0, 1e-200, 4.0]])
    >>> settled(values, np.ones(3), 1e-120)[1:], values
    ((array([5.]), array([25.])), array([[3., 0., 4.]]))
    """
    dropped, norm, square = (np.empty(values.shape[0]) for _ in range(3))
    for rows in row_slices(values.shape[0], PSI * values.shape[1]):
        size = np.abs(values[rows])
        largest = size.max(axis=1)
        dropped[rows] = negligible * largest
        values[rows][size < dropped[rows, None]] = 0.0
        exponent = np.frexp(largest)[1]
        scaled = np.ldexp(values[rows], -exponent[:, None])  # so that no square that counts underflows
        sums = np.square(scaled, out=scaled) @ weight
        norm[rows], square[rows] = np.ldexp(np.sqrt(sums), exponent), np.ldexp(sums, 2 * exponent)
    return dropped, norm, square
