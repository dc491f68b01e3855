"""When the published runs end: the rule latches.

A quantity is read before the steps t = 999, 1999, 2999, …. As soon as two readings in a row differ by less than a
tolerance (the reading before the first counts as 0), the run *may* end, and this permission is never withdrawn. It
ends at the first t ≥ planned at which it may. So a loss that passed a minimum or a plateau early on lets a run end
at the planned step although it is falling again.

For Figure 2 the quantity is the mean squared loss and the tolerance 10⁻³; for dropout, the alignment and 10⁻⁴.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from fa_ref._support.checks import as_array, as_count, as_number

__all__ = ["READING", "SETTLED", "Latch", "is_reading", "latched_end", "readings"]

#: Steps between two readings.
READING = 1000

#: Change of the mean squared loss from one reading to the next at which a run of Figure 2 may end.
SETTLED = 1e-3


class Latch:
    """Permission to end, given by two close readings in a row and never withdrawn.

    Parameters
    ----------
    tolerance : float
        Difference of two readings below which they are close.

    Examples
    --------
    >>> latch = Latch(1e-3)
    >>> [latch.read(value) for value in (0.5, 0.4, 0.3995, 0.2)]
    [False, False, True, True]
    """

    def __init__(self, tolerance: float) -> None:
        self.tolerance = as_number("tolerance", tolerance, at_least=0)
        self.last, self.open = 0.0, False

    def read(self, value: float) -> bool:
        """Take the next reading, and return whether the run may end."""
        self.open = self.open or abs(value - self.last) < self.tolerance
        self.last = value
        return self.open


def is_reading(t: int) -> bool:
    """Whether the quantity is read before step t."""
    return t % READING == READING - 1


def readings(stop: int) -> range:
    """Return the steps before ``stop`` (inclusive) at which the quantity is read.

    Examples
    --------
    >>> list(readings(3000))
    [999, 1999, 2999]
    """
    return range(READING - 1, stop + 1, READING)


def latched_end(values: ArrayLike, planned: int, *, tolerance: float = SETTLED) -> int | None:
    """Return the step at which a run with these readings ends.

    Parameters
    ----------
    values : array_like, shape (m,)
        The quantity before the steps 999, 1999, ….
    planned : int
        Number of steps that are taken in any case.
    tolerance : float, optional
        Difference of two readings below which the run may end.

    Returns
    -------
    int or None
        None if the readings do not decide it: no two in a row are close.

    Examples
    --------
    >>> latched_end([0.50, 0.4995, 0.3, 0.1], planned=3500)  # permission given at t = 1999 is kept
    3500
    >>> latched_end([0.5, 0.4, 0.3, 0.3], planned=2500)
    3999
    >>> latched_end([0.5, 0.4, 0.3], planned=2500) is None
    True
    """
    planned = as_count("planned", planned, at_least=0)
    latch = Latch(tolerance)
    for k, value in enumerate(as_array("values", values, ndim=1).tolist()):
        if latch.read(value):
            return max(planned, (k + 1) * READING - 1)
    return None
