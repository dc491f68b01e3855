"""Minibatch training of a classifier by feedback alignment or backpropagation, with its record."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import one_of
from fa_ref._support.truth import NoTruthValue
from fa_ref.classifier.course import Course
from fa_ref.classifier.kernels import apply, scale_by, softmax_residual
from fa_ref.classifier.network import Classifier
from fa_ref.data.images import LabelledImages
from fa_ref.schedules import Schedule

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["ClassifierRun", "Step", "train_classifier"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]
Observer = Callable[[int, Classifier], bool | None]

RULES = ("fa", "bp")


class Step:
    """One minibatch step, with its workspace."""

    def __init__(self, network: Classifier, batch: int, eta: float, rule: str) -> None:
        dtype, p, d, k = network.W.dtype, network.p, network.d, network.k
        self.network, self.eta = network, eta
        self.feedback = network.b if rule == "fa" else network.beta
        self.X = np.empty((batch, d), dtype)
        self.Z, self.Psi, self.delta = (np.empty((batch, p), dtype) for _ in range(3))
        self.E, self.gradient = np.empty((batch, k), dtype), np.empty((p, d), dtype)

    def __call__(self, images: Array, labels: Labels, rows: Labels, lam: float) -> float:
        """Descend on these rows; return the sum of their cross-entropies before the step."""
        net, B, root_p = self.network, len(rows), math.sqrt(self.network.p)
        X, Z, Psi, delta, E = (A[:B] for A in (self.X, self.Z, self.Psi, self.delta, self.E))
        np.take(images, rows, axis=0, out=X, mode="clip")  # the other modes copy twice
        np.matmul(X, net.W.T, out=Z)
        apply(Z, net.activation.psi, Psi)
        np.matmul(Psi, net.beta.T, out=E)
        E /= root_p
        loss = float(softmax_residual(E, labels[rows]))
        E *= self.eta / (B * root_p)
        np.matmul(E, self.feedback, out=delta)
        scale_by(Z, net.activation.dpsi, delta)
        net.beta -= E.T @ Psi + self.eta * lam * net.beta
        np.matmul(delta.T, X, out=self.gradient)
        net.W -= self.gradient
        return loss


@dataclass(frozen=True, kw_only=True)
class ClassifierRun(NoTruthValue):
    """The record of one run, one reading an epoch; the first is before training.

    Attributes
    ----------
    epochs : ndarray of int, shape (m,)
        0, 1, ….
    accuracy : ndarray, shape (m,)
        On the test images.
    alignment : ndarray, shape (m,)
        On the first minibatch of the training images, in their own order.
    loss : ndarray, shape (m,)
        Mean cross-entropy over the epoch, each minibatch before its step; NaN at epoch 0.
    status : str
        ``"completed"``, ``"stopped"`` (an observer asked for it) or ``"diverged"``.
    settings : dict
        Everything but the data and the weights.
    network : Classifier
        The weights at the end.
    """

    epochs: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    alignment: NDArray[np.float64]
    loss: NDArray[np.float64]
    status: str
    settings: dict[str, Any]
    network: Classifier = field(repr=False)

    def to_frame(self) -> DataFrame:
        """Return one row an epoch, indexed by ``epoch``."""
        import pandas as pd

        columns = {"accuracy": self.accuracy, "alignment": self.alignment, "loss": self.loss}
        return pd.DataFrame(columns, index=pd.Index(self.epochs, name="epoch"))


def train_classifier(
    train: LabelledImages,
    test: LabelledImages,
    network: Classifier,
    rng: np.random.Generator,
    *,
    eta: float = 1e-2,
    epochs: int = 300,
    batch: int = 600,
    ridge: Schedule | None = None,
    rule: str = "fa",
    dtype: str = "float32",
    observe: Observer | None = None,
) -> ClassifierRun:
    """Train by feedback alignment or backpropagation, reading accuracy and alignment once an epoch.

    Parameters
    ----------
    train, test : LabelledImages
        Images to learn from and to be examined on.
    network : Classifier
        Weights at the start; left as they are.
    rng : numpy.random.Generator
        Shuffles the training images anew for each epoch.
    eta : float, optional
        Step size on the mean cross-entropy of a minibatch.
    epochs, batch : int, optional
        Passes over the training images, and images a step; the last step of an epoch takes what is left.
    ridge : Schedule, optional
        λ(t), t counting steps; acts on β alone. η·λ(t) < 1 is required.
    rule : {"fa", "bp"}, optional
        Feedback alignment or backpropagation.
    dtype : {"float32", "float64"}, optional
        Arithmetic of the run.
    observe : callable, optional
        ``observe(epoch, network)`` is called at each reading with the live weights; returning True stops the run.

    Returns
    -------
    ClassifierRun
        With status ``"diverged"`` where the loss stopped being finite; it holds the readings up to there.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above, or shapes do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = LabelledImages(rng.standard_normal((60, 8)), np.arange(60) % 3, k=3)
    >>> network = Classifier.gaussian(p=200, d=8, k=3, rng=rng)
    >>> run = train_classifier(images, images, network, rng, eta=1.0, epochs=30, batch=20)
    >>> run.status, len(run.epochs), bool(run.loss[-1] < run.loss[1])
    ('completed', 31, True)
    """
    one_of("rule", rule, RULES)
    course = Course(train=train, eta=eta, epochs=epochs, batch=batch, ridge=ridge, dtype=dtype)
    course.check_shapes(test, network.d, network.k)
    X, live, first = train.X.astype(dtype), network.astype(dtype), course.first
    step, rows, stopped = Step(live, course.batch, course.eta, rule), [], False
    with np.errstate(all="ignore"):  # divergence is a result
        for epoch, loss in course.losses(
            lambda chosen, lam: step(X, train.labels, chosen, lam), (live.W, live.beta), rng
        ):
            rows.append((epoch, live.accuracy(test), live.alignment(first), loss))
            stopped = bool(observe and observe(epoch, live))
            if stopped:
                break
    settings = {
        "activation": live.activation.name, "eta": course.eta, "ridge": (ridge or schedules.zero()).name,
        "rule": rule, "dtype": dtype, "epochs": course.epochs, "batch": course.batch, "m": train.m, "d": train.d,
        "p": network.p, "k": network.k,
    }  # fmt: skip
    status = "stopped" if stopped else "completed" if len(rows) > course.epochs else "diverged"
    epochs_read, accuracy, alignment, losses = (np.array(column) for column in zip(*rows, strict=True))
    return ClassifierRun(
        epochs=epochs_read, accuracy=accuracy, alignment=alignment, loss=losses, status=status, settings=settings,
        network=live,
    )  # fmt: skip
