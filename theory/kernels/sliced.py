"""Long products and evaluations in slices, so that Python hears an interrupt between two of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["matrix_product", "row_slices"]

Array = NDArray[np.float64]

#: Multiplications (or as much other work) in a slice: some hundredths of a second.
WORK = 1 << 28


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
