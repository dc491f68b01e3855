"""Judging "with probability at least 1 − δ": counts, limits, and what may be concluded.

A claim that holds with probability at least 1 − δ is judged by independent draws. After N draws with k failures the
exact (Clopper–Pearson) limits on the failure probability decide: below δ, *confirmed*; above, *refuted*; else
*undecided*. Draws come in looks of doubling size, and look j may err with probability α/(j(j+1)) only, so that the
verdict, whenever it stops, is wrong with probability at most α (Σ 1/(j(j+1)) = 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scipy import special

from fa_ref._support.checks import as_count, as_number

__all__ = ["ProbabilityVerdict", "clopper_pearson", "sequential_verdict"]

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

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If a number is out of range.

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


@dataclass(frozen=True, kw_only=True)
class ProbabilityVerdict:
    """What draws say about "holds with probability at least 1 − δ"; true if it is confirmed.

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

    Returns
    -------
    ProbabilityVerdict

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
    return ProbabilityVerdict(
        status=status, delta=delta, failures=failures, draws=seen, limits=limits, error=error, needed=needed,
        p_value=p_value,
    )  # fmt: skip


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
