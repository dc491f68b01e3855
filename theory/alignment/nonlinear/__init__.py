"""Nonlinear networks align: the theorems of docs/nonlinear_alignment.md with their constants as numbers."""

from theory.alignment.nonlinear.closed import Bound
from theory.alignment.nonlinear.proved import ProvedAlignment, proved_alignment
from theory.alignment.nonlinear.reversals import Reversal, find_reversals, worst_target
from theory.alignment.nonlinear.ridge_path import RidgePath, ridge_path
from theory.alignment.nonlinear.survival import FinalSign, Survival, final_sign, survival
from theory.alignment.nonlinear.widths import AlignmentWidth, alignment_level, alignment_width

__all__ = [
    "AlignmentWidth",
    "Bound",
    "FinalSign",
    "ProvedAlignment",
    "Reversal",
    "RidgePath",
    "Survival",
    "alignment_level",
    "alignment_width",
    "final_sign",
    "find_reversals",
    "proved_alignment",
    "ridge_path",
    "survival",
    "worst_target",
]
