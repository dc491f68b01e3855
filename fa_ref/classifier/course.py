"""Passes over training images in minibatches: what the training of every classifier shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, one_of, require_decay
from fa_ref.data.images import LabelledImages
from fa_ref.schedules import Schedule

__all__ = ["Course"]

DTYPES = ("float32", "float64")

#: Descends on the images with these numbers under this λ; returns the sum of their cross-entropies before the step.
Step = Callable[[NDArray[np.int64], float], float]


@dataclass(frozen=True, kw_only=True)
class Course:
    """How fast and how long a classifier is trained.

    Parameters
    ----------
    train : LabelledImages
        Images to learn from.
    eta : float
        Step size > 0.
    epochs, batch : int
        Passes over the images, and images a step; the last step of an epoch takes what is left.
    ridge : Schedule, optional
        λ(t), t counting steps, with η·λ(t) < 1.
    dtype : {"float32", "float64"}
        Arithmetic.

    Raises
    ------
    TypeError, ValueError
        If one of them is not what is said above.

    Examples
    --------
    >>> images = LabelledImages(np.eye(5), np.arange(5) % 2, k=2)
    >>> course = Course(train=images, eta=0.1, epochs=1, batch=2)
    >>> list(course.losses(lambda rows, lam: float(len(rows)), (np.ones(1),), np.random.default_rng(0)))
    [(0, nan), (1, 1.0)]
    """

    train: LabelledImages = field(repr=False)
    eta: float
    epochs: int
    batch: int
    ridge: Schedule | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        one_of("dtype", self.dtype, DTYPES)
        ridge = self.ridge or schedules.zero()
        checked = {
            "eta": as_number("eta", self.eta, above=0), "epochs": as_count("epochs", self.epochs),
            "batch": min(as_count("batch", self.batch), self.train.m), "ridge": ridge,
        }  # fmt: skip
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        require_decay(self.eta, ridge.maximum)

    def check_shapes(self, test: LabelledImages, d: int, k: int) -> None:
        """Refuse images that are not of the network's input dimension and classes.

        Raises
        ------
        ValueError
            If one of the two sets is not.
        """
        for name, images in (("train", self.train), ("test", test)):
            if (images.d, images.k) != (d, k):
                raise ValueError(
                    f"{name}: expected d = {d} and k = {k}, those of the network,"
                    f" got d = {images.d} and k = {images.k}"
                )

    @property
    def first(self) -> LabelledImages:
        """The first minibatch of the training images, in their own order."""
        return LabelledImages(self.train.X[: self.batch], self.train.labels[: self.batch], self.train.k)

    def losses(
        self, step: Step, weights: tuple[NDArray[np.floating[Any]], ...], rng: np.random.Generator
    ) -> Iterator[tuple[int, float]]:
        """Train, and yield every epoch with its mean loss, from epoch 0 (NaN) before training.

        Ends early where the loss, or one of the ``weights``, stops being finite.
        """
        steps = -(-self.train.m // self.batch)
        lam = (self.ridge or schedules.zero()).values(self.epochs * steps)
        yield 0, math.nan
        for epoch in range(1, self.epochs + 1):
            order, loss = rng.permutation(self.train.m), 0.0
            for t in range(steps):
                rows = order[t * self.batch : (t + 1) * self.batch]
                loss += step(rows, float(lam[(epoch - 1) * steps + t]))
                if not math.isfinite(loss):
                    return
            if not all(np.isfinite(array).all() for array in weights):
                return
            yield epoch, loss / self.train.m
