"""One statement of the paper, one sheet, one file; each theorem's ``CLAIM`` is the sheet to judge runs with.

``from validation import theorem_3_2`` is `validation.theorems.theorem_3_2.CLAIM`, and so on. Assumption 3.1 and the
inequalities (3.1) and (3.2), which the theorems share, have files of their own and no ``CLAIM``.

To add one: a sheet here (in `validation.beyond` if it is not in the paper), its name in `validation.__init__`, and,
for a row of `fa-ref verify`, a `Statement` in `validation.statements`.
"""

from validation.theorems.alignment_bound import AlignmentBound
from validation.theorems.definition_4_1 import Aligned, Alignment, aligns, reached_at
from validation.theorems.explicit import Linear, Nonlinear, PrintedPull
from validation.theorems.theorem_3_2 import Theorem32
from validation.theorems.theorem_4_2 import Theorem42
from validation.theorems.theorem_4_3 import Theorem43
from validation.theorems.theorem_4_6 import AnySchedule, Theorem46

__all__ = [
    "Aligned",
    "Alignment",
    "AlignmentBound",
    "AnySchedule",
    "Linear",
    "Nonlinear",
    "PrintedPull",
    "Theorem32",
    "Theorem42",
    "Theorem43",
    "Theorem46",
    "aligns",
    "reached_at",
]
