"""A network of L hidden layers of one width, with the fixed weights that carry the error back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, require_memory
from fa_ref.activations import Activation, resolve
from fa_ref.network import Network

__all__ = ["DeepNetwork"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepNetwork:
    """Weights of f(x) = β·h_L/√p with h_1 = ψ(W x) and h_{l+1} = ψ(V_l h_l/√p).

    Parameters
    ----------
    W : array_like, shape (p, d)
        Weights of the first layer.
    V : array_like, shape (L − 1, p, p)
        Weights of the layers above it.
    beta : array_like, shape (p,)
        Output weights β.
    B : array_like, shape (L − 1, p, p)
        Feedback alignment carries the error down through B[l]ᵀ in place of V[l]ᵀ.
    b : array_like, shape (L, p)
        ``b[-1]`` carries the error from the output to the last layer; direct feedback alignment uses ``b[l]`` for
        layer l + 1.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not finite real numbers of fitting shapes.

    Examples
    --------
    >>> network = DeepNetwork.gaussian(L=3, p=10, d=4, rng=np.random.default_rng(0))
    >>> network.L, network.p, network.d
    (3, 10, 4)
    >>> network.output(np.eye(4), "tanh").shape
    (4,)
    """

    W: Array
    V: Array
    beta: Array
    B: Array
    b: Array

    def __post_init__(self) -> None:
        W = as_array("W", self.W, ndim=2)
        p = W.shape[0]
        stacks = {name: self._stack(name, p) for name in ("V", "B")}
        beta, b = as_array("beta", self.beta, ndim=1), as_array("b", self.b, ndim=2)
        layers = stacks["V"].shape[0] + 1
        for name, array, shape in (
            ("beta", beta, (p,)),
            ("B", stacks["B"], (layers - 1, p, p)),
            ("b", b, (layers, p)),
        ):
            if array.shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
        for name, array in {"W": W, "beta": beta, "b": b, **stacks}.items():
            object.__setattr__(self, name, array)

    def _stack(self, name: str, p: int) -> Array:
        """A stack of p×p matrices, which may be empty."""
        value = np.asarray(getattr(self, name))
        if value.shape == (0, p, p):
            return np.empty((0, p, p))
        return as_array(name, value, ndim=3)

    @classmethod
    def gaussian(cls, *, L: int, p: int, d: int, rng: np.random.Generator) -> DeepNetwork:
        """Draw every entry from N(0, 1), in the order W, β, b of the last layer, V, B, b of the others.

        At L = 1 these are the draws of `fa_ref.Network.gaussian`.

        Raises
        ------
        ValueError
            If L, p or d is below 1, or the weights do not fit in memory.
        """
        L, p, d = as_count("L", L), as_count("p", p), as_count("d", d)
        require_memory(f"L = {L}, p = {p}, d = {d}", 8 * 2 * (p * (d + 2 + L) + 2 * (L - 1) * p * p))
        W, beta, last = rng.standard_normal((p, d)), rng.standard_normal(p), rng.standard_normal(p)
        V, B = (rng.standard_normal((L - 1, p, p)) for _ in range(2))
        b = np.concatenate([rng.standard_normal((L - 1, p)), last[None]])
        return cls(W=W, V=V, beta=beta, B=B, b=b)

    @classmethod
    def of(cls, network: Network) -> DeepNetwork:
        """Return a two-layer network as the case L = 1."""
        empty = np.empty((0, network.p, network.p))
        return cls(W=network.W, V=empty, beta=network.beta, B=empty, b=network.b[None])

    @property
    def L(self) -> int:
        """Number of hidden layers."""
        return int(self.V.shape[0]) + 1

    @property
    def p(self) -> int:
        """Width."""
        return int(self.W.shape[0])

    @property
    def d(self) -> int:
        """Input dimension."""
        return int(self.W.shape[1])

    def __repr__(self) -> str:
        return f"DeepNetwork(L={self.L}, p={self.p}, d={self.d})"

    def copy(self) -> DeepNetwork:
        """Return an independent copy."""
        return DeepNetwork(W=self.W, V=self.V, beta=self.beta, B=self.B, b=self.b)

    def hidden(self, X: ArrayLike, activation: str | Activation = "tanh") -> tuple[list[Array], list[Array]]:
        """ψ and ψ′ of every layer at every row of X: two lists of L arrays of shape (p, n)."""
        psi = resolve(activation)
        z = self.W @ as_array("X", X, ndim=2).T
        H, slopes = [psi(z)], [psi.derivative(z)]
        for V in self.V:
            z = V @ H[-1] / np.sqrt(self.p)
            H.append(psi(z))
            slopes.append(psi.derivative(z))
        return H, slopes

    def output(self, X: ArrayLike, activation: str | Activation = "tanh") -> Array:
        """f(x) for each row x of X, shape (n,)."""
        H, _ = self.hidden(X, activation)
        f: Array = self.beta @ H[-1] / np.sqrt(self.p)
        return f

    def carried(self, slopes: list[Array], e: Array, rule: str) -> list[Array]:
        """∂L/∂z as ``rule`` carries it to every layer: L arrays of shape (p, n).

        Parameters
        ----------
        slopes : list of ndarray, shape (p, n)
            ψ′ of every layer, from `hidden`.
        e : ndarray, shape (n,)
            f − y.
        rule : {"fa", "dfa", "bp"}
            Feedback alignment, direct feedback alignment or backpropagation, for which it is the gradient itself.
        """
        root = np.sqrt(self.p)
        if rule == "dfa":
            return [np.outer(b, e) / root * slope for b, slope in zip(self.b, slopes, strict=True)]
        last, between = (self.beta, self.V) if rule == "bp" else (self.b[-1], self.B)
        carried = [np.outer(last, e) / root * slopes[-1]]
        for back, slope in zip(between[::-1], slopes[-2::-1], strict=True):
            carried.insert(0, back.T @ carried[0] / root * slope)
        return carried
