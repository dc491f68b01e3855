"""Proposition 3.3 as an experiment: the mean kernels of inputs that are drawn."""

from __future__ import annotations

import numpy as np

from fa_ref._support.checks import as_count
from fa_ref.activations import Activation
from theory.kernels.isometry import Sampler, wishart_root
from theory.kernels.mean import MeanKernel, mean_kernel

__all__ = ["random_gammas"]


def random_gammas(
    n: int, d: int, activation: str | Activation, draws: int, rng: np.random.Generator, *,
    sampler: Sampler = wishart_root,
) -> list[MeanKernel]:  # fmt: skip
    """Draw inputs and compute their mean kernels: Proposition 3.3 as an experiment in d/n.

    Returns
    -------
    list of MeanKernel
        One per draw; ``gamma`` and ``gamma_lower`` are what Proposition 3.3 is about.

    Examples
    --------
    >>> kernels = random_gammas(10, 30, "tanh", 3, np.random.default_rng(0))
    >>> all(kernel.certified for kernel in kernels)
    True
    """
    return [mean_kernel(sampler(n, d, rng), activation) for _ in range(as_count("draws", draws))]
