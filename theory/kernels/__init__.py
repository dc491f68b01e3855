"""The kernels of training: Ḡ, Θ̄ and γ; a network's own G and H; the exact one-step identity; isometry."""

from theory.kernels.cached import kernel_of
from theory.kernels.eigenvalues import eigenvalue_ceiling, eigenvalue_floor
from theory.kernels.empirical import empirical_G, empirical_H
from theory.kernels.mean import MeanKernel, mean_kernel
from theory.kernels.spectrum import Spectrum, spectrum

__all__ = [
    "MeanKernel",
    "Spectrum",
    "eigenvalue_ceiling",
    "eigenvalue_floor",
    "empirical_G",
    "empirical_H",
    "kernel_of",
    "mean_kernel",
    "spectrum",
]
