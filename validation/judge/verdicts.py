"""What a judgement says: its status, every hypothesis with its margin, and every comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fa_ref._support.notebook import html_table, shortened
from fa_ref._support.truth import NoTruthValue
from theory.margins import Margin, failing
from validation.judge.inequalities import Inequality, Unjudged

__all__ = [
    "DIVERGED",
    "HOLDS",
    "NOT_APPLICABLE",
    "UNDECIDED",
    "VACUOUS",
    "VIOLATED",
    "NoTruthValue",
    "Verdict",
    "all_good",
]

HOLDS, VIOLATED, UNDECIDED, NOT_APPLICABLE = "holds", "violated", "undecided", "not applicable"
DIVERGED, VACUOUS = "diverged", "vacuous"


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict:
    """The judgement of one claim on one run; true if the claim holds, and false for every other status.

    Attributes
    ----------
    claim : str
        Name of the claim.
    status : str
        See `validation.judge.claims`.
    hypotheses : tuple of Margin
        Each with its margin; those without a number in the source are measured only.
    inequalities : tuple of Inequality
        What was compared, step by step.
    left_out : tuple of Unjudged, optional
        Conclusions that could not be compared.
    """

    claim: str
    status: str
    hypotheses: tuple[Margin, ...]
    inequalities: tuple[Inequality, ...]
    left_out: tuple[Unjudged, ...] = ()

    def __bool__(self) -> bool:
        return self.status == HOLDS

    @property
    def line(self) -> str:
        """The verdict in one line: what fails, or where it came closest to failing."""
        decided = self.status in (HOLDS, VIOLATED, UNDECIDED)
        return f"{self.claim}: {self.status}: {self.failing if self.failing and not decided else self.worst_words}"

    def __repr__(self) -> str:
        return f"<Verdict: {self.line}>"

    def __str__(self) -> str:
        """At most ten lines: the verdict, then conditions and inequalities, those that fail first."""
        return "\n".join([self.line, *shortened([f"  {name}: {value}" for name, value in self._rows()], 9)])

    def _repr_html_(self) -> str:
        return html_table(self.line, self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        """Conditions and inequalities with their numbers: what fails, then inequalities, then the rest."""
        inequalities = sorted(self.inequalities, key=lambda inequality: inequality.holds)
        rows = [("condition", str(margin)) for margin in self.hypotheses if margin.met is False]
        for inequality in inequalities:
            k = inequality.worst
            closest = f" t = {inequality.times[k]}: {inequality.words(k)}" if k >= 0 else " no step could be judged"
            rows.append(("inequality", f"{inequality.name},{closest}"))
        rows += [("not judged", f"{part.name}: {part.reason}") for part in self.left_out]
        return rows + [("condition", str(margin)) for margin in self.hypotheses if margin.met is not False]

    @property
    def tightest(self) -> Inequality | None:
        """The inequality with the smallest slack; one that fails, if any does."""
        decided = [inequality for inequality in self.inequalities if inequality.worst >= 0]
        return min(decided, key=lambda inequality: (inequality.holds, inequality.slack), default=None)

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The conclusions of which no step could be judged."""
        hidden = [inequality.name for inequality in self.inequalities if not inequality.judged.any()]
        return (*hidden, *(part.name for part in self.left_out))

    @property
    def why_unjudged(self) -> str:
        """Each conclusion that could not be judged, with the reason."""
        hidden = [f"{i.name}: not judged: {i.why_unjudged}" for i in self.inequalities if i.why_unjudged]
        return "; ".join([*hidden, *map(str, self.left_out)])

    @property
    def failing(self) -> str:
        """The hypotheses that fail, with their numbers."""
        return failing(self.hypotheses)

    @property
    def worst_words(self) -> str:
        """Where and by how much the claim came closest to failing, or failed."""
        tightest = self.tightest
        if self.status in (VIOLATED, UNDECIDED) and (tightest is None or tightest.holds):
            return "the run diverged"
        if tightest is None:
            return self.why_unjudged or "no conclusion could be stated"
        k = tightest.worst
        return f"{tightest.name} at t = {tightest.times[k]}: {tightest.words(k)}"

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
            "inequality": tightest.name if tightest is not None else None,
            "slack": tightest.slack if tightest is not None else None,
            "worst_step": int(tightest.times[tightest.worst]) if tightest is not None else None,
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
            "left_out": [{"name": part.name, "reason": part.reason} for part in self.left_out],
        }


def all_good(verdicts: Iterable[Verdict]) -> bool:
    """Whether none is violated and at least one holds: where nothing was judged, nothing is shown.

    Parameters
    ----------
    verdicts : iterable of Verdict

    Returns
    -------
    bool

    Examples
    --------
    >>> held, silent = (Verdict(claim="x", status=s, hypotheses=(), inequalities=()) for s in ("holds", "vacuous"))
    >>> all_good([held, silent]), all_good([silent]), all_good([])
    (True, False, False)
    """
    statuses = [verdict.status for verdict in verdicts]
    return HOLDS in statuses and VIOLATED not in statuses
