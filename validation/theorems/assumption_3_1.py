"""Assumption 3.1, γ = λ_min(Ḡ) > 0: decided here, of a kernel or of a run's inputs and ψ.

It has no ``CLAIM``: it says nothing of a run's course. Theorems 3.2 and 4.3 have it as a hypothesis, and
`fa-ref verify` as a row. The number is `theory.kernels.MeanKernel.gamma_lower`, every numerical error taken off.
"""

from __future__ import annotations

from fa_ref import Trajectory
from theory.kernels import MeanKernel
from theory.margins import Margin
from validation.judge.record import mean_kernel

__all__ = ["decide", "hypothesis"]


def decide(kernel: MeanKernel) -> Margin:
    """γ ≥ γ_lower > 0: met where it is proved.

    Parameters
    ----------
    kernel : MeanKernel
        Ḡ of the inputs and ψ.

    Returns
    -------
    Margin

    Examples
    --------
    >>> from theory.kernels import mean_kernel
    >>> decide(mean_kernel([[1.0], [1.0]], "tanh")).met  # equal rows
    False
    """
    return Margin("γ certified", kernel.gamma_lower, 0.0, ">")


def hypothesis(run: Trajectory) -> Margin:
    """Assumption 3.1 for the inputs and the ψ of a run.

    Parameters
    ----------
    run : Trajectory
        Of any length: its setting alone counts.

    Returns
    -------
    Margin

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting, train
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> hypothesis(train(setting, steps=1)).met
    True
    """
    return decide(mean_kernel(run))
