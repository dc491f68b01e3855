"""The engines that `fa_ref.train` chooses from: the definition, its bits faster, and two equal up to rounding.

To add one: a module here with a class that follows `Engine`, and its name in `fa_ref.engines.choice`.
"""

from fa_ref.engines.choice import ENGINES, Engine, build, choose

__all__ = ["ENGINES", "Engine", "build", "choose"]
