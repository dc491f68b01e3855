"""How an answer is marked: against the right one, which the package computes, and against the likely mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EXACT", "EXERCISES", "THREE_DIGITS", "Mark", "NotYetError", "array", "called", "check", "compare", "exercise",
    "number",
]  # fmt: skip

Array = NDArray[np.float64]
Exercise = Callable[..., str]

#: How far an answer may be off, relative to the right one: typed by hand with three digits, or computed.
THREE_DIGITS, EXACT = 6e-3, 1e-6

#: Every exercise that has been loaded, by its number.
EXERCISES: dict[str, Exercise] = {}


@dataclass(frozen=True)
class Mark:
    """What `check` says of an answer; true if it is right.

    Attributes
    ----------
    exercise : str
        Its number.
    status : {"right", "not yet", "open"}
        Open while the answer is still ``...``.
    line : str
        What is right, or what is likely wrong.

    Examples
    --------
    >>> Mark("1.1", "not yet", "the factor 1/√p is missing")
    1.1 not yet: the factor 1/√p is missing
    """

    exercise: str
    status: str
    line: str

    def __bool__(self) -> bool:
        return self.status == "right"

    def __repr__(self) -> str:
        return f"{self.exercise} {self.status}: {self.line}"


class NotYetError(Exception):
    """An answer is not right; the message says what is likely wrong."""


def exercise(name: str) -> Callable[[Exercise], Exercise]:
    """Register a function ``(answer, *given) -> line`` that raises `NotYetError` for a wrong answer."""

    def register(function: Exercise) -> Exercise:
        EXERCISES[name] = function
        return function

    return register


def check(name: str, answer: Any, *given: Any) -> Mark:
    """Say whether an answer to an exercise is right; of a wrong one, what is likely wrong with it.

    Parameters
    ----------
    name : str
        Number of the exercise, "3.2" for the second of lesson 3.
    answer : object
        A number, an array or a function, as the exercise asks for. ``...`` stands for no answer yet.
    *given : object
        What the exercise is about, as the lesson passes it: a setting, a run. The right answer is computed from it.

    Returns
    -------
    Mark
        True if the answer is right.

    Raises
    ------
    ValueError
        If there is no exercise of this number.

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting
    >>> setting = Setting(Problem([[1.0]], [0.0]), Network([[1.0], [2.0]], [1.0, 1.0], [1.0, 1.0]), "relu", eta=0.1)
    >>> check("1.1", [3.0], setting)
    1.1 not yet: the factor 1/√p is missing
    >>> bool(check("1.1", [3.0 / 2**0.5], setting)), check("1.1", ..., setting).status
    (True, 'open')
    """
    lesson = str(name).split(".")[0]
    if lesson in {"1", "2", "3", "4", "5", "6", "7", "8"}:
        import_module(f"validation.lessons.lesson_{lesson}")
    if name not in EXERCISES:
        raise ValueError(f"name: expected the number of an exercise, such as '1.1', got {name!r}")
    if answer is ...:
        return Mark(name, "open", "replace ... by your answer and run the cell again")
    try:
        return Mark(name, "right", EXERCISES[name](answer, *given))
    except NotYetError as slip:
        return Mark(name, "not yet", str(slip))


def number(answer: Any) -> float:
    """One finite real number, or `NotYetError`."""
    try:
        value = float(answer)
    except (TypeError, ValueError):
        raise NotYetError(f"expected one number, got {answer!r:.60}") from None
    if not math.isfinite(value):
        raise NotYetError(f"expected a finite number, got {value}")
    return value


def array(answer: Any, shape: tuple[int, ...]) -> Array:
    """A finite array of this shape, or `NotYetError`."""
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        raise NotYetError(f"expected an array of shape {shape}, got {answer!r:.60}") from None
    if values.shape != shape:
        turned = ": it is transposed" if values.shape == shape[::-1] else ""
        raise NotYetError(f"expected shape {shape}, got {values.shape}{turned}")
    if not np.isfinite(values).all():
        raise NotYetError("an entry is not a finite number")
    return values


def called(function: Any, *arguments: Any) -> Any:
    """What the reader's function returns, or `NotYetError` where it cannot be called or raises."""
    if not callable(function):
        raise NotYetError(f"expected a function, got {function!r:.60}")
    try:
        return function(*arguments)
    except Exception as error:
        raise NotYetError(f"your function raised {type(error).__name__}: {error}") from error


def _near(one: ArrayLike, other: ArrayLike, tolerance: float) -> bool:
    difference = float(np.abs(np.asarray(one) - np.asarray(other)).max())
    return difference <= tolerance * float(np.abs(np.asarray(other)).max())


def compare(answer: Any, right: ArrayLike, mistakes: Mapping[str, ArrayLike], tolerance: float = EXACT) -> None:
    """Raise `NotYetError` unless the answer is the right one, with the line of the mistake that it matches.

    Parameters
    ----------
    answer : object
        A number or an array.
    right : array_like
    mistakes : mapping of str to array_like
        What one gets by each likely mistake; the key is the line that says so.
    tolerance : float, optional
        Relative to the largest entry.

    Examples
    --------
    >>> compare(2.0, 1.0, {"the factor ½ is missing": 2.0})
    Traceback (most recent call last):
    ...
    validation.lessons.marking.NotYetError: the factor ½ is missing
    """
    wanted = np.asarray(right, dtype=np.float64)
    values = np.asarray(number(answer)) if wanted.ndim == 0 else array(answer, wanted.shape)
    if _near(values, wanted, tolerance):
        return
    for line, wrong in mistakes.items():
        if np.shape(wrong) == wanted.shape and _near(values, wrong, tolerance):
            raise NotYetError(line)
    if _near(-values, wanted, tolerance):
        raise NotYetError("the sign is wrong")
    raise NotYetError(_how_far(values, wanted, tolerance))


def _how_far(values: Array, wanted: Array, tolerance: float) -> str:
    """A factor if there is a common one, else the entry that is off the most."""
    factor = float(np.vdot(wanted, values)) / float(np.vdot(wanted, wanted)) if wanted.any() else 0.0
    if factor and _near(values, factor * wanted, tolerance):
        return f"off by a factor of {factor:.4g}"
    if wanted.ndim == 0:
        return f"{float(values):.4g} is not it"
    worst = np.unravel_index(int(np.argmax(np.abs(values - wanted))), wanted.shape)
    place = ", ".join(str(int(k)) for k in worst)
    return f"entry [{place}] is off the most: {values[worst]:.4g} is not it"
