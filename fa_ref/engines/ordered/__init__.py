"""The bits of the definition in a fraction of its time."""

from fa_ref.engines.ordered.engine import Ordered
from fa_ref.engines.ordered.products import UNITS, add_product, squares, weigh

__all__ = ["UNITS", "Ordered", "add_product", "squares", "weigh"]
