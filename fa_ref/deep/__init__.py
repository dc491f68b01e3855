"""Deeper networks: L hidden layers, and three ways to carry the error back, which differ in nothing else."""

from fa_ref.deep.network import DeepNetwork
from fa_ref.deep.training import DeepTrajectory, train_deep

__all__ = ["DeepNetwork", "DeepTrajectory", "train_deep"]
