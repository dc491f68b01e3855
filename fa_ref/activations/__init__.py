"""Activation functions ψ, their derivatives and the bounds that the theorems ask for."""

from fa_ref.activations.activation import Activation
from fa_ref.activations.catalogue import ACTIVATIONS, erf, identity, relu, resolve, sigmoid, softplus, tanh
from fa_ref.activations.kinds import Kind, Strip

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Kind",
    "Strip",
    "erf",
    "identity",
    "relu",
    "resolve",
    "sigmoid",
    "softplus",
    "tanh",
]
