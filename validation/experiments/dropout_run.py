"""Feedback alignment with inverted dropout on the hidden units, in the span of the inputs.

Only zᵣ = X wᵣ is kept, since wᵣ moves in the span of the inputs: zᵣ ← zᵣ − (η/√p) bᵣ K (mᵣ ∘ ψ′ᵣ ∘ e).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fa_ref import Setting
from fa_ref._support.checks import as_count, as_number
from fa_ref.measures import alignment

__all__ = ["DropoutRun", "descend_with_dropout"]

Array = NDArray[np.float64]


class DropoutRun(NamedTuple):
    """The record of one run with dropout.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Steps that were reached.
    alignment : ndarray, shape (m,)
        cos∠(b, β).
    loss : ndarray, shape (m,)
        ½‖e‖², no unit silenced.
    status : str
        ``"completed"``, ``"stopped"`` or ``"diverged"``.
    beta : ndarray, shape (p,)
        Output weights at the end.
    """

    times: NDArray[np.int64]
    alignment: Array
    loss: Array
    status: str
    beta: Array


@njit(error_model="numpy")
def _step(state, data, masks, keep, psi, dpsi, eta):
    """One step; masks[r, i] < keep: unit r speaks on sample i."""
    z, beta, hidden, e = state
    K, y, feedback = data
    p, n = z.shape
    root_p, scale = math.sqrt(p), 1.0 / keep
    e[:] = 0.0
    for r in range(p):
        for i in range(n):
            hidden[r, i] = scale * psi(z[r, i]) if masks[r, i] < keep else 0.0
            e[i] += beta[r] * hidden[r, i]
    for i in range(n):
        e[i] = e[i] / root_p - y[i]
    for r in range(p):
        s, g = 0.0, eta / root_p * feedback[r] * scale
        for i in range(n):
            s += e[i] * hidden[r, i]
            hidden[r, i] = g * e[i] * dpsi(z[r, i]) if masks[r, i] < keep else 0.0
        for j in range(n):
            if hidden[r, j] != 0.0:
                for i in range(n):
                    z[r, i] -= K[j, i] * hidden[r, j]
        beta[r] -= eta / root_p * s


def descend_with_dropout(
    setting: Setting,
    rng: np.random.Generator,
    *,
    rate: float,
    times: Sequence[int],
    over: Callable[[int, float], bool] | None = None,
) -> DropoutRun:
    """Run feedback alignment with inverted dropout on the hidden units.

    Parameters
    ----------
    setting : Setting
        With its weights at t = 0, no penalty, and feedback alignment as its rule.
    rng : numpy.random.Generator
        Draws the masks.
    rate : float
        Probability q of silence, 0 ≤ q < 1.
    times : sequence of int
        Steps to record, ascending; the last is where the run ends.
    over : callable, optional
        ``over(t, alignment)`` is called at each of them; the run stops there if it returns True.

    Returns
    -------
    DropoutRun
        With status ``"diverged"`` where β stopped being finite; it holds the records up to there.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.

    Examples
    --------
    >>> from fa_ref import Network, Problem
    >>> network = Network.gaussian(100, 3, np.random.default_rng(1))
    >>> setting = Setting(Problem(np.eye(3), [1.0, -1.0, 1.0]), network, "tanh", eta=0.1)
    >>> run = descend_with_dropout(setting, np.random.default_rng(2), rate=0.0, times=[0, 200])
    >>> run.status, bool(run.loss[1] < 1e-6)
    ('completed', True)
    """
    if setting.ridge.maximum > 0 or setting.rule != "fa":
        raise ValueError(f"setting: expected no penalty and rule fa, got {setting}")
    start, psi, rate = setting.start, setting.activation, as_number("rate", rate, at_least=0, below=1)
    wanted = np.array([as_count("times", t, at_least=0) for t in times], dtype=np.int64)
    if wanted.size == 0 or (np.diff(wanted) <= 0).any():
        raise ValueError(f"times: expected at least one step, in ascending order, got {wanted!r:.60}")
    z, beta, y = np.ascontiguousarray(start.W @ setting.problem.X.T), start.beta.copy(), setting.problem.y
    state = (z, beta, np.empty_like(z), np.empty_like(y))
    data = (np.ascontiguousarray(setting.problem.K), y, start.b)
    masks, rows, t, status = np.zeros(z.shape, np.float32), [], 0, "completed"
    with np.errstate(all="ignore"):  # divergence is a result
        for stop in wanted.tolist():
            while t < stop and (t % 100 or np.isfinite(beta).all()):
                if rate > 0:
                    rng.random(out=masks, dtype=np.float32)
                _step(state, data, masks, 1.0 - rate, psi.psi, psi.dpsi, setting.eta)
                t += 1
            residual = beta @ psi(z) / math.sqrt(start.p) - y
            if t < stop or not (np.isfinite(beta).all() and np.isfinite(residual).all()):
                status = "diverged"
                break
            rows.append((t, float(alignment(start.b, beta)), 0.5 * float(residual @ residual)))
            if over is not None and over(t, rows[-1][1]):
                status = "stopped"
                break
    at, cosines, losses = np.array(rows, dtype=float).reshape(-1, 3).T
    return DropoutRun(at.astype(np.int64), cosines, losses, status, beta)
