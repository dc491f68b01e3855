"""Validation at the door: every check names the argument, what was expected and what came."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LARGEST",
    "as_array",
    "as_count",
    "as_number",
    "available_memory",
    "has_mask",
    "one_of",
    "require_decay",
    "require_memory",
]

#: More entries than any array can have; a shape's sides are multiplied with 1 in place of 0.
LARGEST = 2**59


def has_mask(value: Any) -> bool:
    """Whether an array carries a mask, or a list holds one that does: NumPy would drop the mask without a word.

    Examples
    --------
    >>> has_mask([np.ma.masked_array([1.0, 2.0], [False, True]), [3.0, 4.0]]), has_mask([[1.0, 2.0]])
    (True, False)
    """
    if isinstance(value, np.ma.MaskedArray):
        return True
    return isinstance(value, list | tuple) and any(map(has_mask, value))


def as_array(name: str, value: Any, ndim: int) -> NDArray[np.float64]:
    """Return ``value`` as a finite, C-ordered float64 array with ``ndim`` axes.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If the number of axes is wrong, an axis is empty, or an entry is masked, NaN or infinite.

    Examples
    --------
    >>> as_array("y", [1, 2], ndim=1)
    array([1., 2.])
    >>> as_array("y", [1.0, float("nan")], ndim=1)
    Traceback (most recent call last):
    ...
    ValueError: y: expected finite numbers, got nan at index (1,)
    """
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name}: expected numbers only, got an array with {np.ma.count_masked(value)} masked entries"
        )
    if isinstance(value, list | tuple) and has_mask(value):
        raise ValueError(f"{name}: expected numbers only, got rows with a mask")
    try:
        raw = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected an array with {ndim} axes, got rows of unequal length") from None
    if raw.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got entries of type {raw.dtype}")
    if raw.ndim != ndim:
        raise ValueError(f"{name}: expected an array with {ndim} axes, got shape {raw.shape}")
    if raw.size == 0:
        raise ValueError(f"{name}: expected at least one entry, got shape {raw.shape}")
    with np.errstate(over="ignore"):  # long doubles may be larger, and are then infinite
        array: NDArray[np.float64] = np.array(raw, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}: expected finite numbers, got {array[where]} at index {where}")
    return array


def as_number(
    name: str, value: Any, *, above: float = -math.inf, at_least: float = -math.inf, below: float = math.inf
) -> float:
    """Return ``value`` as a finite float with ``above < value``, ``at_least <= value`` and ``value < below``.

    Raises
    ------
    TypeError
        If ``value`` is not a real number.
    ValueError
        If it is not finite or lies outside the range.

    Examples
    --------
    >>> as_number("eta", 0.1, above=0)
    0.1
    >>> as_number("eta", -1, above=0)
    Traceback (most recent call last):
    ...
    ValueError: eta: expected a finite number > 0, got -1
    """
    if isinstance(value, bool | str | bytes | complex | np.ma.MaskedArray):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a real number, got {value!r:.60}") from None
    except OverflowError:  # an integer beyond every float
        number, value = math.inf if value > 0 else -math.inf, "one beyond the largest float"
    limits = [f"> {above:g}"] * (above > -math.inf)
    limits += [f">= {at_least:g}"] * (at_least > -math.inf) + [f"< {below:g}"] * (below < math.inf)
    if not (math.isfinite(number) and above < number < below and number >= at_least):
        expected = " ".join(["a finite number", " and ".join(limits)]).rstrip()
        raise ValueError(f"{name}: expected {expected}, got {value!r}")
    return number


def as_count(name: str, value: Any, *, at_least: int = 1) -> int:
    """Return ``value`` as an int that is at least ``at_least``.

    Raises
    ------
    TypeError
        If ``value`` is not an integer.
    ValueError
        If it is too small.

    Examples
    --------
    >>> as_count("p", 200)
    200
    >>> as_count("p", 0)
    Traceback (most recent call last):
    ...
    ValueError: p: expected an integer >= 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name}: expected an integer >= {at_least}, got {value}")
    return int(value)


def one_of(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of the words ``choices``.

    Raises
    ------
    ValueError
        If it is not.

    Examples
    --------
    >>> one_of("rule", "fa", ("fa", "bp"))
    'fa'
    >>> one_of("rule", "pc", ("fa", "bp"))
    Traceback (most recent call last):
    ...
    ValueError: rule: expected one of fa, bp, got 'pc'
    """
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {value!r:.60}")
    return value


def require_decay(eta: float, largest: float) -> None:
    """Refuse a penalty λ(t) whose step turns β around: η·λ(t) < 1 is needed at the ``largest`` λ(t).

    Raises
    ------
    ValueError
        If η·λ(t) reaches 1.

    Examples
    --------
    >>> require_decay(0.1, 9.0)
    """
    if not eta * largest < 1:
        raise ValueError(f"ridge: expected eta * lambda(t) < 1, got {eta * largest:g}")


SMALL = 2**24  # bytes for which the machine is not asked: that takes as long as a small run


def available_memory() -> int:
    """Bytes that a new allocation may use on this machine without swapping."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 8 * 1024**3  # no portable source: refuse only what few machines could hold


def require_memory(name: str, needed: int) -> None:
    """Refuse, before anything is allocated, what does not fit in memory.

    Raises
    ------
    ValueError
        With the amount needed and the amount available.

    Examples
    --------
    >>> require_memory("p = 10", 1000)
    """
    if needed < SMALL:
        return
    free = available_memory()
    if needed > free:
        gib = 1024**3
        amount = f"{needed / gib:.1f}" if needed < gib * 10**9 else "over 10^9"
        raise ValueError(
            f"{name[:60]}: expected a size that fits in memory ({free / gib:.1f} GiB are free),"
            f" got one that needs {amount} GiB"
        )
