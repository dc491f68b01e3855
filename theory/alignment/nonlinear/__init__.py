"""Nonlinear networks align: the theorems of docs/nonlinear_alignment.md with their constants as numbers."""

from theory.alignment.nonlinear.reversals import Reversal, find_reversals, worst_target
from theory.alignment.nonlinear.survival import FinalSign, Survival, final_sign, survival

__all__ = [
    "FinalSign",
    "Reversal",
    "Survival",
    "final_sign",
    "find_reversals",
    "survival",
    "worst_target",
]
