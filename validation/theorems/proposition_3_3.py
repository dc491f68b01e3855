r"""Proposition 3.3: Gaussian inputs satisfy Assumption 3.1.

**Assumptions.** xᵢ ~ N(0, I_d/d) independent; ψ sigmoid or tanh; d = Ω(n).

**Claim.** With high probability γ = λ_min(Ḡ) is bounded away from 0.

The paper names no bound. As d grows the inputs become orthonormal, and what ψ has beyond its constant and linear
parts then adds r·I to Ḡ, with r = E ψ(z)² − (E ψ(z))² − (E zψ(z))², z ~ N(0, 1); the rest is positive
semi-definite. The sheet judges γ ≥ r/2, with the certified lower bound of γ, at a stated d/n.

**Guarantee.** A probability, judged by independent draws.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from fa_ref.activations import Activation, resolve
from theory.kernels import mean_kernel
from theory.kernels.isometry import wishart_root
from validation.judge.draws import draw_outcomes
from validation.judge.probability import ProbabilityVerdict, sequential_verdict

__all__ = ["judge", "nonlinear_part"]


def nonlinear_part(activation: str | Activation) -> float:
    """r = E ψ(z)² − (E ψ(z))² − (E zψ(z))² for z ~ N(0, 1), by quadrature.

    Examples
    --------
    >>> round(nonlinear_part("tanh"), 5), abs(nonlinear_part("identity")) < 1e-12
    (0.02742, True)
    """
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    values, weight = resolve(activation)(z), weight / np.sqrt(2 * np.pi)
    moments = weight @ values**2, weight @ values, weight @ (z * values)
    return float(moments[0] - moments[1] ** 2 - moments[2] ** 2)


def judge(
    n: int,
    d: int,
    activation: str | Activation,
    rng: np.random.Generator,
    *,
    delta: float = 0.1,
    draws: int = 1024,
    error: float = 1e-6,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ProbabilityVerdict:
    """Judge that γ ≥ r/2 with probability at least 1 − δ at this n and d.

    Examples
    --------
    >>> judge(4, 40, "tanh", np.random.default_rng(0), delta=0.3, draws=128).status
    'confirmed'
    >>> judge(12, 1, "tanh", np.random.default_rng(0), delta=0.3, draws=128).status
    'refuted'
    """
    outcome = partial(_bounded_away, n, d, activation, nonlinear_part(activation) / 2.0)
    return sequential_verdict(draw_outcomes(outcome, rng, jobs=jobs), draws, delta, error, progress)


def _bounded_away(
    n: int, d: int, activation: str | Activation, least: float, generator: np.random.Generator
) -> bool:
    return mean_kernel(wishart_root(n, d, generator), activation).gamma_lower >= least
