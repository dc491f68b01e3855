"""When β and b align: the laws, their constants and forecasts."""

from theory.alignment.bound import alignment_bound
from theory.alignment.theorem_4_6 import Bracket, sharp_bracket, sharp_constant, sharp_schedule
from theory.alignment.without_ridge import no_alignment_coefficient

__all__ = [
    "Bracket",
    "alignment_bound",
    "no_alignment_coefficient",
    "sharp_bracket",
    "sharp_constant",
    "sharp_schedule",
]
