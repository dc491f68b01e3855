"""An activation function ψ with its derivative ψ′ and the sup-norms that the theorems ask for.

Theorem 3.2 assumes that ψ, ψ′ and ψ″ are bounded. `Activation` carries those bounds,

    B0 = sup |ψ|,   B1 = sup |ψ′|,   B2 = sup |ψ″|,   B3 = sup |ψ‴|,

as numbers (``inf`` where there is none), so that a hypothesis can be decided and a constant computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_number
from fa_ref.activations import psi as _psi
from fa_ref.activations.probes import contradiction
from fa_ref.activations.psi import SCALAR_FUNCTION

__all__ = ["Activation", "Kind", "Strip"]

Scalar = Callable[[float], float]
Kind = Literal["identity", "relu", "tanh", "sigmoid", "erf", "softplus"]


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
    >>> from fa_ref.activations import tanh
    >>> tanh.strip.width < math.pi / 2  # tanh has poles at ±iπ/2
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


class _Facts(NamedTuple):
    """What is known of a ψ whose functions are those of `fa_ref.activations.psi`."""

    kind: Kind
    B0: float
    B1: float
    B2: float
    B3: float
    smooth: bool
    strip: Strip | None


# tanh:     |tanh(x+iy)|² = (sinh²x + sin²y)/(sinh²x + cos²y) ≤ tan²y and |cosh(x+iy)| ≥ cos y, at y = 0.45π
# sigmoid:  |1 + exp(−z)| ≥ sin y, and ψ′ = sech²(z/2)/4, at y = 0.9π
# erf:      |erf(x+iy)| ≤ 1 + (2/√π) y exp(y²) and |ψ′| ≤ (2/√π) exp(y²), at y = 1.5
# softplus: |log(1 + exp z)| ≤ max(|x| + log 2, −log sin y) + y, and ψ′ is the sigmoid, at y = 0.9π
_KNOWN: dict[tuple[Any, Any], _Facts] = {
    (_psi.identity, _psi.one): _Facts("identity", math.inf, 1.0, 0.0, 0.0, True, Strip(1.0, 1.0, 1.0, 1.0)),
    (_psi.relu, _psi.step): _Facts("relu", math.inf, 1.0, math.inf, math.inf, False, None),
    (_psi.tanh, _psi.dtanh): _Facts(
        "tanh", 1.0, 1.0, 4.0 / (3.0 * math.sqrt(3.0)), 2.0, True, Strip(0.45 * math.pi, 6.32, 0.0, 40.9)
    ),
    (_psi.sigmoid, _psi.dsigmoid): _Facts(
        "sigmoid", 1.0, 0.25, math.sqrt(3.0) / 18.0, 0.125, True, Strip(0.9 * math.pi, 3.24, 0.0, 10.3)
    ),
    (_psi.erf, _psi.derf): _Facts(
        "erf", 1.0, 2.0 / math.sqrt(math.pi), 2.0 * math.sqrt(2.0 / math.pi) * math.exp(-0.5),
        4.0 / math.sqrt(math.pi), True, Strip(1.5, 17.1, 0.0, 10.8),
    ),
    (_psi.softplus, _psi.sigmoid): _Facts(
        "softplus", math.inf, 1.0, 0.25, math.sqrt(3.0) / 18.0, True, Strip(0.9 * math.pi, 4.01, 1.0, 3.24)
    ),
}  # fmt: skip
_FUNCTIONS = {facts.kind: functions for functions, facts in _KNOWN.items()}
BOUNDS = ("B0", "B1", "B2", "B3")


@dataclass(frozen=True)
class Activation:
    """An activation function ψ: R → R.

    What is stated of a user's ψ beyond its two functions is the user's promise, and every bound computed from it
    is as true as the promise. A grid of probes looks for contradictions when the activation is made; finding none
    proves nothing. Of a ψ that is made of this package's own functions (`kind`) everything is known, whatever its
    name; its unstated bounds are filled in.

    Parameters
    ----------
    name : str
        How the activation is called in tables and files. Nothing is concluded from it.
    psi, dpsi : callable
        ψ and ψ′ of one float, written with `math`; compiled here if they are not yet.
    B0, B1, B2, B3 : float, optional
        Suprema of |ψ|, |ψ′|, |ψ″|, |ψ‴|; ``inf`` (the default) says "unbounded or not known". More exactly, B1, B2
        and B3 are Lipschitz constants of ψ, ψ′ and ψ″, so ψ′ has no jumps where B2 is finite, and a kinked ψ (ReLU,
        a leaky ReLU, a clip) has B2 = inf although ψ″ = 0 between the kinks.
    smooth : bool, optional
        Whether ψ is twice continuously differentiable, as Theorem 3.2 assumes. A ψ that is not may state a finite
        B2 (softsign: ψ′ is Lipschitz), never a finite B3.
    strip : Strip, optional
        A complex neighbourhood of R on which ψ is analytic. Without it, expectations of ψ are bounded
        through B0 … B3, which is slower and less sharp.
    rounding : float, optional
        How exactly ψ and ψ′ are computed: within ``rounding``·2⁻⁵³ (1 + |ψ(z)| + |z| sup|ψ′|) of ψ(z), and likewise
        for ψ′. The default suits formulas of a few operations; ``inf`` says "not known", and then no error is
        bounded.

    Raises
    ------
    TypeError
        If ``psi`` or ``dpsi`` cannot be compiled as a function of one float.
    ValueError
        If a bound is not a positive number or zero, ``dpsi`` is not the derivative of ``psi``, or a probe
        contradicts what is stated.

    Examples
    --------
    A user's own activation is one call:

    >>> import math
    >>> def psi(z): return z / (1.0 + abs(z))
    >>> def dpsi(z): return 1.0 / (1.0 + abs(z)) ** 2
    >>> softsign = Activation("softsign", psi, dpsi, B0=1.0, B1=1.0, B2=2.0, smooth=False)
    >>> softsign([-1.0, 0.0, 3.0])
    array([-0.5 ,  0.  ,  0.75])
    >>> try: Activation("softsign", psi, dpsi, B0=1.0, B1=1.0, B2=1.5)
    ... except ValueError as error: print(str(error)[:59])
    softsign.B2: expected a bound, under which the change of ψ′
    """

    name: str
    psi: Scalar
    dpsi: Scalar
    _: KW_ONLY
    B0: float = math.inf
    B1: float = math.inf
    B2: float = math.inf
    B3: float = math.inf
    smooth: bool = True
    strip: Strip | None = None
    rounding: float = 8.0

    def __post_init__(self) -> None:
        for label in ("psi", "dpsi"):
            object.__setattr__(self, label, _compiled(f"{self.name}.{label}", getattr(self, label)))
        for label in (*BOUNDS, "rounding"):
            bound = getattr(self, label)
            if not bound >= 0:
                raise ValueError(f"{self.name}.{label}: expected a number >= 0 or inf, got {bound!r}")
        if (self.psi, self.dpsi) in _KNOWN:
            self._fill_in(_KNOWN[self.psi, self.dpsi])
            return
        if not self.smooth and math.isfinite(self.B3):
            raise ValueError(
                f"{self.name}.B3: expected inf, since a ψ″ with a Lipschitz constant is continuous and ψ is stated"
                f" not to be smooth, got {self.B3!r}"
            )
        found = contradiction(self)
        if found is not None:
            raise ValueError(f"{self.name}.{found}")

    @property
    def kind(self) -> Kind | None:
        """Which of the named ψ this is, told by its two compiled functions; None for a user's own.

        Every decision on what ψ is asks this property: closed forms, fast paths, formulas of ψ″, linearity. A copy
        in other words is not recognised, ``lambda z: z`` included: it takes the general path, with the right
        numbers.

        Examples
        --------
        >>> from fa_ref.activations import tanh
        >>> Activation("mine", tanh.psi, tanh.dpsi).kind
        'tanh'
        >>> Activation("tanh", lambda z: math.tanh(3.0 * z), lambda z: 3.0 / math.cosh(3.0 * z) ** 2).kind is None
        True
        """
        facts = _KNOWN.get((self.psi, self.dpsi))
        return None if facts is None else facts.kind

    @property
    def linear(self) -> bool:
        """Whether this is ψ(z) = z, as Theorems 4.3 and 4.6 assume: ``kind == "identity"``."""
        return self.kind == "identity"

    @cached_property
    def entrywise(self) -> Callable[[NDArray[np.float64], NDArray[np.float64]], None]:
        """The compiled function of two matrices that writes ψ(z) to the second and ψ′(z) in the place of z."""
        return _psi.entrywise(self.psi, self.dpsi)

    def _fill_in(self, facts: _Facts) -> None:
        for label in BOUNDS:
            stated, known = getattr(self, label), getattr(facts, label)
            if stated < known:
                raise ValueError(
                    f"{self.name}.{label}: expected at least {known!r}, that of {facts.kind}, got {stated!r}"
                )
            if math.isinf(stated):
                object.__setattr__(self, label, known)
        object.__setattr__(self, "smooth", facts.smooth)
        object.__setattr__(self, "strip", facts.strip)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the functions of a known ψ by its kind: in another process they must be that process's own."""
        functions = (self.kind,) if self.kind is not None else (self.psi, self.dpsi)
        stated = {label: getattr(self, label) for label in (*BOUNDS, "smooth", "strip", "rounding")}
        return _restored, (self.name, functions, stated)

    def __call__(self, z: ArrayLike) -> NDArray[np.float64]:
        """ψ, entry by entry."""
        return _map(self.psi, z)

    def derivative(self, z: ArrayLike) -> NDArray[np.float64]:
        """ψ′, entry by entry."""
        return _map(self.dpsi, z)


def _restored(name: str, functions: tuple[Any, ...], stated: dict[str, Any]) -> Activation:
    return Activation(name, *(_FUNCTIONS[functions[0]] if len(functions) == 1 else functions), **stated)


def of_kind(kind: Kind) -> Activation:
    """The named activation of this kind."""
    return Activation(kind, *_FUNCTIONS[kind])


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


def _map(function: Scalar, z: ArrayLike) -> NDArray[np.float64]:
    values = np.ascontiguousarray(z, dtype=np.float64)
    out = np.empty(values.size)
    _apply(values.reshape(-1), function, out)
    return out.reshape(np.shape(z))
