"""Where counterexamples are looked for: laws, falsification, shrinking; `strategies` are for Hypothesis."""

from validation.search.falsification import Counterexample, falsify, score
from validation.search.laws import small_setting, small_settings
from validation.search.shrinking import shrink

__all__ = ["Counterexample", "falsify", "score", "shrink", "small_setting", "small_settings"]
