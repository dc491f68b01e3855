"""When β and b align: the laws, their constants and forecasts."""

from theory.alignment.laws import (
    Bracket,
    alignment_bound,
    no_alignment_coefficient,
    sharp_bracket,
    sharp_constant,
    sharp_schedule,
)

__all__ = [
    "Bracket",
    "alignment_bound",
    "no_alignment_coefficient",
    "sharp_bracket",
    "sharp_constant",
    "sharp_schedule",
]
