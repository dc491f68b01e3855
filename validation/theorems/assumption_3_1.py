"""Assumption 3.1, λ_min(Ḡ) > 0, as the hypothesis that Theorems 3.2 and 4.3 share.

The number is `theory.kernels.MeanKernel.gamma_lower`: a lower bound, every numerical error taken off.
"""

from __future__ import annotations

from fa_ref import Trajectory
from theory.margins import Margin
from validation.judge.record import mean_kernel

__all__ = ["hypothesis"]


def hypothesis(run: Trajectory) -> Margin:
    """γ ≥ γ_lower > 0 for the inputs and the ψ of a run.

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting, train
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> hypothesis(train(setting, steps=1)).met
    True
    """
    return Margin("γ certified", mean_kernel(run).gamma_lower, 0.0, ">")
