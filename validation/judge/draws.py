"""Independent draws of a yes or no, in order, on any number of workers; and tests made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from numbers import Number
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from fa_ref import Trajectory
from fa_ref._support.checks import as_number
from validation.judge.claims import Claim
from validation.judge.probability import FIRST_LOOK, ProbabilityVerdict, sequential_verdict

__all__ = ["check", "draw_outcomes", "holds_with_probability"]

#: Says yes or no: a bool, or a result that has a truth value, such as a verdict.
Outcome = Callable[[np.random.Generator], Any]


def draw_outcomes(
    outcome: Outcome, rng: np.random.Generator, *, jobs: int = 1, batch: int = FIRST_LOOK
) -> Iterator[bool]:
    """Yield ``outcome(generator)`` for ever, each with a generator of its own, spawned from ``rng``.

    The stream is the same for any number of ``jobs``.

    Parameters
    ----------
    outcome : callable
        Generator → bool, or a result that has a truth value.
    rng : numpy.random.Generator
    jobs : int, optional
        Processes.
    batch : int, optional
        Draws handed to a process at a time.

    Yields
    ------
    bool

    Raises
    ------
    TypeError
        If an outcome is neither True nor False nor a result that has a truth value: an answer that was forgotten
        (None) is none.

    Examples
    --------
    >>> from itertools import islice
    >>> stream = draw_outcomes(lambda g: g.random() < 0.9, np.random.default_rng(0))
    >>> sum(islice(stream, 100))
    92
    """
    with Parallel(n_jobs=jobs) as pool:
        while True:
            yield from pool(delayed(_answer)(outcome, child) for child in rng.spawn(batch))


def _answer(outcome: Outcome, generator: np.random.Generator) -> bool:
    value = outcome(generator)
    says = isinstance(value, bool | np.bool_) or ("__bool__" in dir(type(value)) and not isinstance(value, Number))
    if not says or value is None or isinstance(value, np.ndarray):
        raise TypeError(f"outcome: expected True, False or a verdict, got {value!r:.60}")
    return bool(value)


def check(
    claim: Claim,
    law: Callable[[np.random.Generator], Trajectory],
    *,
    draws: int,
    delta: float,
    rng: np.random.Generator,
    error: float = 0.01,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ProbabilityVerdict:
    """Judge that a claim holds with probability at least 1 − δ under a law of runs.

    Parameters
    ----------
    claim : Claim
        The sheet.
    law : callable
        Generator → `Trajectory`: one independent draw of network (and problem, if it is random), trained.
    draws, delta, rng, error, jobs, progress
        As in `sequential_verdict` and `draw_outcomes`.

    Returns
    -------
    ProbabilityVerdict
        A draw on which the claim is not applicable, vacuous or diverged counts as a failure, never as a success.

    Examples
    --------
    >>> from fa_ref import Network, Problem, train
    >>> from validation import theorem_4_3
    >>> def law(rng):
    ...     problem, network = Problem(np.eye(2), [1.0, 1.0]), Network.gaussian(400, 2, rng)
    ...     return train(problem, network, "identity", eta=0.1, steps=10)
    >>> check(theorem_4_3, law, draws=200, delta=0.25, rng=np.random.default_rng(0)).status
    'confirmed'
    """
    stream = draw_outcomes(functools.partial(_holds, claim, law), rng, jobs=jobs)
    return sequential_verdict(stream, draws, delta, error, progress)


def _holds(claim: Claim, law: Callable[[np.random.Generator], Trajectory], generator: np.random.Generator) -> bool:
    return bool(claim.judge(law(generator)))


def holds_with_probability(
    probability: float, *, draws: int = 4096, error: float = 1e-6, seed: int = 0
) -> Callable[[Outcome], Callable[[], None]]:
    """Turn a random yes-or-no function into a test that it says yes with at least this probability.

    The function may return a verdict, which says yes where it holds or is confirmed.

    Parameters
    ----------
    probability : float
        1 − δ, in (0, 1).
    draws : int, optional
        At most this many; an undecided verdict fails the test, and says how many more are needed.
    error : float, optional
        Probability of a wrong decision: the test's false-alarm probability.
    seed : int, optional
        Of the generators that are passed to the function.

    Returns
    -------
    callable
        A decorator that makes a test without arguments.

    Raises
    ------
    ValueError
        If the probability is not in (0, 1).

    Examples
    --------
    >>> @holds_with_probability(0.9)
    ... def test_normal_draws_are_below_two(rng):
    ...     return rng.standard_normal() < 2
    >>> test_normal_draws_are_below_two()
    """
    delta = 1.0 - as_number("probability", probability, above=0, below=1)

    def decorate(outcome: Outcome) -> Callable[[], None]:
        # No functools.wraps: a test runner would take the generator argument for a fixture.
        def test() -> None:
            verdict = sequential_verdict(draw_outcomes(outcome, np.random.default_rng(seed)), draws, delta, error)
            if not verdict:
                raise AssertionError(f"{outcome.__name__}: {verdict}")

        test.__name__, test.__doc__, test.__module__ = outcome.__name__, outcome.__doc__, outcome.__module__
        return test

    return decorate
