"""Labelled images: what a classifier learns from and is examined on."""

from __future__ import annotations

from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref.data.digits import read_digits
from fa_ref.data.idx import read_idx, read_mnist

__all__ = ["LabelledImages", "digits", "idx_pair", "mnist"]

StrPath = str | PathLike[str]

#: Mean and standard deviation of MNIST's training pixels, as customarily rounded.
MNIST_PIXELS = (0.1307, 0.3081)


class LabelledImages:
    """Images, one a row, and the class of each.

    Parameters
    ----------
    X : array_like, shape (m, d)
        Inputs.
    labels : array_like of int, shape (m,)
        Classes 0 … k − 1.
    k : int, optional
        Number of classes.

    Raises
    ------
    TypeError, ValueError
        If X is not a finite real matrix, or the labels are not m integers from 0 to k − 1.

    Examples
    --------
    >>> images = LabelledImages([[0.0, 1.0], [1.0, 0.0]], [1, 0], k=2)
    >>> images.m, images.d
    (2, 2)
    """

    def __init__(self, X: ArrayLike, labels: ArrayLike, k: int = 10) -> None:
        self.X: NDArray[np.float64] = as_array("X", X, ndim=2)
        self.k = as_count("k", k, at_least=2)
        self.m, self.d = self.X.shape
        raw = np.asarray(labels)
        if raw.dtype.kind not in "iu":
            raise TypeError(f"labels: expected integers, got entries of type {raw.dtype}")
        if raw.shape != (self.m,):
            raise ValueError(f"labels: expected {self.m} labels, one for each row of X, got shape {raw.shape}")
        if raw.min() < 0 or raw.max() >= self.k:
            raise ValueError(f"labels: expected classes 0 … {self.k - 1}, got {raw.min()} … {raw.max()}")
        self.labels: NDArray[np.int64] = raw.astype(np.int64)

    def standardised(self, mean: float, sd: float) -> LabelledImages:
        """Return the same images with every pixel x replaced by (x − mean)/sd."""
        shifted = (self.X - as_number("mean", mean)) / as_number("sd", sd, above=0)
        return LabelledImages(shifted, self.labels, self.k)

    def split(self, m: int) -> tuple[LabelledImages, LabelledImages]:
        """Return the first m images, and the others."""
        if not as_count("m", m) < self.m:
            raise ValueError(f"m: expected fewer than the {self.m} images there are, got {m}")
        return (
            LabelledImages(self.X[:m], self.labels[:m], self.k),
            LabelledImages(self.X[m:], self.labels[m:], self.k),
        )


Pair = tuple[LabelledImages, LabelledImages]


def mnist(folder: StrPath) -> Pair:
    """Read MNIST's 60000 training and 10000 test images, pixels standardised by `MNIST_PIXELS`."""
    train, test = (LabelledImages(*read_mnist(folder, split)) for split in ("train", "t10k"))
    return train.standardised(*MNIST_PIXELS), test.standardised(*MNIST_PIXELS)


def digits() -> Pair:
    """Read the bundled 8×8 digits: 1437 to train, the other 360 to test, pixels standardised.

    Examples
    --------
    >>> train, test = digits()
    >>> train.m, test.m, train.d
    (1437, 360, 64)
    """
    return _standardised_split(LabelledImages(*read_digits()), 1437)


def idx_pair(images: StrPath, labels: StrPath) -> Pair:
    """Read one pair of IDX files; the last seventh is held out to test, pixels are standardised.

    Raises
    ------
    ValueError
        If a file is not IDX, the images have one axis only or are fewer than 7, there is not one label for each,
        or all pixels are equal.
    """
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim < 2 or len(pixels) < 7:
        raise ValueError(f"{images}: expected at least 7 images, got an array of shape {pixels.shape}")
    whole = LabelledImages(pixels.reshape(len(pixels), -1), classes, k=max(2, int(np.max(classes, initial=0)) + 1))
    return _standardised_split(whole, whole.m - whole.m // 7)


def _standardised_split(images: LabelledImages, m: int) -> Pair:
    train, test = images.split(m)
    mean, sd = float(train.X.mean()), float(train.X.std())
    if sd == 0.0:
        raise ValueError(f"images: expected pixels that differ, got {mean:g} everywhere")
    return train.standardised(mean, sd), test.standardised(mean, sd)
