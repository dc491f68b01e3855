"""Assertions for tests of a trainer: each fails where it should, and where it cannot tell.

On a run that a claim says nothing about, `assert_holds` rejects the example inside a Hypothesis test, and fails
outside one: nothing that was not judged ever passes.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import ArrayLike

from fa_ref import Setting, Trajectory
from validation.judge.claims import Claim
from validation.judge.condition import drift
from validation.judge.fits import Fit, contraction_rate, fit_exponent
from validation.judge.record import reference_run
from validation.judge.verdicts import HOLDS, UNDECIDED, VIOLATED, Verdict

__all__ = ["assert_contracts", "assert_holds", "assert_same_run", "assert_scaling"]


def assert_holds(claim: Claim, run: Trajectory) -> Verdict:
    """Fail unless the claim holds on this run.

    Parameters
    ----------
    claim : Claim
        What to judge.
    run : Trajectory
        Of `fa_ref.train`, or recorded anywhere else.

    Returns
    -------
    Verdict

    Raises
    ------
    AssertionError
        If an inequality fails (violated or undecided); outside a Hypothesis test also where it says nothing.

    Examples
    --------
    >>> from fa_ref import Network, Problem, train
    >>> from validation import theorem_3_2
    >>> network = Network.gaussian(2000, 2, np.random.default_rng(0))
    >>> run = train(Problem(np.eye(2), [1.0, 1.0]), network, "tanh", eta=0.1, steps=20)
    >>> assert_holds(theorem_3_2, run).status
    'holds'
    """
    verdict = claim.judge(run)
    if verdict.status in (VIOLATED, UNDECIDED):
        raise AssertionError(f"{verdict.claim}: {verdict.status}: {verdict.worst_words}")
    if verdict.status != HOLDS:
        _says_nothing(verdict.line)
    return verdict


def _says_nothing(reason: str) -> None:
    hypothesis = sys.modules.get("hypothesis")  # not imported: then this is no test of Hypothesis
    if hypothesis is not None and hypothesis.currently_in_test_context():
        hypothesis.reject()
    raise AssertionError(reason)


def assert_same_run(setting: Setting, residuals: ArrayLike, *, times: ArrayLike | None = None) -> Trajectory:
    """Fail unless these are the residuals of the algorithm, as `fa_ref.loops` defines it, up to rounding.

    The tolerance is what rounding in the precision of ``residuals`` can do, at each step and to all that follows:
    see `validation.judge.condition`. The run is repeated four times for it, six under a penalty.

    Parameters
    ----------
    setting : Setting
        What was trained, with its starting weights.
    residuals : array_like, shape (m, n)
        f − y at the recorded steps.
    times : array_like of int, shape (m,), optional
        The steps; 0, 1, …, m − 1 if not given.

    Returns
    -------
    Trajectory
        The run of the definition.

    Raises
    ------
    AssertionError
        If they differ by more than the tolerance, or the tolerance would hide all that is learnt.
    TypeError, ValueError
        If the arrays do not fit the setting.

    Examples
    --------
    >>> from fa_ref import Network, Problem
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> theirs = reference_run(setting, 5).residuals
    >>> same = assert_same_run(setting, theirs)
    >>> assert_same_run(setting, -theirs)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: residuals: expected those of tanh, ... differ by 0.477, more than the ... of rounding
    """
    rows = np.arange(len(np.asarray(residuals))) if times is None else times
    given = Trajectory.recorded(setting, rows, residuals)
    run = reference_run(setting, int(given.times[-1]))
    bound = drift(run, given.roundoff)
    seen = given.times[given.times <= run.times[-1]]
    if not bound[seen[-1]] < np.linalg.norm(run.residuals - run.residuals[0], axis=1).max():
        raise AssertionError(
            f"residuals: expected a run to compare with, but rounding may move {setting} by {bound[seen[-1]]:.3g}"
        )
    difference = np.linalg.norm(given.residuals[: seen.size] - run.residuals[seen], axis=1)
    failed = ~(difference <= bound[seen])
    if failed.any():
        k = int(np.argmax(failed))
        raise AssertionError(
            f"residuals: expected those of {setting}, but at t = {seen[k]} they differ by {difference[k]:.3g}, "
            f"more than the {bound[seen[k]]:.3g} of rounding"
        )
    return run


def assert_contracts(
    times: ArrayLike,
    norms: ArrayLike,
    eta: float,
    *,
    rate: float,
    floor: float = 0.0,
    last: float = 0.5,
    confidence: float = 1 - 1e-6,
) -> Fit:
    """Fail unless ‖e(t)‖ surely falls at the end of the record at least as fast as (1 − ηa)^t with a = ``rate``.

    Parameters
    ----------
    times, norms, eta, floor, last, confidence : array_like, float
        As in `validation.judge.fits.contraction_rate`.
    rate : float
        The a that is claimed.

    Returns
    -------
    Fit
        The fitted rate.

    Raises
    ------
    AssertionError
        If the lower confidence limit of the fitted rate is below it: the rate is too small, or known too badly.

    Examples
    --------
    >>> t = np.arange(50)
    >>> assert_contracts(t, 0.9**t, 0.5, rate=0.19).points
    25
    """
    fit = contraction_rate(times, norms, eta, floor=floor, last=last, confidence=confidence)
    least = rate - 1e-9 * abs(rate)  # a fit of 10⁶ points errs by less, relative to its slope
    limits = f"{fit.slope:.6g} in [{fit.low:.6g}, {fit.high:.6g}]"
    if not fit.high >= least:
        raise AssertionError(f"rate: expected at least {rate:.6g}, got {limits}")
    if not fit.low >= least:
        raise AssertionError(
            f"rate: expected at least {rate:.6g}, got {limits}: limits too wide to decide; more steps are needed"
        )
    return fit


def assert_scaling(sizes: ArrayLike, values: ArrayLike, exponent: float, *, confidence: float = 1 - 1e-6) -> Fit:
    """Fail unless ``exponent`` lies within the confidence limits of a in values ~ sizes^a.

    Parameters
    ----------
    sizes, values : array_like, shape (m,)
        As in `validation.judge.fits.fit_exponent`.
    exponent : float
        The a that is claimed.
    confidence : float, optional
        Level of the interval.

    Returns
    -------
    Fit
        The fitted exponent.

    Raises
    ------
    AssertionError
        If it does not, or if the limits are wider than 1 and so say little.

    Examples
    --------
    >>> p = np.repeat([100.0, 400.0, 1600.0, 6400.0], 3)
    >>> noise = 1 + 0.05 * np.random.default_rng(0).standard_normal(12)
    >>> round(assert_scaling(p, noise * p**-0.5, -0.5).slope, 1)
    -0.5
    """
    fit = fit_exponent(sizes, values, confidence=confidence)
    if fit.high - fit.low > 1.0:
        raise AssertionError(
            f"exponent: limits {fit.low:.3g} to {fit.high:.3g} decide nothing; more sizes are needed"
        )
    if exponent not in fit:
        raise AssertionError(
            f"exponent: expected {exponent:g}, got {fit.slope:.4g} in [{fit.low:.4g}, {fit.high:.4g}]"
        )
    return fit
