"""The engines that `fa_ref.train` chooses from: the definition, its bits faster, and two equal up to rounding.

To add one, begin at `fa_ref.engines.catalogue`.
"""

from fa_ref.engines.catalogue import ENGINES, Engine, build, choose

__all__ = ["ENGINES", "Engine", "build", "choose"]
