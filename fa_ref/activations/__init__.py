"""Activation functions ψ, their derivatives and the bounds that the theorems ask for."""

from fa_ref.activations.catalogue import (
    ACTIVATIONS,
    Activation,
    Strip,
    erf,
    identity,
    relu,
    resolve,
    sigmoid,
    softplus,
    tanh,
)

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Strip",
    "erf",
    "identity",
    "relu",
    "resolve",
    "sigmoid",
    "softplus",
    "tanh",
]
