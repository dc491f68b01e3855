"""The spectrum of G + H along a run: what makes the residual contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count
from fa_ref._support.notebook import axes_or_new
from fa_ref.network import Network
from fa_ref.training import train
from theory.kernels.empirical import empirical_G, empirical_H

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fa_ref.trajectory import Trajectory

__all__ = ["Spectrum", "spectrum"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """Eigenvalues of G(t) + H(t) and of G(t), ascending.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Steps.
    values : ndarray, shape (m, n)
        Eigenvalues of G + H, a row a step: e(t+1) ≈ (I − η(G + H)) e(t).
    of_G : ndarray, shape (m, n)
        Those of G alone.
    """

    times: NDArray[np.int64]
    values: Array
    of_G: Array

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw every eigenvalue of G + H against the step, the smallest and largest in colour; returns the axes.

        The axis is logarithmic where all are positive.
        """
        axes = axes_or_new(axes)
        axes.plot(self.times, self.values[:, 1:-1], color="0.7", linewidth=0.6)
        axes.plot(self.times, self.values[:, -1], color="C1", label="λ_max(G + H)")
        axes.plot(self.times, self.values[:, 0], color="C0", label="λ_min(G + H)")
        if (self.values > 0).all():
            axes.set_yscale("log")
        axes.set(xlabel="step t", ylabel="eigenvalues of G + H")
        return axes


def spectrum(run: Trajectory, points: int = 40) -> Spectrum:
    """Train again from the run's start, and take the eigenvalues of G + H at about so many of its steps.

    Parameters
    ----------
    run : Trajectory
        Of feedback alignment, with its starting weights.
    points : int, optional
        The last step comes on top.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError
        If the rule is another one, or the starting weights are not known.

    Examples
    --------
    >>> from fa_ref import Problem, Setting
    >>> network = Network.gaussian(2000, 3, np.random.default_rng(0))
    >>> run = train(Setting(Problem(np.eye(3), [1.0, 1.0, -1.0]), network, "tanh", eta=0.1), steps=20)
    >>> found = spectrum(run, 4)
    >>> found.times, bool((found.values > 0.3).all()), bool((found.values < 0.6).all())
    (array([ 0,  5, 10, 15, 20]), True, True)
    """
    setting, last = run.setting, int(run.times[-1])
    if setting.rule != "fa" or not isinstance(setting.network, Network):
        raise ValueError(f"run: expected feedback alignment from known starting weights, got {setting}")
    every = max(1, last // as_count("points", points))
    X, psi = setting.problem.X, setting.activation
    times: list[int] = []
    rows: list[tuple[Array, Array]] = []

    def look(t: int, network: Network) -> None:
        G = empirical_G(X, network, psi)
        times.append(t)
        both, of_G = (np.asarray(np.linalg.eigvalsh(A), float) for A in (G + empirical_H(X, network, psi), G))
        rows.append((both, of_G))

    train(setting, steps=last, record_every=every, observe=look)
    values, of_G = (np.array(part) for part in zip(*rows, strict=True))
    return Spectrum(times=np.array(times), values=values, of_G=of_G)
