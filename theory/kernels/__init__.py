"""The kernels of training: Ḡ, Θ̄ and γ; a network's own G and H; the exact one-step identity; isometry."""

from theory.kernels.cached import kernel_of
from theory.kernels.mean import (
    MeanKernel,
    eigenvalue_floor,
    empirical_G,
    empirical_H,
    empirical_H_BP,
    mean_kernel,
)

__all__ = [
    "MeanKernel",
    "eigenvalue_floor",
    "empirical_G",
    "empirical_H",
    "empirical_H_BP",
    "kernel_of",
    "mean_kernel",
]
