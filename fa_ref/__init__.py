"""The algorithm: feedback alignment for two-layer networks, as loops and as fast engines proven equal to them."""

from fa_ref import adapters, data, schedules
from fa_ref.activations import Activation
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.setting import Setting
from fa_ref.training import train
from fa_ref.trajectory import Trajectory

__all__ = ["Activation", "Network", "Problem", "Setting", "Trajectory", "adapters", "data", "schedules", "train"]
__version__ = "0.1.0"
