"""A claim about trajectories, to be judged on a run.

A theorem says: under these hypotheses, these inequalities hold at every step. A `Claim` says the same to a machine.
It is judged on a run (of `fa_ref.train` or recorded anywhere else), and the `Verdict` brings with it the margin of
every hypothesis and, for every inequality, the step at which it came closest to failing. The status is

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
`validation.judge.rounding`, and counts towards "holds" only where it could have failed and rounding does not hide
that. A verdict is true where it says "holds", and only there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from fa_ref import Trajectory
from fa_ref.trajectory import NotRecordedError
from theory.margins import Margin
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.record import has_diverged
from validation.judge.verdicts import (
    DIVERGED,
    HOLDS,
    NOT_APPLICABLE,
    UNDECIDED,
    VACUOUS,
    VIOLATED,
    Verdict,
)

__all__ = ["Claim", "Conclusion", "Inequality", "Unjudged", "Verdict"]

Conclusion = Inequality | Unjudged


class Claim(ABC):
    """A theorem as a sheet: hypotheses, and the inequalities that follow from them.

    A sheet is a subclass with a ``name``, the ``statement`` in mathematics, its ``source`` (theorem and equation
    numbers), and the methods `hypotheses` and `conclusions`.

    Examples
    --------
    >>> from fa_ref import Problem, Setting
    >>> class Monotone(Claim):
    ...     name, statement, source = "monotone", "‖e(t+1)‖ ≤ ‖e(t)‖", "folklore"
    ...     def hypotheses(self, run):
    ...         return (Margin("η", run.setting.eta, 1.0, "≤"),)
    ...     def conclusions(self, run):
    ...         norms = run.residual_norms
    ...         return (Inequality("norms", run.times[1:], norms[1:], norms[:-1], 1e-15),)
    >>> setting = Setting(Problem([[1.0]], [1.0]), None, "tanh", eta=0.1)
    >>> Monotone().judge(Trajectory.recorded(setting, [0, 1], [[0.5], [0.4]])).status
    'holds'
    >>> Monotone().judge(Trajectory.recorded(setting, [0, 1], [[0.5], [0.6]])).status
    'violated'
    >>> Monotone().judge(Trajectory.recorded(setting.replace(eta=2.0), [0, 1], [[0.5], [0.6]])).status
    'not applicable'
    """

    name: str
    statement: str
    source: str

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for field in ("name", "statement", "source"):
            value = getattr(cls, field, None)
            if not (isinstance(value, property) or (isinstance(value, str) and value)):
                raise TypeError(f"{field}: expected text in the body of {cls.__name__}, got {value!r}")

    @abstractmethod
    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Return every hypothesis with its margin."""

    @abstractmethod
    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Return the inequalities; none where they cannot be written down (γ = 0, say)."""

    def judge(self, run: Trajectory) -> Verdict:
        """Decide the claim on this run.

        Raises
        ------
        TypeError
            If the sheet returns something else than margins and inequalities.
        """
        if not isinstance(run, Trajectory):
            raise TypeError(f"run: expected a Trajectory, got {run!r:.60}")
        hypotheses = self.hypotheses(run)
        try:
            parts = self.conclusions(run)
        except NotRecordedError as error:
            parts = (Unjudged("conclusions", str(error)),)
        _check("hypotheses", hypotheses, Margin)
        _check("conclusions", parts, Inequality, Unjudged)
        inequalities = tuple(part for part in parts if isinstance(part, Inequality))
        left_out = tuple(part for part in parts if isinstance(part, Unjudged))
        diverged = has_diverged(run)
        if any(margin.met is False for margin in hypotheses):
            status = DIVERGED if diverged else NOT_APPLICABLE
        elif diverged or not all(i.holds for i in inequalities):
            status = VIOLATED if all(margin.met for margin in hypotheses) else UNDECIDED
        else:
            status = HOLDS if any(i.judged.any() for i in inequalities) else VACUOUS
        return Verdict(
            claim=self.name, status=status, hypotheses=hypotheses, inequalities=inequalities, left_out=left_out
        )

    def decided(self) -> Claim:
        """The claim with its open hypotheses dropped: a failure then violates this stronger claim."""
        return Decided(self)

    def without(self, *names: str) -> Claim:
        """The claim with these hypotheses dropped, by name: what it would say if they were not needed.

        Raises
        ------
        ValueError
            When it is judged, if it has no hypothesis of that name.

        Examples
        --------
        >>> from validation import theorem_3_2
        >>> theorem_3_2.without("ηnB0²").name
        'Theorem 3.2 without ηnB0²'
        """
        return Without(self, names)

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self.name}: expected .judge(run) to be asked for, got a claim by itself, which has no truth value"
        )

    def __repr__(self) -> str:
        return f"<claim: {self.name}>"


def _check(name: str, parts: Any, *kinds: type) -> None:
    if not isinstance(parts, tuple) or not all(isinstance(part, kinds) for part in parts):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{name}: expected a tuple of {expected}, got {parts!r:.80}")


@dataclass(frozen=True, repr=False)
class Derived(Claim):
    """A claim that differs from another one in what a subclass says."""

    base: Claim

    @property
    def name(self) -> str:  # type: ignore[override]
        """As the claim that it comes from."""
        return self.base.name

    @property
    def statement(self) -> str:  # type: ignore[override]
        """As the claim that it comes from."""
        return self.base.statement

    @property
    def source(self) -> str:  # type: ignore[override]
        """As the claim that it comes from."""
        return self.base.source

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """As the claim that it comes from."""
        return self.base.hypotheses(run)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """As the claim that it comes from."""
        return self.base.conclusions(run)


@dataclass(frozen=True, repr=False)
class Decided(Derived):
    """A claim without the hypotheses that have no number."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """Says what is dropped."""
        return f"{self.base.name} at any width"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those with a number."""
        return tuple(margin for margin in self.base.hypotheses(run) if margin.met is not None)


@dataclass(frozen=True, repr=False)
class Without(Derived):
    """A claim without some hypotheses, by name."""

    dropped: tuple[str, ...]

    @property
    def name(self) -> str:  # type: ignore[override]
        """Says what is dropped."""
        return f"{self.base.name} without {', '.join(self.dropped)}"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The others."""
        margins = self.base.hypotheses(run)
        missing = set(self.dropped) - {margin.name for margin in margins}
        if missing:
            known = ", ".join(margin.name for margin in margins)
            raise ValueError(f"names: expected hypotheses among {known}, got {', '.join(sorted(missing))}")
        return tuple(margin for margin in margins if margin.name not in self.dropped)
