"""What wide networks do, without fitted parameters: at fixed times, at t = θ√p, and in the long run."""

from theory.limits.edge import LongRun, edge_time, long_run
from theory.limits.fixed_time import FixedTimeLimit, fixed_time_limit
from theory.limits.long_time import linear_law, plateau, relu_law
from theory.limits.saturation import tanh_law
from theory.limits.stationarity import standing
from theory.limits.with_ridge import Prediction, wide_alignment, wide_prediction

__all__ = [
    "FixedTimeLimit",
    "LongRun",
    "Prediction",
    "edge_time",
    "fixed_time_limit",
    "linear_law",
    "long_run",
    "plateau",
    "relu_law",
    "standing",
    "tanh_law",
    "wide_alignment",
    "wide_prediction",
]
