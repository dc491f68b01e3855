"""What a checker finds in the paper as printed, shown beside what holds.

`catalogue` lists all errata in their order, and says how to add one; each is a function in the file of its
subject.
"""

from validation.errata.ablation import Ablation, ablate
from validation.errata.catalogue import demonstrate
from validation.errata.entry import Erratum, Outcome, demonstration
from validation.errata.readings import ascend, descend

__all__ = ["Ablation", "Erratum", "Outcome", "ablate", "ascend", "demonstrate", "demonstration", "descend"]
