r"""Feedback alignment converges although its kernel G + H is not positive semi-definite.

The paper stresses that H, and so G + H, may have negative eigenvalues at t = 0, where the theory of gradient
descent needs a positive definite kernel. How often is that so in runs that converge?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fa_ref import Setting
from fa_ref._support.checks import as_count
from theory.kernels import empirical_G, empirical_H
from validation.judge.probability import clopper_pearson
from validation.judge.record import reference_run
from validation.judge.verdicts import NoTruthValue

__all__ = ["IndefiniteStarts", "indefinite_starts"]


@dataclass(frozen=True, kw_only=True)
class IndefiniteStarts(NoTruthValue):
    """How often λ_min(G + H) < 0 at t = 0; counts have no truth value.

    Attributes
    ----------
    draws, converged, indefinite, both : int
        Runs; those that converged; those with λ_min(G(0) + H(0)) < 0; those with both.
    lowest : float
        The lowest λ_min(G(0) + H(0)) among runs that converged.
    limits : tuple of float
        99 % limits on the probability that a run which converges has started so.
    """

    draws: int
    converged: int
    indefinite: int
    both: int
    lowest: float
    limits: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.limits
        return (
            f"{self.both} of {self.converged} runs that converged started with λ_min(G+H) < 0 "
            f"(99 % limits {low:.3f} to {high:.3f}; lowest {self.lowest:.3g})"
        )


def indefinite_starts(
    law: Callable[[np.random.Generator], Setting],
    rng: np.random.Generator,
    *,
    steps: int,
    draws: int = 100,
    small: float = 1e-3,
) -> IndefiniteStarts:
    """Train independent draws of a law and count.

    Parameters
    ----------
    law : callable
        Generator → `Setting`.
    rng : numpy.random.Generator
        Each draw has a generator spawned from it.
    steps : int
        Of each run.
    draws : int, optional
        How many.
    small : float, optional
        A run has converged when ‖e‖ ends below this multiple of ‖e(0)‖.
    """
    converged = indefinite = both = 0
    lowest = np.inf
    for child in rng.spawn(as_count("draws", draws)):
        setting = law(child)
        X, start, psi = setting.problem.X, setting.start, setting.activation
        least = float(np.linalg.eigvalsh(empirical_G(X, start, psi) + empirical_H(X, start, psi))[0])
        norms = reference_run(setting, steps).residual_norms
        done = bool(norms[-1] < small * norms[0])
        converged, indefinite, both = converged + done, indefinite + (least < 0), both + (done and least < 0)
        lowest = min(lowest, least) if done else lowest
    limits = clopper_pearson(both, converged, 0.01) if converged else (0.0, 1.0)
    return IndefiniteStarts(
        draws=draws, converged=converged, indefinite=indefinite, both=both, lowest=float(lowest), limits=limits
    )
