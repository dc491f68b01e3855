"""What wide networks do, without fitted parameters."""

from theory.limits.wide import (
    FixedTimeLimit,
    Prediction,
    fixed_time_limit,
    wide_alignment,
    wide_prediction,
)

__all__ = ["FixedTimeLimit", "Prediction", "fixed_time_limit", "wide_alignment", "wide_prediction"]
