"""What wide networks do, without fitted parameters."""

from theory.limits.fixed_time import FixedTimeLimit, fixed_time_limit
from theory.limits.with_ridge import Prediction, wide_alignment, wide_prediction

__all__ = ["FixedTimeLimit", "Prediction", "fixed_time_limit", "wide_alignment", "wide_prediction"]
