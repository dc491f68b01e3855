"""Alignment and loss of wide networks at t = θ√p, where a ridge penalty aligns β with b."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number
from fa_ref._support.threads import threads
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.limits.linear import linear_limit, linear_mean_run
from theory.limits.mean_field import predict
from theory.limits.theta_time import Penalty, Prediction, checked_times, rescaled_ridge

__all__ = ["Prediction", "wide_alignment", "wide_prediction"]

Array = NDArray[np.float64]


def wide_alignment(
    problem: Problem,
    activation: str | Activation,
    theta: ArrayLike,
    *,
    eta: float,
    ridge: Schedule | Penalty,
    **options: Any,
) -> Any:
    """Return the predicted cos∠(b, β) at θ = t/√p: `wide_prediction` without its error estimate.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    activation : str or Activation
        ψ.
    theta : array_like
        Times t/√p.
    eta : float
        Step size η > 0.
    ridge : Schedule or callable
        λ, as a schedule that never changes or as a function of θ; see `wide_prediction`.
    **options
        Those of `wide_prediction`.

    Returns
    -------
    float or ndarray
        Of the shape of ``theta``.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> problem, ridge = Problem(np.eye(10), np.ones(10)), schedules.constant(3.0)
    >>> round(wide_alignment(problem, "identity", 10.0, eta=0.05, ridge=ridge), 4)
    0.734
    """
    cosines = wide_prediction(problem, activation, theta, eta=eta, ridge=ridge, **options).alignment
    return float(cosines[0]) if np.ndim(theta) == 0 else cosines


def wide_prediction(
    problem: Problem,
    activation: str | Activation,
    theta: ArrayLike,
    *,
    eta: float,
    ridge: Schedule | Penalty,
    p: int | None = None,
    particles: int = 4096,
    tolerance: float = 1e-3,
    rng: np.random.Generator | None = None,
) -> Prediction:
    """Predict alignment and loss at t = θ√p, where a ridge penalty aligns β with b.

    In the limit p → ∞ the residual is the ridge residual at every moment, and each hidden unit drifts along Kψ′:

        e*(θ) = −λ (G + λI)⁻¹ y,   G = E ψ(z)ψ(z)ᵀ,   dz/dθ = −η b K (ψ′(z) ∘ e*),   cos = E[b ψ(z)·a] / √(aᵀGa)

    with a = (G + λI)⁻¹ y. At a given width p the residual relaxes, β remembers and the initialisation decays at
    finite speed: the mean dynamics of ``docs/limits.md``, exact to the first order in 1/√p. It is an average over
    networks; for a linear one the effect of the random initial outputs, which decays with the initialisation, is
    left out.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ. A linear network is solved by an ordinary differential equation, others by interacting particles.
    theta : array_like, scalar or shape (m,)
        Times t/√p. Where λ jumps, the value before the jump is reported.
    eta : float
        Step size; in the limit only η θ enters.
    ridge : Schedule or callable
        λ in steps, or as a function of θ; a schedule that changes with time needs ``p``.
    p : int, optional
        Width; by default the limit p → ∞.
    particles : int, optional
        Particles in all, at least 16 n.
    tolerance : float, optional
        Change of the alignment that halving the time steps may still make.
    rng : numpy.random.Generator, optional
        Draws the particles; by default always the same ones.

    Returns
    -------
    Prediction

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> problem, ridge = Problem(np.eye(4), [1, -1, 1, -1]), schedules.constant(0.5)
    >>> prediction = wide_prediction(problem, "tanh", [5, 50], eta=0.1, ridge=ridge, particles=1024)
    >>> prediction.alignment.round(1)
    array([0.4, 0.9])
    >>> bool(prediction.error.max() < 0.02)
    True
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    if not problem.y.any():
        raise ValueError("y: expected targets that are not all zero, got zeros: β decays to 0 and has no direction")
    times = checked_times(theta)
    penalty = rescaled_ridge(ridge, p)
    particles, tolerance = as_count("particles", particles), as_number("tolerance", tolerance, above=0)
    with threads(1):  # so that rounding does not depend on the number of cores
        if psi.linear:
            return _linear(problem, eta, ridge, penalty, times, p)
        rng = np.random.default_rng(0) if rng is None else rng
        return predict(problem, psi, eta, penalty, times, p, particles, tolerance, rng)


def _linear(
    problem: Problem, eta: float, ridge: Schedule | Penalty, penalty: Penalty, times: Array, p: int | None
) -> Prediction:
    if p is None:
        return linear_limit(problem, eta, penalty, times)
    steps = np.rint(times * np.sqrt(as_count("p", p))).astype(np.int64)
    if not isinstance(ridge, Schedule):
        ridge = schedules.explicit([penalty(t / np.sqrt(p)) for t in range(int(steps.max()) + 1)])
    return linear_mean_run(problem, eta, ridge, p, steps)._replace(theta=times)
