"""Theorems 3.2, 4.2 and 4.3 with every constant explicit, lemma by lemma."""

from theory.convergence import theorem_3_2, theorem_4_3
from theory.convergence.constants import constants_table
from theory.convergence.ledger import Ledger, audit
from theory.convergence.widths_3_2 import sufficient_width

__all__ = ["Ledger", "audit", "constants_table", "sufficient_width", "theorem_3_2", "theorem_4_3"]
