"""Activation functions ψ with their derivatives ψ′ and the sup-norms that the theorems ask for.

Theorem 3.2 assumes that ψ, ψ′ and ψ″ are bounded. `Activation` carries those bounds,

    B0 = sup |ψ|,   B1 = sup |ψ′|,   B2 = sup |ψ″|,   B3 = sup |ψ‴|,

as numbers (``inf`` where there is none), so that a hypothesis can be decided and a constant computed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_number
from fa_ref.activations import psi as _psi
from fa_ref.activations.psi import SCALAR_FUNCTION

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Strip",
    "erf",
    "identity",
    "relu",
    "resolve",
    "sigmoid",
    "softplus",
    "tanh",
]

Scalar = Callable[[float], float]

_PROBES = (-3.7, -1.3, -0.41, 0.23, 0.87, 2.9)


@njit(types.void(types.float64[::1], SCALAR_FUNCTION, types.float64[::1]), cache=True)
def _apply(z, function, out):
    for i in range(z.size):
        out[i] = function(z[i])


@dataclass(frozen=True)
class Strip:
    """Where ψ is analytic, and how large it gets there: the data of exponentially accurate quadrature.

    On the complex strip |Im z| ≤ ``width``, ψ is analytic, |ψ(z)| ≤ ``offset`` + ``growth``·|Re z| and
    |ψ′(z)| ≤ ``slope``.

    Raises
    ------
    ValueError
        If a number is not finite, or ``width`` is not positive.

    Examples
    --------
    >>> ACTIVATIONS["tanh"].strip.width < math.pi / 2  # tanh has poles at ±iπ/2
    True
    """

    width: float
    offset: float
    growth: float
    slope: float

    def __post_init__(self) -> None:
        as_number("width", self.width, above=0)
        for name in ("offset", "growth", "slope"):
            as_number(name, getattr(self, name), at_least=0)


@dataclass(frozen=True)
class Activation:
    """An activation function ψ: R → R.

    Parameters
    ----------
    name : str
        How the activation is called in tables and files.
    psi, dpsi : callable
        ψ and ψ′ of one float, written with `math`; compiled here if they are not yet.
    B0, B1, B2, B3 : float, optional
        Suprema of |ψ|, |ψ′|, |ψ″|, |ψ‴|; ``inf`` (the default) says "unbounded or not known".
    smooth : bool, optional
        Whether ψ is twice continuously differentiable, as Theorem 3.2 assumes.
    strip : Strip, optional
        A complex neighbourhood of R on which ψ is analytic. Without it, expectations of ψ are bounded
        through B0 … B3, which is slower and less sharp.

    Raises
    ------
    TypeError
        If ``psi`` or ``dpsi`` cannot be compiled as a function of one float.
    ValueError
        If a bound is not a positive number or zero, or ``dpsi`` is not the derivative of ``psi``.

    Examples
    --------
    A user's own activation is one call:

    >>> import math
    >>> def psi(z): return z / (1.0 + abs(z))
    >>> def dpsi(z): return 1.0 / (1.0 + abs(z)) ** 2
    >>> softsign = Activation("softsign", psi, dpsi, B0=1.0, B1=1.0, B2=2.0)
    >>> softsign([-1.0, 0.0, 3.0])
    array([-0.5 ,  0.  ,  0.75])
    """

    name: str
    psi: Scalar
    dpsi: Scalar
    B0: float = math.inf
    B1: float = math.inf
    B2: float = math.inf
    B3: float = math.inf
    smooth: bool = field(default=True)
    strip: Strip | None = None

    def __post_init__(self) -> None:
        for label in ("psi", "dpsi"):
            object.__setattr__(self, label, _compiled(f"{self.name}.{label}", getattr(self, label)))
        for label in ("B0", "B1", "B2", "B3"):
            bound = getattr(self, label)
            if not bound >= 0:
                raise ValueError(f"{self.name}.{label}: expected a number >= 0 or inf, got {bound!r}")
        self._check_derivative()

    def __str__(self) -> str:
        return self.name

    @property
    def linear(self) -> bool:
        """Whether ψ(z) = z, as Theorems 4.3 and 4.6 assume: told by ψ″ ≡ 0 and a few values, not by the name."""
        return self.B2 == 0.0 and all(self.psi(z) == z and self.dpsi(z) == 1.0 for z in _PROBES)

    @cached_property
    def fingerprint(self) -> str:
        """What ψ is, for files and digests: its name if it is one of ours, else a digest of its code and bounds.

        Examples
        --------
        >>> ACTIVATIONS["tanh"].fingerprint
        'tanh'
        """
        if ACTIVATIONS.get(self.name) == self:
            return self.name
        sha = hashlib.sha256()
        for function in (self.psi, self.dpsi):
            sha.update(_code(function).encode())
        sha.update(repr((self.B0, self.B1, self.B2, self.B3, self.smooth, self.strip)).encode())
        return sha.hexdigest()

    @cached_property
    def entrywise(self) -> Callable[[NDArray[np.float64], NDArray[np.float64]], None]:
        """The compiled function of two matrices that writes ψ(z) to the second and ψ′(z) in the place of z."""
        return _psi.entrywise(self.psi, self.dpsi)

    def _check_derivative(self) -> None:
        h = 1e-5
        for z in _PROBES:
            slope, quotient = self.dpsi(z), (self.psi(z + h) - self.psi(z - h)) / (2 * h)
            if not abs(slope - quotient) <= 1e-4 * (1 + abs(quotient)):
                raise ValueError(
                    f"{self.name}.dpsi: expected the derivative of psi, {quotient:.6g} at z = {z}, got {slope:.6g}"
                )

    def __call__(self, z: ArrayLike) -> NDArray[np.float64]:
        """ψ, entry by entry."""
        return _map(self.psi, z)

    def derivative(self, z: ArrayLike) -> NDArray[np.float64]:
        """ψ′, entry by entry."""
        return _map(self.dpsi, z)


def _compiled(name: str, function: Any) -> Any:
    if not callable(function):
        raise TypeError(f"{name}: expected a function of one float, got {function!r}")
    try:
        jitted = function if hasattr(function, "py_func") else njit(function)
        value = jitted(0.5)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TypeError(f"{name}: expected a function of one float that Numba compiles ({reason})") from error
    if not isinstance(value, float):
        raise TypeError(f"{name}: expected a function that returns a float, got {value!r}")
    return jitted


def _code(function: Any) -> str:
    """The bytecode of a compiled function with the constants and the values that it closes over, as text."""
    plain = function.py_func
    closed = [cell.cell_contents for cell in plain.__closure__ or ()]
    inner = [_code(value) if hasattr(value, "py_func") else repr(value) for value in closed]
    used = {name: plain.__globals__.get(name) for name in plain.__code__.co_names}
    reached = [_code(value) for value in used.values() if hasattr(value, "py_func")]
    numbers = [(name, value) for name, value in used.items() if isinstance(value, int | float)]
    return repr(
        (plain.__code__.co_code, plain.__code__.co_consts, plain.__code__.co_names, inner, reached, numbers)
    )


def _map(function: Scalar, z: ArrayLike) -> NDArray[np.float64]:
    values = np.ascontiguousarray(z, dtype=np.float64)
    out = np.empty(values.size)
    _apply(values.reshape(-1), function, out)
    return out.reshape(np.shape(z))


identity = Activation("identity", _psi.identity, _psi.one, B1=1.0, B2=0.0, B3=0.0, strip=Strip(1.0, 1.0, 1.0, 1.0))
relu = Activation("relu", _psi.relu, _psi.step, B1=1.0, smooth=False)
tanh = Activation(
    "tanh",
    _psi.tanh,
    _psi.dtanh,
    B0=1.0,
    B1=1.0,
    B2=4.0 / (3.0 * math.sqrt(3.0)),
    B3=2.0,
    # |tanh(x+iy)|² = (sinh²x + sin²y)/(sinh²x + cos²y) ≤ tan²y and |cosh(x+iy)| ≥ cos y, at y = 0.45π
    strip=Strip(0.45 * math.pi, 6.32, 0.0, 40.9),
)
sigmoid = Activation(
    "sigmoid",
    _psi.sigmoid,
    _psi.dsigmoid,
    B0=1.0,
    B1=0.25,
    B2=math.sqrt(3.0) / 18.0,
    B3=0.125,
    # |1 + exp(−z)| ≥ sin y, and ψ′ = sech²(z/2)/4, at y = 0.9π
    strip=Strip(0.9 * math.pi, 3.24, 0.0, 10.3),
)
erf = Activation(
    "erf",
    _psi.erf,
    _psi.derf,
    B0=1.0,
    B1=2.0 / math.sqrt(math.pi),
    B2=2.0 * math.sqrt(2.0 / math.pi) * math.exp(-0.5),
    B3=4.0 / math.sqrt(math.pi),
    # |erf(x+iy)| ≤ 1 + (2/√π) y exp(y²) and |ψ′| ≤ (2/√π) exp(y²), at y = 1.5
    strip=Strip(1.5, 17.1, 0.0, 10.8),
)
softplus = Activation(
    "softplus",
    _psi.softplus,
    _psi.sigmoid,
    B1=1.0,
    B2=0.25,
    B3=math.sqrt(3.0) / 18.0,
    # |log(1 + exp z)| ≤ max(|x| + log 2, −log sin y) + y, and ψ′ is the sigmoid, at y = 0.9π
    strip=Strip(0.9 * math.pi, 4.01, 1.0, 3.24),
)

#: The named activations.
ACTIVATIONS: dict[str, Activation] = {a.name: a for a in (identity, relu, tanh, sigmoid, erf, softplus)}
_ALIASES = {"linear": "identity"}


def resolve(activation: str | Activation) -> Activation:
    """Return the activation with this name, or the one given.

    Raises
    ------
    ValueError
        If no activation has this name.
    TypeError
        If ``activation`` is neither a name nor an `Activation`.

    Examples
    --------
    >>> resolve("tanh").B1
    1.0
    >>> resolve("linear").name
    'identity'
    >>> resolve("tan")
    Traceback (most recent call last):
    ...
    ValueError: activation: expected one of identity, relu, tanh, sigmoid, erf, softplus, got 'tan'
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"activation: expected a name or an Activation, got {activation!r}")
    name = _ALIASES.get(activation, activation)
    if name not in ACTIVATIONS:
        raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    return ACTIVATIONS[name]
