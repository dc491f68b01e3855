"""Judging "with probability at least 1 − δ": counts, limits, and what may be concluded.

A claim that holds with probability at least 1 − δ is judged by independent draws. After N draws with k failures the
exact (Clopper–Pearson) limits on the failure probability decide: below δ, *confirmed*; above, *refuted*; else
*undecided*. Draws come in looks of doubling size, and look j may err with probability α/(j(j+1)) only, so that the
verdict, whenever it stops, is wrong with probability at most α (Σ 1/(j(j+1)) = 1).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fa_ref._support.checks import as_array, as_count, as_number

__all__ = [
    "ProbabilityVerdict",
    "check",
    "clopper_pearson",
    "combine",
    "draw_outcomes",
    "holds_with_probability",
    "holm",
    "holm_adjusted",
    "sequential_verdict",
]

Array = NDArray[np.float64]
Outcome = Callable[[np.random.Generator], bool]

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"

FIRST_LOOK = 32


def clopper_pearson(failures: int, draws: int, error: float) -> tuple[float, float]:
    """Exact limits on a probability: each side is wrong with probability at most error/2.

    Parameters
    ----------
    failures, draws : int
        How often it happened, out of how many independent draws.
    error : float
        Probability that the interval misses the truth, in (0, 1).

    Examples
    --------
    >>> low, high = clopper_pearson(0, 100, error=0.05)
    >>> low, round(high, 6)  # 1 − 0.025^(1/100)
    (0.0, 0.036217)
    """
    failures, draws = as_count("failures", failures, at_least=0), as_count("draws", draws)
    error = as_number("error", error, above=0, below=1)
    if failures > draws:
        raise ValueError(f"failures: expected at most {draws}, the number of draws, got {failures}")
    low = special.betaincinv(failures, draws - failures + 1, error / 2) if failures > 0 else 0.0
    high = special.betainccinv(failures + 1, draws - failures, error / 2) if failures < draws else 1.0
    return float(low), float(high)


@dataclass(frozen=True)
class ProbabilityVerdict:
    """What draws say about "holds with probability at least 1 − δ".

    Attributes
    ----------
    status : {"confirmed", "refuted", "undecided"}
        Undecided is a result: see ``needed``.
    delta : float
        The failure probability that the claim allows.
    failures, draws : int
        What was seen.
    limits : tuple of float
        On the failure probability, at the error level of the last look.
    error : float
        Probability that a decided verdict is wrong, over all looks together.
    needed : int
        Further draws that would decide if failures kept coming at the rate seen; 0 once decided. A rate that is δ
        itself is never decided: then it is −1.
    p_value : float
        Smallest ``error`` at which these looks would have decided: the probability of being misled, all looks
        counted.
    """

    status: str
    delta: float
    failures: int
    draws: int
    limits: tuple[float, float]
    error: float
    needed: int
    p_value: float

    def __bool__(self) -> bool:
        return self.status == CONFIRMED

    def __str__(self) -> str:
        low, high = self.limits
        tail = f", {self.needed} more draws needed" if self.needed > 0 else ""
        return (
            f"{self.status}{tail}: {self.failures} failures in {self.draws} draws, failure probability in "
            f"[{low:.3g}, {high:.3g}], δ = {self.delta:g}, error level {self.error:g}"
        )


def _looks(draws: int) -> Iterator[tuple[int, int]]:
    """Pairs (j, N_j): look numbers and the draws made by then, doubling, the last at ``draws``."""
    size, j = min(FIRST_LOOK, draws), 1
    while size < draws:
        yield j, size
        size, j = min(2 * size, draws), j + 1
    yield j, size


def _level(error: float, j: int) -> float:
    return error / (j * (j + 1))


def _needed(rate: float, delta: float, draws: int, error: float) -> int:
    """Draws beyond these after which a failure rate like this one would decide; −1 if not within 2⁴⁰."""
    for j, total in _looks(2**40):
        if total > draws:
            low, high = clopper_pearson(round(rate * total), total, _level(error, j))
            if high <= delta or low > delta:
                return total - draws
    return -1


def sequential_verdict(
    outcomes: Iterator[bool],
    draws: int,
    delta: float,
    error: float = 0.01,
    progress: Callable[[int, int], None] | None = None,
) -> ProbabilityVerdict:
    """Take outcomes (True: it held) until the claim is confirmed or refuted, or ``draws`` are used up.

    Parameters
    ----------
    outcomes : iterator of bool
        Independent draws.
    draws : int
        At most this many.
    delta : float
        Failure probability that the claim allows, in (0, 1).
    error : float, optional
        Probability that a decided verdict is wrong, in (0, 1).
    progress : callable, optional
        Called with (draws made, draws at most) after each.

    Raises
    ------
    ValueError
        If a number is out of range, or the outcomes end before a decision and before ``draws``.

    Examples
    --------
    >>> from itertools import repeat
    >>> verdict = sequential_verdict(repeat(True), 1000, delta=0.1)
    >>> verdict.status, verdict.draws
    ('confirmed', 128)
    >>> sequential_verdict(repeat(False), 1000, delta=0.1).status
    'refuted'
    """
    draws, delta = as_count("draws", draws), as_number("delta", delta, above=0, below=1)
    error = as_number("error", error, above=0, below=1)
    failures, seen, limits, p_value = 0, 0, (0.0, 1.0), 1.0
    status = UNDECIDED
    for j, size in _looks(draws):
        failures += _count_failures(outcomes, size - seen, seen, draws, progress)
        seen = size
        limits = clopper_pearson(failures, seen, _level(error, j))
        tail = min(special.bdtr(failures, seen, delta), special.bdtrc(failures - 1, seen, delta))
        p_value = min(p_value, 2.0 * float(tail) * j * (j + 1))
        if limits[1] <= delta or limits[0] > delta:
            status = CONFIRMED if limits[1] <= delta else REFUTED
            break
    needed = _needed(failures / seen, delta, seen, error) if status == UNDECIDED else 0
    return ProbabilityVerdict(status, delta, failures, seen, limits, error, needed, p_value)


def _count_failures(
    outcomes: Iterator[bool], more: int, seen: int, draws: int, progress: Callable[[int, int], None] | None
) -> int:
    failures = 0
    for k in range(1, more + 1):
        outcome = next(outcomes, None)
        if outcome is None:
            raise ValueError(f"outcomes: expected up to {draws}, got {seen + k - 1}")
        failures += not outcome
        if progress:
            progress(seen + k, draws)
    return failures


def draw_outcomes(
    outcome: Outcome, rng: np.random.Generator, *, jobs: int = 1, batch: int = FIRST_LOOK
) -> Iterator[bool]:
    """Yield ``outcome(generator)`` for ever, each with a generator of its own, spawned from ``rng``.

    The stream is the same for any number of ``jobs``.

    Examples
    --------
    >>> from itertools import islice
    >>> stream = draw_outcomes(lambda g: g.random() < 0.9, np.random.default_rng(0))
    >>> sum(islice(stream, 100))
    92
    """
    with Parallel(n_jobs=jobs) as pool:
        while True:
            yield from (bool(value) for value in pool(delayed(outcome)(child) for child in rng.spawn(batch)))


def check(
    claim: Any,
    law: Callable[[np.random.Generator], Any],
    *,
    draws: int,
    delta: float,
    rng: np.random.Generator,
    error: float = 0.01,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ProbabilityVerdict:
    """Judge that a claim holds with probability at least 1 − δ under a law of evidence.

    Parameters
    ----------
    claim : Claim
        The sheet.
    law : callable
        Generator → `Evidence`: one independent draw of network (and problem, if it is random), trained.
    draws, delta, rng, error, jobs, progress
        As in `sequential_verdict` and `draw_outcomes`.

    Returns
    -------
    ProbabilityVerdict
        A draw on which the claim is not applicable, vacuous or diverged counts as a failure, never as a success.
    """
    stream = draw_outcomes(functools.partial(_holds, claim, law), rng, jobs=jobs)
    return sequential_verdict(stream, draws, delta, error, progress)


def _holds(claim: Any, law: Callable[[np.random.Generator], Any], generator: np.random.Generator) -> bool:
    return bool(claim.judge(law(generator)).status == "holds")


def holds_with_probability(
    probability: float, *, draws: int = 4096, error: float = 1e-6, seed: int = 0
) -> Callable[[Outcome], Callable[[], None]]:
    """Turn a random yes-or-no function into a test that it says yes with at least this probability.

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


def holm_adjusted(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values: at level ``error``, those of the rejected hypotheses are at most that.

    Examples
    --------
    >>> holm_adjusted([0.001, 0.04, 0.03, 0.5])
    array([0.004, 0.09 , 0.09 , 0.5  ])
    """
    values = as_array("p_values", p_values, ndim=1)
    order = np.argsort(values)
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate((values.size - np.arange(values.size)) * values[order])
    return np.minimum(adjusted, 1.0)


def holm(p_values: ArrayLike, error: float) -> NDArray[np.bool_]:
    """Which of several hypotheses to reject so that any false rejection has probability at most ``error`` (Holm).

    Examples
    --------
    >>> holm([0.001, 0.04, 0.03, 0.5], error=0.05)
    array([ True, False, False, False])
    """
    return holm_adjusted(p_values) <= error


def combine(verdicts: Sequence[ProbabilityVerdict], error: float) -> NDArray[np.bool_]:
    """Which verdicts of a grid of settings stand when all are read together.

    Holm's correction, apart for confirmations and for refutations, on p-values that count both sides: any wrong
    verdict among those that stand has probability at most ``error``, whatever the dependence between settings.

    Examples
    --------
    >>> from itertools import repeat
    >>> good = sequential_verdict(repeat(True), 1000, delta=0.1)
    >>> combine([good] * 3, error=0.01)
    array([ True,  True,  True])
    """
    stand = np.zeros(len(verdicts), dtype=bool)
    for status in (CONFIRMED, REFUTED):
        stand |= holm([v.p_value if v.status == status else 1.0 for v in verdicts], error)
    return stand
