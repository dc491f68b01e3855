"""The network with k outputs, its accuracy and its alignment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, require_memory
from fa_ref.activations import Activation, resolve
from fa_ref.classifier.kernels import apply, softmax_residual
from fa_ref.data.images import LabelledImages

__all__ = ["Classifier"]

Array = NDArray[np.floating[Any]]

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
            apply(Z, self.activation.psi, Z)
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
        softmax_residual(E, images.labels)
        scale = np.abs(E).max(axis=1, keepdims=True)  # late in training squares would underflow
        E = E[scale[:, 0] > 0] / scale[scale[:, 0] > 0]
        inner, bp, fa = (np.einsum("ik,kl,il->i", E, A @ B.T, E) for A, B in ((beta, b), (beta, beta), (b, b)))
        norms = np.sqrt(bp * fa)
        return float(np.mean(inner[norms > 0] / norms[norms > 0])) if (norms > 0).any() else math.nan
