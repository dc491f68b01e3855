"""Handwritten digits: the 8×8 ones that come with the package, and parity as a regression problem."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count
from fa_ref.data.idx import read_idx
from fa_ref.data.synthetic import unit_rows
from fa_ref.problem import Problem

__all__ = ["digit_parity", "read_digits"]

Array = NDArray[np.float64]


def read_digits() -> tuple[Array, NDArray[np.int64]]:
    """Read the bundled 8×8 digits (UCI, CC BY 4.0): pixels in [0, 1], shape (1797, 64), and labels.

    Returns
    -------
    images : ndarray, shape (1797, 64)
    labels : ndarray of int, shape (1797,)

    Examples
    --------
    >>> images, labels = read_digits()
    >>> images.shape, labels[:5]
    ((1797, 64), array([0, 1, 2, 3, 4]))
    """
    images, labels = (_bundled(f"digits-{kind}-ubyte.gz") for kind in ("images.idx3", "labels.idx1"))
    return images.reshape(len(images), -1).astype(np.float64) / 16.0, labels.astype(np.int64)


def _bundled(name: str) -> NDArray[np.generic]:
    with as_file(files("fa_ref.data") / "bundled" / name) as path:
        return read_idx(path)


def digit_parity(read: Callable[[], tuple[Array, NDArray[np.int64]]], n: int = 50, *, unit: bool = True) -> Problem:
    """Make a regression problem of the first n digits: y = +1 for even digits, −1 for odd ones.

    Parameters
    ----------
    read : callable
        `read_digits`, or ``lambda: read_mnist(folder)``.
    n : int, optional
        How many images.
    unit : bool, optional
        Whether to scale every image to norm 1.

    Returns
    -------
    Problem
        n samples in d = 64 dimensions, or in the images' own number of pixels.

    Raises
    ------
    ValueError
        If there are fewer than n digits.

    Examples
    --------
    >>> problem = digit_parity(read_digits, n=10)
    >>> problem.d, problem.y
    (64, array([ 1., -1.,  1., -1.,  1., -1.,  1., -1.,  1., -1.]))
    """
    images, labels = read()
    if as_count("n", n) > len(images):
        raise ValueError(f"n: expected at most {len(images)} images, got {n}")
    X = images[:n]
    return Problem(unit_rows(X) if unit else X, np.where(labels[:n] % 2 == 0, 1.0, -1.0))
