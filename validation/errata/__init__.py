"""What a checker finds in the paper as printed, shown beside what holds."""

from validation.errata.ablation import Ablation, ablate
from validation.errata.demonstrations import demonstrate
from validation.errata.entry import Erratum, Outcome, demonstration
from validation.errata.readings import ascend, descend

__all__ = ["Ablation", "Erratum", "Outcome", "ablate", "ascend", "demonstrate", "demonstration", "descend"]
