"""The two-layer network f(x) = (1/√p) Σᵣ βᵣ ψ(wᵣ·x) and its feedback weights b."""

from __future__ import annotations

import hashlib
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, require_memory
from fa_ref._support.storage import read_npz, write_npz
from fa_ref.activations import Activation, resolve
from fa_ref.measures import alignment

__all__ = ["Network"]

Array = NDArray[np.float64]


class Network:
    """Weights of a two-layer network of width p.

    Parameters
    ----------
    W : array_like, shape (p, d)
        Hidden weights, one unit a row.
    beta : array_like, shape (p,)
        Output weights β.
    b : array_like, shape (p,)
        Feedback weights; only the rules of `fa_ref.learned` move them.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not finite real numbers of fitting shapes.

    Examples
    --------
    >>> import numpy as np
    >>> network = Network.gaussian(p=4, d=2, rng=np.random.default_rng(0))
    >>> network.p, network.d
    (4, 2)
    >>> network.output([[1.0, 0.0]], "identity") == network.beta @ network.W[:, 0] / 2
    array([ True])
    """

    def __init__(self, W: ArrayLike, beta: ArrayLike, b: ArrayLike) -> None:
        self.W: Array = as_array("W", W, ndim=2)
        self.beta: Array = as_array("beta", beta, ndim=1)
        self.b: Array = as_array("b", b, ndim=1)
        self.p, self.d = self.W.shape
        for name in ("beta", "b"):
            if getattr(self, name).shape != (self.p,):
                got = getattr(self, name).size
                raise ValueError(f"{name}: expected {self.p} weights, one for each row of W, got {got}")

    @classmethod
    def gaussian(cls, p: int, d: int, rng: np.random.Generator) -> Network:
        """Draw W, β and b with independent N(0, 1) entries, as Theorems 3.2, 4.2 and 4.3 assume.

        Parameters
        ----------
        p, d : int
            Width and input dimension.
        rng : numpy.random.Generator
            Drawn from in the order W, β, b.

        Raises
        ------
        ValueError
            If p or d is below 1, or the weights do not fit in memory (said before they are allocated).
        """
        p, d = as_count("p", p), as_count("d", d)
        require_memory(f"p = {p}, d = {d}", 2 * 8 * p * (d + 2))
        return cls(rng.standard_normal((p, d)), rng.standard_normal(p), rng.standard_normal(p))

    def __repr__(self) -> str:
        return f"Network(p={self.p}, d={self.d})"

    def copy(self) -> Network:
        """Return an independent copy."""
        arrays = (self.W, self.beta, self.b)
        if any(array.flags.writeable for array in arrays):
            return Network(*arrays)
        copy = object.__new__(Network)  # of read-only arrays, which were checked and cannot have changed
        copy.W, copy.beta, copy.b = (array.copy() for array in arrays)
        copy.p, copy.d = self.p, self.d
        return copy

    def frozen(self) -> Network:
        """Return the network with read-only arrays: itself if they are, else a copy."""
        arrays = (self.W, self.beta, self.b)
        if not any(array.flags.writeable for array in arrays):
            return self
        fixed = self.copy()
        for array in (fixed.W, fixed.beta, fixed.b):
            array.setflags(write=False)
        return fixed

    def output(self, X: ArrayLike, activation: str | Activation = "tanh") -> Array:
        """f(x) for each row x of X, shape (n,)."""
        X = as_array("X", X, ndim=2)
        if X.shape[1] != self.d:
            raise ValueError(f"X: expected {self.d} columns, the network's input dimension, got {X.shape[1]}")
        Psi = resolve(activation)(X @ self.W.T)
        f: Array = Psi @ self.beta / np.sqrt(self.p)
        return f

    @property
    def alignment(self) -> float:
        """cos∠(b, β), Definition 4.1; NaN where β or b is zero."""
        return float(alignment(self.b, self.beta))

    def digest(self) -> str:
        """SHA-256 of the weights' bytes and shapes: the same for the same network, on any machine.

        Examples
        --------
        >>> Network([[1.0]], [1.0], [1.0]).digest()[:16]
        '8b0d4f8d21ebf2d4'
        """
        sha = hashlib.sha256()
        for array in (self.W, self.beta, self.b):
            sha.update(repr(array.shape).encode())
            sha.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return sha.hexdigest()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the weights to an ``.npz`` file, complete or not at all."""
        write_npz(path, {"W": self.W, "beta": self.beta, "b": self.b})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Network:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file.
        """
        return cls(**read_npz(path, ("W", "beta", "b")))
