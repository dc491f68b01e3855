"""A claim about trajectories, and the verdict on it.

A theorem says: under these hypotheses, these inequalities hold at every step. A `Claim` says the same to a machine.
It is judged on `Evidence` (recorded arrays, from `fa_ref.train` or from anywhere else), and the
`Verdict` brings with it the margin of every hypothesis and, for every inequality, the step at which it came
closest to failing. The status is

=================  ======================================================================
holds              no hypothesis fails, and every inequality holds at every step judged
violated           every hypothesis is met, and an inequality fails: a counterexample
undecided          an inequality fails, but a hypothesis is measured only (the source names no number, as in
                   "p large enough"), so nothing is refuted
not applicable     a hypothesis fails, so the claim says nothing
diverged           a hypothesis fails, and the run diverged
vacuous            no step could be judged: no bound there could have failed
=================  ======================================================================

An inequality ``lhs ≤ rhs`` counts as failed only beyond a tolerance for rounding, which comes from
`validation.judge.rounding`, and counts towards "holds" only where it could have failed: where ``rhs`` exceeds the
tolerance and is less than ``lhs`` could be at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.margins import Margin
from validation.judge.evidence import Evidence

__all__ = ["Claim", "Evidence", "Inequality", "Verdict"]

Array = NDArray[np.float64]

HOLDS, VIOLATED, UNDECIDED, NOT_APPLICABLE = "holds", "violated", "undecided", "not applicable"
DIVERGED, VACUOUS = "diverged", "vacuous"


@dataclass(frozen=True)
class Inequality:
    """lhs(t) ≤ rhs(t) at recorded steps.

    Attributes
    ----------
    name : str
        Which inequality, by its number in the paper.
    times : ndarray of int, shape (m,)
        The steps.
    lhs, rhs : ndarray, shape (m,)
        Both sides.
    tolerance : ndarray, shape (m,)
        How far rounding can move lhs − rhs.
    ceiling : float, optional
        The largest value that ``lhs`` can take at all, such as 1 for a cosine.

    Examples
    --------
    >>> inequality = Inequality("(0)", np.arange(3), np.array([1.0, 2.0, 1.5]), np.full(3, 2.0), np.full(3, 1e-12))
    >>> inequality.holds, inequality.worst, inequality.slack
    (True, 1, 0.0)
    """

    name: str
    times: NDArray[np.int64]
    lhs: Array
    rhs: Array
    tolerance: Array
    ceiling: float = math.inf

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """Where the right-hand side is above the tolerance and below the ceiling: where it could fail."""
        return np.asarray((self.rhs > self.tolerance) & (self.rhs < self.ceiling))

    @cached_property
    def failed(self) -> NDArray[np.bool_]:
        """Where it fails beyond the tolerance; a side that is not a number fails."""
        return np.asarray(~(self.lhs <= self.rhs + self.tolerance))

    @property
    def holds(self) -> bool:
        """Whether it fails nowhere."""
        return not self.failed.any()

    @cached_property
    def margins(self) -> Array:
        """Signed relative margins (rhs − lhs)/|rhs|, negative where lhs > rhs; NaN where nothing was decided."""
        margins, decided = np.full(self.rhs.shape, np.nan), self.judged | self.failed
        rhs, lhs = self.rhs[decided], self.lhs[decided]
        margins[decided] = (rhs - lhs) / np.where(rhs != 0.0, np.abs(rhs), 1.0)
        return margins

    @property
    def worst(self) -> int:
        """Index of the smallest margin; −1 if no step was decided."""
        if np.isnan(self.margins).all():
            return int(np.argmax(self.failed)) if self.failed.any() else -1
        return int(np.nanargmin(self.margins))

    @property
    def slack(self) -> float:
        """The smallest margin; NaN if no step was decided."""
        return float(self.margins[self.worst]) if self.worst >= 0 else float("nan")


@dataclass(frozen=True)
class Verdict:
    """The judgement of one claim on one run.

    Attributes
    ----------
    claim : str
        Name of the claim.
    status : str
        See the head of this module.
    hypotheses : tuple of Margin
        Each with its margin; those without a number in the source are measured only.
    inequalities : tuple of Inequality
        What was compared, step by step.
    """

    claim: str
    status: str
    hypotheses: tuple[Margin, ...]
    inequalities: tuple[Inequality, ...]

    @property
    def tightest(self) -> Inequality | None:
        """The inequality with the smallest slack."""
        judged = [inequality for inequality in self.inequalities if inequality.worst >= 0]
        return min(judged, key=lambda inequality: (inequality.holds, inequality.slack), default=None)

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The inequalities of which no step could be judged: rounding alone could hide a failure there."""
        return tuple(inequality.name for inequality in self.inequalities if not inequality.judged.any())

    @property
    def failing(self) -> str:
        """The hypotheses that fail, with their numbers."""
        return "; ".join(str(margin) for margin in self.hypotheses if margin.met is False)

    @property
    def worst_words(self) -> str:
        """Where and by how much the claim came closest to failing, or failed."""
        tightest = self.tightest
        if tightest is None or tightest.worst < 0:
            return "the run diverged" if self.status in (VIOLATED, UNDECIDED) else "no step could be judged"
        k = tightest.worst
        relation = "≤" if not tightest.failed[k] else ">"
        sides = f"{tightest.lhs[k]:.6g} {relation} {tightest.rhs[k]:.6g}"
        return f"{tightest.name} at t = {tightest.times[k]}: {sides}"

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict in plain types, for JSON."""
        tightest = self.tightest
        return {
            "claim": self.claim,
            "status": self.status,
            "hypotheses": [
                {"name": m.name, "value": m.value, "relation": m.relation, "threshold": m.threshold, "met": m.met}
                for m in self.hypotheses
            ],
            "inequality": tightest.name if tightest else None,
            "slack": tightest.slack if tightest else None,
            "worst_step": int(tightest.times[tightest.worst]) if tightest else None,
            "conclusions_held": all(i.holds for i in self.inequalities) if self.inequalities else None,
            "inequalities": [
                {
                    "name": i.name,
                    "holds": i.holds,
                    "slack": i.slack,
                    "judged": int(i.judged.sum()),
                    "of": i.judged.size,
                }
                for i in self.inequalities
            ],
        }


@dataclass(frozen=True)
class Claim:
    """A theorem as a sheet: hypotheses, and the inequalities that follow from them.

    Attributes
    ----------
    name : str
        As in the paper.
    statement : str
        The claim in mathematics.
    source : str
        Theorem and equation numbers.
    kind : {"TIGHT", "UPPER", "LOWER", "ASYMPTOTIC"}
        What the bound claims to be.
    hypotheses : callable
        Evidence → margins of the hypotheses.
    conclusions : callable
        Evidence → inequalities; none where they cannot be written down (γ = 0, say).

    Examples
    --------
    >>> from fa_ref import Problem
    >>> decreasing = Claim(
    ...     "monotone", "‖e(t+1)‖ ≤ ‖e(t)‖", "folklore", "UPPER",
    ...     hypotheses=lambda evidence: (Margin("η", evidence.eta, 1.0, "≤"),),
    ...     conclusions=lambda evidence: (
    ...         Inequality("norms", evidence.times[1:], evidence.residual_norms[1:],
    ...                    evidence.residual_norms[:-1], np.full(1, 1e-15)),
    ...     ),
    ... )
    >>> problem = Problem([[1.0]], [1.0])
    >>> decreasing.judge(Evidence(problem, "tanh", 0.1, [0, 1], [[0.5], [0.4]])).status
    'holds'
    >>> decreasing.judge(Evidence(problem, "tanh", 0.1, [0, 1], [[0.5], [0.6]])).status
    'violated'
    >>> decreasing.judge(Evidence(problem, "tanh", 2.0, [0, 1], [[0.5], [0.6]])).status
    'not applicable'
    """

    name: str
    statement: str
    source: str
    kind: str
    hypotheses: Callable[[Evidence], tuple[Margin, ...]]
    conclusions: Callable[[Evidence], tuple[Inequality, ...]]

    def judge(self, evidence: Evidence) -> Verdict:
        """Decide the claim on this evidence."""
        hypotheses = self.hypotheses(evidence)
        failed = any(margin.met is False for margin in hypotheses)
        inequalities = self.conclusions(evidence)
        if failed:
            status = DIVERGED if evidence.diverged_at is not None else NOT_APPLICABLE
        elif evidence.diverged_at is not None or not all(i.holds for i in inequalities):
            status = VIOLATED if all(margin.met for margin in hypotheses) else UNDECIDED
        else:
            status = HOLDS if any(i.judged.any() for i in inequalities) else VACUOUS
        return Verdict(self.name, status, hypotheses, inequalities)

    def decided(self) -> Claim:
        """The claim with its open hypotheses dropped: a failure then violates this stronger claim."""

        def closed(evidence: Evidence) -> tuple[Margin, ...]:
            return tuple(margin for margin in self.hypotheses(evidence) if margin.met is not None)

        return replace(self, name=f"{self.name} at any width", hypotheses=closed)

    def without(self, *names: str) -> Claim:
        """The claim with these hypotheses dropped, by name: what it would say if they were not needed.

        Raises
        ------
        ValueError
            When it is judged, if it has no hypothesis of that name.

        Examples
        --------
        >>> from validation.theorems import theorem_3_2
        >>> theorem_3_2.CLAIM.without("ηnB0²").name
        'Theorem 3.2 without ηnB0²'
        """

        def fewer(evidence: Evidence) -> tuple[Margin, ...]:
            margins = self.hypotheses(evidence)
            missing = set(names) - {margin.name for margin in margins}
            if missing:
                known = ", ".join(margin.name for margin in margins)
                raise ValueError(f"names: expected hypotheses among {known}, got {', '.join(sorted(missing))}")
            return tuple(margin for margin in margins if margin.name not in names)

        return replace(self, name=f"{self.name} without {', '.join(names)}", hypotheses=fewer)
