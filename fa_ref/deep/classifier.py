"""L hidden layers with k outputs, softmax cross-entropy and minibatches: Figure 3 at depth.

As in `fa_ref.classifier`, its case L = 1, a minibatch of B images has E = (softmax f − Y)/B, here for

    h_1 = ψ(W x),   h_{l+1} = ψ(V_l h_l/√p),   f = β h_L/√p,     β and every b_l in R^{k×p},

and layer l moves against δ_l h_{l−1}ᵀ as in `fa_ref.deep.loops`: what is carried to the last layer is E b_L
(feedback alignment) or E β (backpropagation), and to those below what B_{l+1} or V_{l+1} makes of it; direct
feedback alignment carries E b_l to every layer. The products are left to BLAS, in float32 unless asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count, one_of, require_memory
from fa_ref._support.truth import NoTruthValue
from fa_ref.activations import Activation, resolve
from fa_ref.classifier.course import Course
from fa_ref.classifier.kernels import apply, scale_by, softmax_residual
from fa_ref.data.images import LabelledImages
from fa_ref.schedules import Schedule

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DeepClassifier", "DeepClassifierRun", "train_deep_classifier"]

Array = NDArray[np.floating[Any]]

RULES = ("fa", "dfa", "bp")

#: Rows of one product when scores are read; fixed, so that a reading never depends on the machine.
CHUNK = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepClassifier:
    """Weights of L hidden layers of width p with k outputs.

    Attributes
    ----------
    W : ndarray, shape (p, d)
        Weights of the first layer.
    V, B : ndarray, shape (L − 1, p, p)
        Weights of the layers above it, and what feedback alignment carries the error down through.
    beta : ndarray, shape (k, p)
        Output weights.
    b : ndarray, shape (L, k, p)
        ``b[-1]`` carries the error to the last layer; direct feedback alignment uses ``b[l]`` for layer l + 1.
    activation : Activation
        ψ.

    Examples
    --------
    >>> network = DeepClassifier.gaussian(L=2, p=5, d=3, k=2, rng=np.random.default_rng(0))
    >>> network.hidden(np.eye(3))[-1].shape
    (3, 5)
    """

    W: Array
    V: Array
    B: Array
    beta: Array
    b: Array
    activation: Activation

    @classmethod
    def gaussian(
        cls, *, L: int, p: int, d: int, k: int, rng: np.random.Generator, activation: str | Activation = "relu"
    ) -> DeepClassifier:
        """Draw W, β, b of the last layer, V, B and b of the others, in this order, from N(0, 1).

        At L = 1 these are the draws of `fa_ref.classifier.Classifier.gaussian`.
        """
        L, p, d, k = as_count("L", L), as_count("p", p), as_count("d", d), as_count("k", k, at_least=2)
        require_memory(f"L = {L}, p = {p}, d = {d}", 8 * 2 * (p * (d + k * (L + 1)) + 2 * (L - 1) * p * p))
        W, beta, last = rng.standard_normal((p, d)), rng.standard_normal((k, p)), rng.standard_normal((k, p))
        V, B = (rng.standard_normal((L - 1, p, p)) for _ in range(2))
        b = np.concatenate([rng.standard_normal((L - 1, k, p)), last[None]])
        return cls(W=W, V=V, B=B, beta=beta, b=b, activation=resolve(activation))

    def astype(self, dtype: str) -> DeepClassifier:
        """Return a copy with weights in this precision."""
        arrays = {name: getattr(self, name).astype(dtype) for name in ("W", "V", "B", "beta", "b")}
        return DeepClassifier(**arrays, activation=self.activation)

    def hidden(self, X: Array, slopes: list[Array] | None = None) -> list[Array]:
        """ψ of every layer, shape (m, p) each; z of every layer is appended to ``slopes``, if given."""
        layers: list[Array] = []
        Z = np.asarray(X, dtype=self.W.dtype) @ self.W.T
        for V in (*self.V, None):
            Psi = np.empty_like(Z)
            apply(Z, self.activation.psi, Psi)
            layers.append(Psi)
            if slopes is not None:
                slopes.append(Z)
            if V is not None:
                Z = Psi @ V.T / self._root
        return layers

    @property
    def _root(self) -> Any:
        return self.W.dtype.type(math.sqrt(len(self.W)))

    def scores(self, X: Array) -> Array:
        """f(x) for each row x of X, shape (m, k)."""
        parts = [self.hidden(X[i : i + CHUNK])[-1] @ self.beta.T / self._root for i in range(0, len(X), CHUNK)]
        return np.concatenate(parts)

    def accuracy(self, images: LabelledImages) -> float:
        """Share of the images whose largest score is that of their class."""
        return float(np.mean(self.scores(images.X).argmax(axis=1) == images.labels))

    def carried(self, E: Array, Z: list[Array], rule: str) -> list[Array]:
        """δ of every layer as ``rule`` carries it, shape (m, p) each; ``Z`` has z of every layer."""
        dpsi, root, L = self.activation.dpsi, self._root, len(Z)
        found: list[Array] = [np.empty(0)] * L
        for layer in range(L - 1, -1, -1):
            if layer == L - 1 or rule == "dfa":
                delta = E @ (self.beta if rule == "bp" else self.b[layer]) / root
            else:
                delta = found[layer + 1] @ (self.V if rule == "bp" else self.B)[layer] / root
            scale_by(Z[layer], dpsi, delta)
            found[layer] = delta
        return found

    def alignment(self, images: LabelledImages, rule: str) -> NDArray[np.float64]:
        """Mean over the images of cos∠(δ_BP, δ) of every layer, shape (L,); NaN where one is zero on all of them.

        δ is what reaches z: as in `fa_ref.deep`, ψ′ is part of it.
        """
        Z: list[Array] = []
        last = self.astype("float64")
        E = last.hidden(images.X, Z)[-1] @ last.beta.T / last._root
        softmax_residual(E, images.labels)
        size = np.abs(E).max(axis=1, keepdims=True)  # late in training squares would underflow
        E /= np.where(size > 0, size, 1.0)
        pairs = zip(last.carried(E, Z, rule), last.carried(E, Z, "bp"), strict=True)
        return np.array([_mean_cosine(ours, bp) for ours, bp in pairs])


def _mean_cosine(a: Array, b: Array) -> float:
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    inner = np.einsum("ir,ir->i", a, b)
    return float(np.mean(inner[norms > 0] / norms[norms > 0])) if (norms > 0).any() else math.nan


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepClassifierRun(NoTruthValue):
    """The record of one run, one reading an epoch; the first is before training.

    Attributes
    ----------
    accuracy : ndarray, shape (m,)
        On the test images.
    alignment : ndarray, shape (m, L)
        Of every layer, on the first minibatch of the training images, in their own order.
    loss : ndarray, shape (m,)
        Mean cross-entropy over the epoch, each minibatch before its step; NaN at epoch 0.
    status : str
        ``"completed"`` or ``"diverged"``.
    network : DeepClassifier
        The weights at the end.
    """

    accuracy: NDArray[np.float64]
    alignment: NDArray[np.float64]
    loss: NDArray[np.float64]
    status: str
    network: DeepClassifier = field(repr=False)

    def to_frame(self) -> DataFrame:
        """Return one row an epoch, indexed by ``epoch``."""
        import pandas as pd

        layers = {f"alignment_{l + 1}": column for l, column in enumerate(self.alignment.T)}
        return pd.DataFrame({"accuracy": self.accuracy, **layers, "loss": self.loss}).rename_axis("epoch")


def train_deep_classifier(
    train: LabelledImages,
    test: LabelledImages,
    network: DeepClassifier,
    rng: np.random.Generator,
    *,
    eta: float,
    epochs: int,
    batch: int = 600,
    ridge: Schedule | None = None,
    rule: str = "fa",
    dtype: str = "float32",
    progress: Any = None,
) -> DeepClassifierRun:
    """Train by feedback alignment, direct feedback alignment or backpropagation, reading once an epoch.

    Parameters
    ----------
    train, test : LabelledImages
        Images to learn from and to be examined on.
    network : DeepClassifier
        Weights at the start; left as they are.
    rng : numpy.random.Generator
        Shuffles the training images anew for each epoch.
    eta : float
        Step size on the mean cross-entropy of a minibatch.
    epochs, batch : int
        Passes over the training images, and images a step; the last step of an epoch takes what is left.
    ridge : Schedule, optional
        λ(t), t counting steps; acts on β alone. η·λ(t) < 1 is required.
    rule : {"fa", "dfa", "bp"}, optional
        What carries the error back.
    dtype : {"float32", "float64"}, optional
        Arithmetic of the run.
    progress : callable, optional
        ``progress(epoch, accuracy, alignment)`` is called at each reading.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above, or shapes do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = LabelledImages(rng.standard_normal((60, 8)), np.arange(60) % 3, k=3)
    >>> network = DeepClassifier.gaussian(L=2, p=100, d=8, k=3, rng=rng, activation="tanh")
    >>> run = train_deep_classifier(images, images, network, rng, eta=1.0, epochs=20, batch=20, rule="dfa")
    >>> run.status, run.alignment.shape, bool(run.loss[-1] < run.loss[1])
    ('completed', (21, 2), True)
    """
    one_of("rule", rule, RULES)
    course = Course(train=train, eta=eta, epochs=epochs, batch=batch, ridge=ridge, dtype=dtype)
    course.check_shapes(test, network.W.shape[1], len(network.beta))
    X, live, first = train.X.astype(dtype), network.astype(dtype), course.first
    rows: list[tuple[float, NDArray[np.float64], float]] = []
    with np.errstate(all="ignore"):  # divergence is a result
        for epoch, loss in course.losses(
            lambda chosen, lam: _step(live, X[chosen], train.labels[chosen], course.eta, lam, rule),
            (live.W, live.beta), rng,
        ):  # fmt: skip
            rows.append((live.accuracy(test), live.alignment(first, rule), loss))
            if progress:
                progress(epoch, *rows[-1][:2])
    status = "completed" if len(rows) > course.epochs else "diverged"
    accuracy, alignment, losses = (np.array(column) for column in zip(*rows, strict=True))
    return DeepClassifierRun(accuracy=accuracy, alignment=alignment, loss=losses, status=status, network=live)


def _step(net: DeepClassifier, X: Array, labels: NDArray[np.int64], eta: float, lam: float, rule: str) -> float:
    """Descend on these images, in place; return the sum of their cross-entropies before the step."""
    Z: list[Array] = []
    H, rate = net.hidden(X, Z), net.W.dtype.type(eta / math.sqrt(len(net.W)))
    E = H[-1] @ net.beta.T / net._root
    loss = float(softmax_residual(E, labels))
    E /= len(labels)
    delta = net.carried(E, Z, rule)
    net.W[:] -= net.W.dtype.type(eta) * (delta[0].T @ X)
    for V, above, below in zip(net.V, delta[1:], H[:-1], strict=True):
        V -= rate * (above.T @ below)
    net.beta[:] -= rate * (E.T @ H[-1]) + net.W.dtype.type(eta * lam) * net.beta
    return loss
