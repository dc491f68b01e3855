"""An activation function ψ with its derivative ψ′ and the sup-norms that the theorems ask for.

Theorem 3.2 assumes that ψ, ψ′ and ψ″ are bounded. `Activation` carries those bounds,

    B0 = sup |ψ|,   B1 = sup |ψ′|,   B2 = sup |ψ″|,   B3 = sup |ψ‴|,

as numbers (``inf`` where there is none), so that a hypothesis can be decided and a constant computed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import has_mask
from fa_ref._support.compiled import njit
from fa_ref.activations import psi as _psi
from fa_ref.activations.kinds import BOUNDS, FUNCTIONS, KNOWN, Facts, Kind, Strip
from fa_ref.activations.probes import contradiction
from fa_ref.activations.psi import SCALAR_FUNCTION

__all__ = ["Activation"]

Scalar = Callable[[float], float]


@njit(types.void(types.float64[::1], SCALAR_FUNCTION, types.float64[::1]), cache=True)
def _apply(z, function, out):
    for i in range(z.size):
        out[i] = function(z[i])


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
        if (self.psi, self.dpsi) in KNOWN:
            self._fill_in(KNOWN[self.psi, self.dpsi])
            return
        if not self.smooth and math.isfinite(self.B3):
            raise ValueError(
                f"{self.name}.B3: expected inf, since a ψ″ with a Lipschitz constant is continuous and ψ is stated"
                f" not to be smooth, got {self.B3!r}"
            )
        found = contradiction(self)
        if found is not None:
            raise ValueError(f"{self.name}.{found}")

    def __str__(self) -> str:
        return self.name

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
        facts = KNOWN.get((self.psi, self.dpsi))
        return None if facts is None else facts.kind

    @property
    def linear(self) -> bool:
        """Whether this is ψ(z) = z, as Theorems 4.3 and 4.6 assume: ``kind == "identity"``."""
        return self.kind == "identity"

    @cached_property
    def fingerprint(self) -> str:
        """What ψ is, for files and digests: its kind if it is one of ours, else a digest of its code and bounds.

        Examples
        --------
        >>> from fa_ref.activations import tanh
        >>> tanh.fingerprint
        'tanh'
        """
        facts, stated = KNOWN.get((self.psi, self.dpsi)), [getattr(self, label) for label in BOUNDS]
        if facts is not None and stated == [getattr(facts, label) for label in BOUNDS]:
            return facts.kind
        sha = hashlib.sha256()
        for function in (self.psi, self.dpsi):
            sha.update(_code(function).encode())
        sha.update(repr((*stated, self.smooth, self.strip, self.rounding)).encode())
        return sha.hexdigest()

    @cached_property
    def entrywise(self) -> Callable[[NDArray[np.float64], NDArray[np.float64]], None]:
        """The compiled function of two matrices that writes ψ(z) to the second and ψ′(z) in the place of z."""
        function: Callable[..., None] = _psi.entrywise(self.psi, self.dpsi)
        return function

    def _fill_in(self, facts: Facts) -> None:
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
    return Activation(name, *(FUNCTIONS[functions[0]] if len(functions) == 1 else functions), **stated)


def of_kind(kind: Kind) -> Activation:
    """The named activation of this kind."""
    return Activation(kind, *FUNCTIONS[kind])


def _compiled(name: str, function: Any) -> Any:
    if not callable(function):
        raise TypeError(f"{name}: expected a function of one float, got {function!r}")
    try:
        jitted = function if hasattr(function, "py_func") else njit(function)
        value = jitted(0.5)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TypeError(
            f"{name}: expected a function of one float that Numba compiles, got one that it refuses ({reason})"
        ) from error
    if not isinstance(value, float):
        raise TypeError(f"{name}: expected a function that returns a float, got {value!r}")
    return jitted


def _code(function: Any) -> str:
    """The bytecode of a function with the constants and the values that it closes over, as text."""
    plain = getattr(function, "py_func", function)
    closed = [cell.cell_contents for cell in plain.__closure__ or ()]
    inner = [_code(value) if hasattr(value, "py_func") else _content(value) for value in closed]
    used = {name: plain.__globals__.get(name) for name in plain.__code__.co_names}
    reached = [_code(value) for value in used.values() if hasattr(value, "py_func")]
    numbers = [
        (k, _content(v)) for k, v in used.items() if isinstance(v, int | float | complex | tuple | np.ndarray)
    ]
    return repr(
        (plain.__code__.co_code, plain.__code__.co_consts, plain.__code__.co_names, inner, reached, numbers)
    )


def _content(value: Any) -> str:
    """A constant as text, to its last digit and entry; NumPy abbreviates what it prints of arrays."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    return f"({', '.join(map(_content, value))})" if isinstance(value, tuple) else repr(value)


def _map(function: Scalar, z: ArrayLike) -> NDArray[np.float64]:
    if has_mask(z):
        raise TypeError("z: expected an array without a mask, got a masked array")
    given = np.asarray(z)
    if given.dtype.kind not in "biuf" and given.size:
        raise TypeError(f"z: expected real numbers, got entries of type {given.dtype}")
    values = np.ascontiguousarray(given, dtype=np.float64)
    out = np.empty(values.size)
    _apply(values.reshape(-1), function, out)
    return out.reshape(np.shape(z))
