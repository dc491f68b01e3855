"""An erratum as a record, and the decorator that turns a demonstration into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from validation.judge.verdicts import NoTruthValue

__all__ = ["Demonstration", "Erratum", "Outcome", "demonstration"]


@dataclass(frozen=True, kw_only=True)
class Outcome(NoTruthValue):
    """What a demonstration found.

    Attributes
    ----------
    printed_holds, corrected_holds : bool
        Whether each reading held on the same counterexample.
    setting : str
        The counterexample to the printed reading.
    finding : str
        What was measured on it.
    """

    printed_holds: bool
    corrected_holds: bool
    setting: str
    finding: str


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """One erratum, shown; true where the printed reading failed and the corrected one held.

    Attributes
    ----------
    number : int
        Its place in the list, from 1.
    place : str
        Where in the paper.
    printed, corrected : str
        Both readings.
    printed_holds, corrected_holds : bool
        What the demonstration found.
    setting : str
        The counterexample to the printed reading.
    finding : str
        What was measured on it.
    """

    number: int
    place: str
    printed: str
    corrected: str
    printed_holds: bool
    corrected_holds: bool
    setting: str
    finding: str

    @property
    def shown(self) -> bool:
        """Whether the printed reading failed and the corrected one held."""
        return self.corrected_holds and not self.printed_holds

    def __bool__(self) -> bool:
        return self.shown

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, for tables and JSON."""
        return {**asdict(self), "shown": self.shown}


Demonstration = Callable[[np.random.Generator], Erratum]


def demonstration(
    number: int, *, place: str, printed: str, corrected: str
) -> Callable[[Callable[[np.random.Generator], Outcome]], Demonstration]:
    """Make an erratum of a function that shows it.

    Parameters
    ----------
    number : int
        Its place in the list, from 1.
    place : str
        Where in the paper.
    printed, corrected : str
        Both readings.

    Returns
    -------
    callable
        A decorator for a function (Generator → `Outcome`).

    Examples
    --------
    >>> @demonstration(1, place="Section 0", printed="1 + 1 = 3", corrected="1 + 1 = 2")
    ... def addition(rng):
    ...     found = 1 + 1
    ...     return Outcome(
    ...         printed_holds=found == 3, corrected_holds=found == 2, setting="two ones", finding=f"{found}"
    ...     )
    >>> bool(addition(np.random.default_rng(0)))
    True
    """

    def decorate(show: Callable[[np.random.Generator], Outcome]) -> Demonstration:
        def erratum(rng: np.random.Generator) -> Erratum:
            found = show(rng)
            return Erratum(number=number, place=place, printed=printed, corrected=corrected, **vars(found))

        erratum.__name__, erratum.__doc__, erratum.__module__ = show.__name__, show.__doc__, show.__module__
        return erratum

    return decorate
