"""Nonlinear networks align: the theorems of docs/nonlinear_alignment.md with their constants as numbers."""

from theory.alignment.nonlinear.survival import (
    FinalSign,
    Reversal,
    Survival,
    final_sign,
    find_reversals,
    survival,
    worst_target,
)

__all__ = [
    "FinalSign",
    "Reversal",
    "Survival",
    "final_sign",
    "find_reversals",
    "survival",
    "worst_target",
]
