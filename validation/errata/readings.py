"""The paper's updates as printed, beside the consistent ones: what the errata and the sign error are shown on."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory
from fa_ref.measures import MEASURES, measure
from fa_ref.training import EXPLOSION

__all__ = ["ascend", "descend", "orthonormal"]


def orthonormal(activation: str, rng: np.random.Generator, *, p: int = 2000, eta: float = 0.1) -> Setting:
    """Return a wide Gaussian network on three orthonormal inputs with targets 1, −1, 1."""
    problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    return Setting(problem, Network.gaussian(p, 3, rng), activation, eta=eta)


def descend(setting: Setting, steps: int, *, sign: float = 1.0, shrink_by_lambda: bool = False) -> Trajectory:
    """Run Algorithm 1 with another reading of its residual or of its ridge update.

    Parameters
    ----------
    setting : Setting
        What is trained, and how.
    steps : int
        For how long.
    sign : {1.0, -1.0}, optional
        −1 puts e = y − f into the updates as printed; the record is of f − y all the same.
    shrink_by_lambda : bool, optional
        β ← (1 − λ) β − … as printed, instead of (1 − ηλ) β − ….

    Returns
    -------
    Trajectory
        Of the steps before it diverges, as `fa_ref.train` decides.

    Examples
    --------
    >>> from validation.judge.record import reference_run
    >>> setting = orthonormal("tanh", np.random.default_rng(0), p=50)
    >>> bool(np.allclose(descend(setting, 9).residuals, reference_run(setting, 9).residuals, rtol=1e-9, atol=1e-12))
    True
    """
    problem, start, psi, eta = setting.problem, setting.start, setting.activation, setting.eta
    W, beta, b, root = start.W.copy(), start.beta.copy(), start.b, math.sqrt(start.p)
    lams = setting.ridge.values(steps + 1)
    residuals, rows, decay, diverged_at, limit = [], [], 1.0, None, math.inf
    with np.errstate(all="ignore"):  # divergence is a result
        for t in range(steps + 1):
            Z = problem.X @ W.T
            e = psi(Z) @ beta / root - problem.y
            limit = EXPLOSION * 0.5 * float(e @ e + problem.y @ problem.y) if t == 0 else limit
            if not 0.5 * float(e @ e) <= limit:
                diverged_at = t
                break
            row = np.empty(len(MEASURES))
            measure(W, beta, b, start.W, start.beta, decay, row)
            residuals.append(e)
            rows.append(row)
            shrink = 1.0 - (lams[t] if shrink_by_lambda else eta * lams[t])
            g = eta / root * sign * e
            W = W - b[:, None] * ((psi.derivative(Z).T * g) @ problem.X)
            beta = shrink * beta - g @ psi(Z)
            decay *= shrink
    measures = dict(zip(MEASURES, np.array(rows).T, strict=True))
    return Trajectory.recorded(
        setting, np.arange(len(residuals)), residuals, measures=measures, diverged_at=diverged_at
    )


def ascend(setting: Setting, steps: int) -> Trajectory:
    """Run Algorithm 1 with the residual as printed, e = y − f: every step climbs.

    Parameters
    ----------
    setting : Setting
    steps : int

    Returns
    -------
    Trajectory

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> norms = ascend(setting, 5).residual_norms
    >>> bool((norms[1:] > norms[:-1]).all())
    True
    """
    return descend(setting, steps, sign=-1.0)
