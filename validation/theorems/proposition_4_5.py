r"""Proposition 4.5: Gaussian inputs are nearly isometric.

**Assumptions.** X has independent N(0, 1/d) entries; 0 < ε < ½; d large enough. The paper's order of d,
(1/ε) log(n/δ) + (n/ε) log(1/ε), is too small in ε; (n + log(1/δ))/ε² suffices, with the constants of
`theory.kernels.isometry.sufficient_dimension`.

**Claim.** With probability at least 1 − δ, X is (1 − ε, 4ε)-isometric: 1 − ε ≤ λ(XXᵀ) ≤ (1 + 4ε)(1 − ε).

**Guarantee.** A probability, judged by independent draws.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from theory.kernels.isometry import proposition_4_5, sufficient_dimension, wishart_root
from validation.judge.draws import draw_outcomes
from validation.judge.probability import ProbabilityVerdict, sequential_verdict

__all__ = ["judge"]


def judge(
    n: int,
    epsilon: float,
    delta: float,
    rng: np.random.Generator,
    *,
    d: int | None = None,
    draws: int = 4096,
    error: float = 1e-6,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ProbabilityVerdict:
    """Judge the proposition at one (n, ε, δ).

    Parameters
    ----------
    n : int
        Number of inputs.
    epsilon, delta : float
        0 < ε < ½ and 0 < δ < 1.
    rng : numpy.random.Generator
        Source of all draws.
    d : int, optional
        Input dimension; `sufficient_dimension` if not given.
    draws, error, jobs, progress :
        As in `validation.judge.draws.check`.

    Examples
    --------
    >>> judge(5, 0.3, 0.1, np.random.default_rng(0)).status
    'confirmed'
    >>> judge(5, 0.3, 0.1, np.random.default_rng(0), d=50).status
    'refuted'
    """
    d = sufficient_dimension(n, epsilon, delta) if d is None else d
    stream = draw_outcomes(partial(_isometric, n, d, epsilon), rng, jobs=jobs)
    return sequential_verdict(stream, draws, delta, error, progress)


def _isometric(n: int, d: int, epsilon: float, generator: np.random.Generator) -> bool:
    return proposition_4_5(wishart_root(n, d, generator), epsilon)
