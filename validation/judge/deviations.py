"""How far networks of finite width are from each asymptotic law, in paired runs at growing width.

A law predicts the limit as p → ∞; each function here runs one network (or one pair ±b) of width p and returns
what it deviates. With the same ``seed`` a wider network contains the narrower one, and the data are the same: the
runs are paired, and a fitted exponent of the deviation in p is that of the law.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fa_ref import schedules
from fa_ref._support.checks import as_count
from fa_ref.activations import Activation
from fa_ref.engines.reduced import Statistics
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from fa_ref.setting import Setting
from fa_ref.training import train
from fa_ref.trajectory import Trajectory
from theory.alignment import no_alignment_coefficient, sharp_constant, sharp_schedule
from theory.limits import fixed_time_limit

__all__ = [
    "EXPONENTS",
    "fixed_time_deviation",
    "nested_network",
    "no_alignment_deviation",
    "sharp_constant_deviation",
    "stretched_cutoff",
    "wide_alignment_deviation",
]

#: The exponent that each deviation of a single network has in p, as the laws are derived.
EXPONENTS = {"fixed_time": -0.5, "no_alignment": -0.5, "sharp_constant": -0.5, "wide_alignment": -0.5}


def nested_network(p: int, d: int, seed: int) -> Network:
    """Draw a Gaussian network whose first units do not depend on p.

    Examples
    --------
    >>> wide, narrow = nested_network(7, 3, seed=1), nested_network(4, 3, seed=1)
    >>> bool((wide.W[:4] == narrow.W).all() and (wide.b[:4] == narrow.b).all())
    True
    """
    p, d = as_count("p", p), as_count("d", d)
    hidden, output, feedback = np.random.default_rng(seed).spawn(3)
    return Network(hidden.standard_normal((p, d)), output.standard_normal(p), feedback.standard_normal(p))


def fixed_time_deviation(
    problem: Problem,
    activation: str | Activation,
    p: int,
    seed: int,
    *,
    eta: float,
    ridge: Schedule | None = None,
    steps: int,
    limit_eta: float | None = None,
) -> float:
    """max_t ‖e(t) − limit‖ / ‖e(0)‖ over t ≤ steps, with the limit started from the network's own f₀.

    ``limit_eta`` puts another η into the limit, for a control.

    Examples
    --------
    >>> problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    >>> narrow, wide = (fixed_time_deviation(problem, "tanh", p, 1, eta=0.2, steps=30) for p in (100, 10000))
    >>> wide < narrow / 3
    True
    """
    run = train(Setting(problem, nested_network(p, problem.d, seed), activation, eta=eta, ridge=ridge), steps=steps)
    limit = fixed_time_limit(problem, activation, run.times, eta=limit_eta or eta, ridge=ridge)
    predicted = limit.residuals(run.residuals[0] + problem.y)
    return float(np.linalg.norm(run.residuals - predicted, axis=1).max() / run.residual_norms[0])


def no_alignment_deviation(
    problem: Problem, activation: str | Activation, p: int, seed: int, *, eta: float, steps: int
) -> float:
    """p · (mean of cos∠(b, β(t)) over a pair ±b) − its limit given e(0), without ridge.

    The pair shares W and β, so what is odd in b, of order √p, cancels.
    """
    network = nested_network(p, problem.d, seed)
    mirror = Network(network.W, network.beta, -network.b)
    runs = [
        train(problem, start, activation, eta=eta, steps=steps, record_every=steps) for start in (network, mirror)
    ]
    limit = no_alignment_coefficient(problem, activation, eta=eta, steps=steps, residual=runs[0].residuals[0])
    return float(p * np.mean([_last_alignment(run) for run in runs]) - limit)


def sharp_constant_deviation(
    L: float,
    c_S: float,
    problem: Problem,
    start: Network | Statistics,
    *,
    eta: float,
    gamma_over_M: float = 1.0,
    tail: int | None = None,
) -> float:
    """cos∠(b, β) after Theorem 4.6's schedule and a tail without ridge, minus `sharp_constant`.

    Parameters
    ----------
    L, c_S : float
        Of the schedule.
    problem : Problem
        With XXᵀ = γI.
    start : Network or Statistics
        What `train` starts from: a network, or one sampled in law.
    eta : float
        Step size.
    gamma_over_M : float, optional
        γ/M.
    tail : int, optional
        Steps after the cutoff; by default 20 relaxation times 1/(ηγ).

    Raises
    ------
    ValueError
        If XXᵀ is not a multiple of the identity.
    """
    gamma = float(problem.K[0, 0])
    if np.abs(problem.K - gamma * np.eye(problem.n)).max() > 1e-12 * gamma:
        raise ValueError("problem: expected X with XXᵀ = γI, got another Gram matrix")
    ridge = sharp_schedule(L, c_S, start.p, problem.n, eta=eta, gamma=gamma, gamma_over_M=gamma_over_M)
    cutoff = round(ridge.total / ridge.maximum)
    steps = cutoff + (int(20.0 / (eta * gamma)) if tail is None else as_count("tail", tail, at_least=0))
    run = train(problem, start, "identity", eta=eta, steps=steps, ridge=ridge, record_every=max(steps, 1))
    nu = float(np.linalg.norm(problem.y)) / np.sqrt(problem.n)
    return _last_alignment(run) - sharp_constant(L, c_S, nu, gamma_over_M)


def wide_alignment_deviation(
    problem: Problem,
    activation: str | Activation,
    p: int,
    seed: int,
    *,
    eta: float,
    ridge: Schedule | Callable[[int], Schedule],
    theta: ArrayLike,
    predicted: ArrayLike,
) -> float:
    """max |cos∠(b, β(⌊θ√p⌋)) − predicted(θ)| over the times θ.

    ``ridge`` may be a function of the width, for schedules that stretch with √p. ``predicted`` is what
    `theory.limits.wide_alignment` says at ``theta``: the same limit serves every width and seed.
    """
    times = (np.atleast_1d(np.asarray(theta, dtype=np.float64)) * np.sqrt(p)).astype(np.int64)
    schedule = ridge if isinstance(ridge, Schedule) else ridge(p)
    stride = max(1, int(np.gcd.reduce(times)))
    run = train(
        problem, nested_network(p, problem.d, seed), activation,
        eta=eta, steps=int(times.max()), ridge=schedule, record_every=stride,
    )  # fmt: skip
    return float(np.abs(run.alignment[np.searchsorted(run.times, times)] - np.asarray(predicted)).max())


def stretched_cutoff(lam: float, theta: float) -> Callable[[int], Schedule]:
    """λ up to t = θ√p, 0 after: the cutoff schedule as a function of the width.

    Examples
    --------
    >>> stretched_cutoff(0.5, 2.0)(100)
    cutoff(0.5, 19)
    """
    return lambda p: schedules.cutoff(lam, max(0, round(theta * np.sqrt(p)) - 1))


def _last_alignment(run: Trajectory) -> float:
    if run.status != "completed":
        raise ValueError(f"eta: expected a step size for which training converges, got status {run.status!r}")
    return float(run.alignment[-1])
