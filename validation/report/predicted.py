"""What the wide limits predict for a run without ridge, beside what the run did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting, Trajectory
from fa_ref.activations import Activation
from theory.kernels import MeanKernel
from theory.limits.fixed_time import EarlyLaw, early_law, follow

__all__ = ["Overlay", "common_law", "overlay"]

Array = NDArray[np.float64]

#: At most this many times of a run are predicted.
POINTS = 301


class Overlay(NamedTuple):
    """Predictions at some of a run's steps, NaN where the expansion in 1/√p does not apply.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Steps.
    residual_norm : ndarray, shape (m,)
        ‖e(t)‖ as p → ∞, from the run's own f₀.
    alignment : ndarray, shape (m,)
        cos∠(b, β(t)) from the run's own start, to first order in 1/√p.
    mean_alignment : ndarray, shape (m,)
        E cos∠(b, β(t)) over networks.
    """

    times: NDArray[np.int64]
    residual_norm: Array
    alignment: Array
    mean_alignment: Array

    def table(self, run: Trajectory) -> pd.DataFrame:
        """The run's norms and cosines with the predictions beside them, one row a recorded step."""
        measured = {"step": run.times, "residual_norm": run.residual_norms, "alignment": run.alignment}
        said = {"step": self.times} | {
            f"predicted_{name}": getattr(self, name) for name in ("residual_norm", "alignment", "mean_alignment")
        }
        return pd.DataFrame(measured).merge(pd.DataFrame(said), how="left", on="step")


def common_law(
    problem: Problem, activation: str | Activation, eta: float, steps: int, kernel: MeanKernel
) -> EarlyLaw | None:
    """What all widths share; None where ηλ_max(Ḡ) ≥ 2, and the limit itself diverges."""
    if not eta * float(np.linalg.eigvalsh(kernel.G)[-1]) < 2:
        return None
    times = np.unique(np.linspace(0, steps, POINTS).astype(np.int64))
    return early_law(problem, activation, times, eta=eta, kernel=kernel)


def overlay(
    problem: Problem,
    network: Network,
    activation: str | Activation,
    eta: float,
    law: EarlyLaw | None,
    kernel: MeanKernel,
) -> Overlay | None:
    """Predict one run without ridge from its weights at t = 0; None where no step can be predicted.

    Examples
    --------
    >>> from fa_ref import train
    >>> from theory.kernels import mean_kernel
    >>> problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(900, 2, np.random.default_rng(0))
    >>> run, kernel = train(problem, network, "tanh", eta=0.3, steps=3), mean_kernel(np.eye(2), "tanh")
    >>> law = common_law(problem, "tanh", 0.3, 3, kernel)
    >>> overlay(problem, network, "tanh", 0.3, law, kernel).table(run).shape
    (4, 6)
    """
    if law is None or not law.applies(network.p).any():
        return None
    said = follow(Setting(problem, network, activation, eta=eta), law.times, kernel=kernel)
    applies = law.applies(network.p)
    columns = (said.residual_norms, said.alignment, law.scaled / network.p)
    return Overlay(law.times.astype(np.int64), *(np.where(applies, column, np.nan) for column in columns))
