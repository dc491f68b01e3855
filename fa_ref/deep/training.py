"""`train_deep`: run a deep network by one of three rules, and record residuals and the alignment of every layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dgemm

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, one_of, require_decay
from fa_ref._support.truth import NoTruthValue
from fa_ref.activations import Activation, resolve
from fa_ref.deep import loops
from fa_ref.deep.network import DeepNetwork
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule

__all__ = ["ENGINES", "RULES", "DeepTrajectory", "train_deep"]

Array = NDArray[np.float64]

RULES = ("fa", "dfa", "bp")
ENGINES = ("blas", "loops")

#: A run has diverged when its loss exceeds this multiple of ½‖e(0)‖² + ½‖y‖².
EXPLOSION = 1e12


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepTrajectory(NoTruthValue):
    """The record of one run of a deep network.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Recorded steps.
    residuals : ndarray, shape (m, n)
        e(t) = f − y at those steps.
    alignment : ndarray, shape (m,)
        cos∠(b, β(t)) with the b of the last layer, Definition 4.1.
    layers : ndarray, shape (m, L)
        Mean over samples of the cosine between what the rule carries to a layer and the gradient there; NaN where
        one of them is zero.
    status : str
        ``"completed"`` or ``"diverged"``.
    network : DeepNetwork
        The weights at the end.
    """

    times: NDArray[np.int64]
    residuals: Array
    alignment: Array
    layers: Array
    status: str
    network: DeepNetwork = field(repr=False)

    @property
    def residual_norms(self) -> Array:
        """‖e(t)‖, shape (m,)."""
        return np.asarray(np.linalg.norm(self.residuals, axis=1))


def train_deep(
    problem: Problem,
    network: DeepNetwork,
    activation: str | Activation = "tanh",
    *,
    eta: float,
    steps: int,
    ridge: Schedule | None = None,
    rule: str = "fa",
    engine: str = "blas",
    record_every: int = 1,
    layers: bool = True,
) -> DeepTrajectory:
    """Run feedback alignment, direct feedback alignment or backpropagation on L hidden layers.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    network : DeepNetwork
        Weights at t = 0; left as they are.
    activation : str or Activation, optional
        ψ.
    eta : float
        Step size η > 0 of the loss ½‖e‖².
    steps : int
        Number of steps.
    ridge : Schedule, optional
        λ(t) on β alone, zero if not given; η·λ(t) < 1 is required.
    rule : {"fa", "dfa", "bp"}, optional
        What carries the error back.
    engine : {"blas", "loops"}, optional
        Matrix products, or the definition in `fa_ref.deep.loops`: the same trajectory up to rounding.
    record_every : int, optional
        Record each step that is a multiple of this; the first and the last are always recorded.
    layers : bool, optional
        Whether to measure the alignment of every layer, which costs a backpropagation a record; NaN if not.

    Returns
    -------
    DeepTrajectory
        With status ``"diverged"`` where the loss stopped being finite or exploded.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.

    Examples
    --------
    >>> problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    >>> network = DeepNetwork.gaussian(L=2, p=100, d=3, rng=np.random.default_rng(0))
    >>> run = train_deep(problem, network, "tanh", eta=0.3, steps=300)
    >>> run.status, run.layers.shape, bool(run.residual_norms[-1] < 1e-2 * run.residual_norms[0])
    ('completed', (301, 2), True)
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    ridge = schedules.zero() if ridge is None else ridge
    steps, every = as_count("steps", steps, at_least=0), as_count("record_every", record_every)
    one_of("rule", rule, RULES)
    one_of("engine", engine, ENGINES)
    if network.d != problem.d:
        raise ValueError(f"network: expected input dimension {problem.d}, that of the problem, got {network.d}")
    require_decay(eta, ridge.maximum)
    times = np.unique(np.append(np.arange(0, steps + 1, every), steps))
    now, lam, take = network.copy(), ridge.values(steps), {"blas": _products, "loops": _loops}[engine]
    rows: list[tuple[Array, float, Array]] = []
    status, limit = "completed", np.inf
    with np.errstate(over="ignore", invalid="ignore"):
        for k, t in enumerate(times):
            rows.append(_measure(problem, now, psi, rule, layers))
            loss = 0.5 * float(np.sum(rows[-1][0] ** 2))
            if k == 0:
                limit = EXPLOSION * (loss + 0.5 * float(np.sum(problem.y**2)) or np.finfo(float).tiny)
            if not loss <= limit:
                status = "diverged"
                break
            if k + 1 < times.size:
                take(problem, now, psi, eta, lam[t : times[k + 1]], rule)
    e, alignment, cosines = (np.array(column) for column in zip(*rows, strict=True))
    return DeepTrajectory(
        times=times[: len(rows)], residuals=e, alignment=alignment, layers=cosines, status=status, network=now
    )


def _measure(
    problem: Problem, now: DeepNetwork, psi: Activation, rule: str, layers: bool
) -> tuple[Array, float, Array]:
    """e, cos∠(b, β) and the alignment of every layer."""
    H, slopes = now.hidden(problem.X, psi)
    e = now.beta @ H[-1] / np.sqrt(now.p) - problem.y
    if not layers:
        return e, float(_cosine(now.b[-1], now.beta)), np.full(now.L, np.nan)
    pairs = zip(now.carried(slopes, e, rule), now.carried(slopes, e, "bp"), strict=True)
    return e, float(_cosine(now.b[-1], now.beta)), np.array([np.mean(_cosine(ours.T, bp.T)) for ours, bp in pairs])


def _cosine(a: Array, b: Array) -> Array:
    """Cosines along the last axis; NaN where a side is zero. Scaled first, so that no square overflows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (side / np.max(np.abs(side), axis=-1, keepdims=True) for side in (a, b))
        cosine: Array = np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return cosine


def _loops(problem: Problem, now: DeepNetwork, psi: Activation, eta: float, lam: Array, rule: str) -> None:
    """Take steps with `fa_ref.deep.loops`, in place."""
    X, y = np.array(problem.X), np.array(problem.y)
    B, b = (now.V, now.beta[None]) if rule == "bp" else (now.B, now.b)
    residuals = np.empty((lam.size, y.size))
    loops.descend(X, y, now.W, now.V, now.beta, B, b, rule == "dfa", psi.psi, psi.dpsi, eta, lam, np.inf, residuals)


def _products(problem: Problem, now: DeepNetwork, psi: Activation, eta: float, lam: Array, rule: str) -> None:
    """Take the same steps with matrix products, in place."""
    root = np.sqrt(now.p)
    for penalty in lam:
        H, slopes = now.hidden(problem.X, psi)
        e = now.beta @ H[-1] / root - problem.y
        carried = now.carried(slopes, e, rule)
        now.W[:] -= eta * carried[0] @ problem.X
        for V, delta, below in zip(now.V, carried[1:], H[:-1], strict=True):
            dgemm(-eta / root, below, delta, beta=1.0, c=V.T, trans_b=True, overwrite_c=True)  # in place of V
        now.beta[:] = (1.0 - eta * penalty) * now.beta - eta / root * (H[-1] @ e)
