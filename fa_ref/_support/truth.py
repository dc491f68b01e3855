"""Results that are no yes or no."""

from __future__ import annotations

__all__ = ["NoTruthValue"]


class NoTruthValue:
    """A result without a yes or no: asking for its truth is an error, so that no test passes by mistake.

    Examples
    --------
    >>> bool(NoTruthValue())
    Traceback (most recent call last):
    ...
    TypeError: NoTruthValue: expected one of its fields to be compared, got the whole, which has no truth value
    """

    def __bool__(self) -> bool:
        raise TypeError(
            f"{type(self).__name__}: expected one of its fields to be compared,"
            " got the whole, which has no truth value"
        )
