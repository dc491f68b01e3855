"""Feedback alignment with k outputs, softmax cross-entropy and minibatches: the networks of Figure 3.

A network of p hidden units sees an image x ∈ R^d and answers with k scores,

    f(x) = (1/√p) β ψ(Wx),          W ∈ R^{p×d},  β ∈ R^{k×p},  b ∈ R^{k×p} fixed.

On a minibatch of B images with one-hot labels Y let E = (softmax f − Y) / B: the gradient of the mean
cross-entropy with respect to the scores, one image a row. One step is

    β ← β − η (Eᵀ Ψ/√p + λ(t) β)
    W ← W − (η/√p) (δ ∘ ψ′)ᵀ X,      δ_FA = E b   or, for backpropagation,   δ_BP = E β.

The rules differ by one array again. Alignment is the mean over the images of cos∠(δ_BP, δ_FA), row by row.
The products are left to BLAS, in float32 unless asked: an epoch costs little more than they do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_array, as_count, as_number, require_memory
from fa_ref._support.compiled import njit
from fa_ref.activations import Activation, resolve
from fa_ref.data.images import LabelledImages
from fa_ref.schedules import Schedule

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Classifier", "ClassifierRun", "train_classifier"]

Array = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]
Observer = Callable[[int, "Classifier"], bool | None]

RULES = ("fa", "bp")
DTYPES = ("float32", "float64")

#: Rows of one product when scores are read; fixed, so that a reading never depends on the machine.
CHUNK = 2000


class Classifier:
    """Weights of a two-layer network with k outputs.

    Parameters
    ----------
    W : array_like, shape (p, d)
        Hidden weights, one unit a row.
    beta, b : array_like, shape (k, p)
        Output weights β and feedback weights b, one output a row.
    activation : str or Activation, optional
        ψ.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not finite real matrices of fitting shapes.

    Examples
    --------
    >>> network = Classifier.gaussian(p=5, d=3, k=2, rng=np.random.default_rng(0))
    >>> network.scores(np.eye(3)).shape
    (3, 2)
    """

    def __init__(self, W: ArrayLike, beta: ArrayLike, b: ArrayLike, activation: str | Activation = "relu") -> None:
        self.W: Array = as_array("W", W, ndim=2)
        self.beta: Array = as_array("beta", beta, ndim=2)
        self.b: Array = as_array("b", b, ndim=2)
        self.activation = resolve(activation)
        self.p, self.d = self.W.shape
        self.k = len(self.beta)
        for name in ("beta", "b"):
            if getattr(self, name).shape != (self.k, self.p):
                raise ValueError(
                    f"{name}: expected shape {(self.k, self.p)}, a column for each row of W,"
                    f" got {getattr(self, name).shape}"
                )

    @classmethod
    def gaussian(
        cls, p: int, d: int, k: int, rng: np.random.Generator, activation: str | Activation = "relu"
    ) -> Classifier:
        """Draw W, β and b, in this order, with independent N(0, 1) entries."""
        p, d, k = as_count("p", p), as_count("d", d), as_count("k", k, at_least=2)
        require_memory(f"p = {p}, d = {d}, k = {k}", 2 * 8 * p * (d + 2 * k))
        W, beta, b = (rng.standard_normal(shape) for shape in ((p, d), (k, p), (k, p)))
        return cls(W, beta, b, activation)

    def __repr__(self) -> str:
        return f"Classifier(p={self.p}, d={self.d}, k={self.k}, activation={self.activation.name!r})"

    def astype(self, dtype: str) -> Classifier:
        """Return a copy with weights in this precision."""
        copy = Classifier(self.W, self.beta, self.b, self.activation)
        for name in ("W", "beta", "b"):
            setattr(copy, name, getattr(self, name).astype(dtype))
        return copy

    def scores(self, X: Array) -> Array:
        """f(x) for each row x of X, shape (m, k)."""
        F = np.empty((len(X), self.k), dtype=self.W.dtype)
        for start in range(0, len(X), CHUNK):
            Z = np.asarray(X[start : start + CHUNK], dtype=self.W.dtype) @ self.W.T
            _apply(Z, self.activation.psi, Z)
            F[start : start + CHUNK] = Z @ self.beta.T
        F /= math.sqrt(self.p)
        return F

    def accuracy(self, images: LabelledImages) -> float:
        """Share of the images whose largest score is that of their class."""
        return float(np.mean(self.scores(images.X).argmax(axis=1) == images.labels))

    def alignment(self, images: LabelledImages) -> float:
        """Mean over the images of cos∠(δ_BP, δ_FA); NaN where one of them is zero on every image.

        An image that is already answered without error has no direction, and is left out.
        """
        E, beta, b = (np.asarray(A, dtype=np.float64) for A in (self.scores(images.X), self.beta, self.b))
        _softmax_residual(E, images.labels)
        scale = np.abs(E).max(axis=1, keepdims=True)  # late in training squares would underflow
        E = E[scale[:, 0] > 0] / scale[scale[:, 0] > 0]
        inner, bp, fa = (np.einsum("ik,kl,il->i", E, A @ B.T, E) for A, B in ((beta, b), (beta, beta), (b, b)))
        norms = np.sqrt(bp * fa)
        return float(np.mean(inner[norms > 0] / norms[norms > 0])) if (norms > 0).any() else math.nan


@njit(error_model="numpy")
def _apply(Z, function, out):
    """out = function(Z), entry by entry. Compiled anew for each function, which it then contains."""
    z, o = Z.reshape(-1), out.reshape(-1)
    for i in range(z.size):
        o[i] = function(z[i])


@njit(error_model="numpy")
def _scale_by(Z, function, out):
    """out ← out ∘ function(Z)."""
    z, o = Z.reshape(-1), out.reshape(-1)
    for i in range(z.size):
        o[i] *= function(z[i])


@njit(cache=True, error_model="numpy")
def _softmax_residual(F, labels):
    """Replace the scores by softmax f − onehot, row by row; return the sum of the cross-entropies.

    The entry of an image's own class is −Σ of the others: softmax − 1 would cancel where the answer is sure.
    """
    loss = 0.0
    for i in range(F.shape[0]):
        top, total = F[i].max(), 0.0
        own = F[i, labels[i]] - top
        for k in range(F.shape[1]):
            F[i, k] = math.exp(F[i, k] - top)
            total += F[i, k]
        others = 0.0
        for k in range(F.shape[1]):
            F[i, k] /= total
            if k != labels[i]:
                others += F[i, k]
        F[i, labels[i]] = -others
        loss += math.log(total) - own
    return loss


class _Step:
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
        _apply(Z, net.activation.psi, Psi)
        np.matmul(Psi, net.beta.T, out=E)
        E /= root_p
        loss = float(_softmax_residual(E, labels[rows]))
        E *= self.eta / (B * root_p)
        np.matmul(E, self.feedback, out=delta)
        _scale_by(Z, net.activation.dpsi, delta)
        net.beta -= E.T @ Psi + self.eta * lam * net.beta
        np.matmul(delta.T, X, out=self.gradient)
        net.W -= self.gradient
        return loss


@dataclass(frozen=True)
class ClassifierRun:
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
    eta, epochs, batch = as_number("eta", eta, above=0), as_count("epochs", epochs), as_count("batch", batch)
    ridge = ridge or schedules.zero()
    _check(train, test, network, eta * ridge.maximum, rule, dtype)
    batch = min(batch, train.m)
    per_epoch = -(-train.m // batch)
    lam = ridge.values(epochs * per_epoch)
    X, live = train.X.astype(dtype), network.astype(dtype)
    first = LabelledImages(train.X[:batch], train.labels[:batch], train.k)
    step, rows, status = _Step(live, batch, eta, rule), [], "completed"
    with np.errstate(all="ignore"):  # divergence is a result
        for epoch in range(epochs + 1):
            loss = math.nan
            if epoch > 0:
                lams = lam[(epoch - 1) * per_epoch : epoch * per_epoch]
                loss = _epoch(step, X, train.labels, rng.permutation(train.m), batch, lams) / train.m
                if not (math.isfinite(loss) and np.isfinite(live.W).all() and np.isfinite(live.beta).all()):
                    status = "diverged"
                    break
            rows.append((epoch, live.accuracy(test), live.alignment(first), loss))
            if observe and observe(epoch, live):
                status = "stopped"
                break
    settings = {
        "activation": live.activation.name, "eta": eta, "ridge": ridge.name, "rule": rule, "dtype": dtype,
        "epochs": epochs, "batch": batch, "m": train.m, "d": train.d, "p": network.p, "k": network.k,
    }  # fmt: skip
    epochs_read, accuracy, alignment, losses = (np.array(column) for column in zip(*rows, strict=True))
    return ClassifierRun(epochs_read, accuracy, alignment, losses, status, settings, live)


def _epoch(step: _Step, X: Array, labels: Labels, order: Labels, batch: int, lams: NDArray[np.float64]) -> float:
    loss = 0.0
    for t, lam in enumerate(lams):
        loss += step(X, labels, order[t * batch : (t + 1) * batch], float(lam))
        if not math.isfinite(loss):
            break
    return loss


def _check(
    train: LabelledImages, test: LabelledImages, network: Classifier, shrink: float, rule: str, dtype: str
) -> None:
    for name, value, choices in (("rule", rule, RULES), ("dtype", dtype, DTYPES)):
        if value not in choices:
            raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
    for name, images in (("train", train), ("test", test)):
        if (images.d, images.k) != (network.d, network.k):
            raise ValueError(
                f"{name}: expected d = {network.d} and k = {network.k}, those of the network,"
                f" got d = {images.d} and k = {images.k}"
            )
    if not shrink < 1:
        raise ValueError(f"ridge: expected eta * lambda(t) < 1, got {shrink:g}")
