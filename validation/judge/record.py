"""What a run brings to a judgement, and the run of a setting by the loops of the definition."""

from __future__ import annotations

import numpy as np

from fa_ref import Network, Setting, Trajectory, train
from fa_ref._support.threads import threads
from theory.kernels import MeanKernel, kernel_of
from theory.margins import Margin

__all__ = ["has_diverged", "known_start", "mean_kernel", "missing", "reference_run", "start_margins"]


def known_start(run: Trajectory) -> Network | None:
    """The weights at t = 0; None where they are not known, or by their averages only."""
    network = run.setting.network
    return network if isinstance(network, Network) else None


def missing(run: Trajectory, *measures: str, throughout: tuple[str, ...] = ()) -> str:
    """Say which of the starting weights and these measures the run does not bring; empty if it brings all.

    Those ``throughout`` are needed at every record, the others at one at least.
    """
    lacking = ["starting weights"] * (known_start(run) is None)
    lacking += [name for name in (*measures, *throughout) if np.isnan(run.measures.get(name, np.nan)).all()]
    said = [f"{', '.join(lacking)} not recorded"] if lacking else []
    for name in throughout:
        gone = int(np.isnan(run.measures.get(name, np.nan)).sum())
        if name not in lacking and gone:
            said.append(f"{name} is no number at {gone} of {run.times.size} records")
    return "; ".join(said)


def has_diverged(run: Trajectory) -> bool:
    """Whether the run says that it diverged, or a residual is not finite."""
    return run.diverged_at is not None or not bool(np.isfinite(run.residuals).all())


def mean_kernel(run: Trajectory) -> MeanKernel:
    """Ḡ and γ of the run's inputs, computed once for each content."""
    return kernel_of(run.setting.problem, run.setting.activation)


def reference_run(setting: Setting, steps: int) -> Trajectory:
    """Train with the loops of the definition, and record every step.

    Parameters
    ----------
    setting : Setting
        With its starting weights.
    steps : int

    Returns
    -------
    Trajectory

    Examples
    --------
    >>> from fa_ref import Problem
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> reference_run(setting, 3).residual_norms.round(4)
    array([0.2384, 0.2203, 0.2035, 0.1879])
    """
    with threads(1):
        return train(setting, steps=steps, engine="ordered")


def start_margins(run: Trajectory) -> list[Margin]:
    """What can be seen of "W(0), β(0) and b have independent N(0, 1) entries": all three are near 1, 1 and 0."""
    start = known_start(run)
    if start is None:
        return []
    p = start.p
    return [
        Margin("‖b‖²/p", float(start.b @ start.b) / p),
        Margin("‖β(0)‖²/p", float(start.beta @ start.beta) / p),
        Margin("b·β(0)/p", float(start.b @ start.beta) / p),
    ]
