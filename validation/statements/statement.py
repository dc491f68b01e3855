"""A statement of the paper, and what the main job finds of it: a verdict, its margin, and the number behind it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fa_ref import Trajectory
from fa_ref._support.notebook import html_table
from validation.judge.claims import Claim
from validation.judge.probability import ProbabilityVerdict
from validation.judge.verdicts import HOLDS, NOT_APPLICABLE, Verdict
from validation.statements.inputs import Inputs

__all__ = ["DELTA", "ERROR", "Finding", "Law", "Number", "Options", "Statement"]

Progress = Callable[[str], None]
Watch = Callable[[str, str, Trajectory], None]
Law = Callable[[np.random.Generator], Trajectory]

#: Probability that a verdict on draws is wrong, for each of them.
ERROR = 0.01

#: The probability of failure that a claim "with high probability" is judged at.
DELTA = 0.25


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number behind a statement, and how it is known.

    Attributes
    ----------
    symbol : str
        What it is.
    value : float
        The number; NaN where there is none.
    kind : {"proved", "observed", "limit"}
        Proved for this problem; observed on these runs; or the limit as p → ∞.
    note : str, optional
        What else it takes to read it.

    Examples
    --------
    >>> print(Number(symbol="γ ≥", value=0.0123456, kind="proved"))
    γ ≥ 0.01235 proved
    """

    symbol: str
    value: float
    kind: Literal["proved", "observed", "limit"]
    note: str = ""

    def __str__(self) -> str:
        value = "none" if math.isnan(self.value) else f"{self.value:.4g}"
        return f"{self.symbol} {value} {self.kind}"

    @property
    def brief(self) -> str:
        """The same in three digits, for a narrow table."""
        value = "none" if math.isnan(self.value) else f"{self.value:.3g}"
        return f"{self.symbol} {value} {self.kind}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON; NaN becomes None."""
        value = None if math.isnan(self.value) else self.value
        return {"symbol": self.symbol, "value": value, "kind": self.kind, "note": self.note}


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much the main job does.

    Attributes
    ----------
    seed : int
        All draws come from it.
    draws : int
        At most so many networks, or inputs, for a claim of probability.
    evaluations : float
        Of ψ, in the draws of one statement: a large table gets fewer draws, at least 4.
    steps : int
        Steps of a run.
    width : int, optional
        Of the networks for Theorems 3.2, 4.2, 4.3, 4.6 and large samples, in place of the statement's own.
    broken : bool
        Whether to run every statement's negative control in its place.
    progress : callable, optional
        Called with what is being done.
    watch : callable, optional
        Called with the statement's number, the inputs' name and the run, for every run of Theorems 4.2, 4.3, 4.6.
    """

    seed: int = 0
    draws: int = 32
    evaluations: float = 1.2e9
    steps: int = 300
    width: int | None = None
    broken: bool = False
    progress: Progress = lambda _: None
    watch: Watch | None = None

    def rng(self, number: str, inputs: Inputs) -> np.random.Generator:
        """The generator of one statement on one set of inputs: no other statement changes what it draws."""
        key = [*number.encode(), 0, *inputs.name.encode()]
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def watched(self, number: str, inputs: Inputs, law: Law) -> Law:
        """The same law, which shows ``watch`` every run that it draws."""
        watch = self.watch
        if watch is None:
            return law

        def draw(rng: np.random.Generator) -> Trajectory:
            run = law(rng)
            watch(number, inputs.name, run)
            return run

        return draw


@dataclass(frozen=True, kw_only=True, repr=False)
class Finding:
    """What was found of one statement on one set of inputs; true if it holds.

    Attributes
    ----------
    number, title : str
        Of the statement.
    general : bool
        Whether the statement does not depend on the inputs at hand.
    inputs : str
        Name of the inputs.
    status : str
        As in `validation.judge.claims`.
    confidence : str
        For a claim of probability: what the draws show, and at which level.
    slack : float
        The smallest margin of a conclusion, relative to its bound; NaN where no bound was compared.
    where : str
        The inequality and the step at which it was smallest.
    numbers : tuple of Number
        What stands behind the statement.
    remarks : tuple of str
        Why it is not decided or does not apply.
    remedies : tuple of str
        What in the data stands in the way, and what would help.
    verdict : Verdict or None
        Of the first run, with all hypotheses' margins.
    runs : tuple of Trajectory
        What was run first, for the plots.
    probability : ProbabilityVerdict or None
        Of all draws.
    """

    number: str
    title: str
    inputs: str
    status: str
    confidence: str = ""
    slack: float = math.nan
    where: str = ""
    numbers: tuple[Number, ...] = ()
    remarks: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    verdict: Verdict | None = None
    runs: tuple[Trajectory, ...] = ()
    probability: ProbabilityVerdict | None = None
    general: bool = False

    def __bool__(self) -> bool:
        return self.status == HOLDS

    @property
    def line(self) -> str:
        """The finding in one line."""
        said = "; ".join(part for part in (self.confidence, self.where, *self.remarks) if part)
        return f"{self.title}, {self.inputs}: {self.status}{': ' if said else ''}{said}"

    def __repr__(self) -> str:
        return f"<Finding: {self.line}>"

    def __str__(self) -> str:
        return "\n".join([self.line, *(f"  {number}" for number in self.numbers)])

    def _repr_html_(self) -> str:
        return html_table(
            self.line, [(number.symbol, f"{number} {number.note}".strip()) for number in self.numbers]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        return {
            "statement": self.number, "title": self.title, "inputs": self.inputs, "status": self.status,
            "confidence": self.confidence, "slack": None if math.isnan(self.slack) else self.slack,
            "where": self.where, "numbers": [number.to_dict() for number in self.numbers],
            "remarks": list(self.remarks), "remedies": list(self.remedies),
            "verdict": self.verdict.to_dict() if self.verdict is not None else None,
            "settings": [run.describe() | {"digest": run.setting.digest()} for run in self.runs],
        }  # fmt: skip


class Statement(ABC):
    """One statement of the paper, as the main job goes through them.

    A subclass says what is printed and what should be read, and checks it on `Inputs`.

    Attributes
    ----------
    number : str
        As one would ask for it: "3.2", "A3.1", "schedules".
    title : str
        In a few words, for the table.
    source : str
        "as printed", or where the statement is from, if it is not the paper's.
    printed, corrected : str
        LaTeX in Markdown: as the paper prints it, and as it should be read (empty if that is the same).
    assumptions : str
        LaTeX in Markdown: its hypotheses; a sheet decides them on a run, each with its margin.
    control : str
        What its negative control changes.
    errata : tuple of str
        Numbers of the errata that speak of it.
    claim : Claim or None
        Its sheet, whose hypotheses can be dropped one by one.
    general : bool
        Whether it speaks of random inputs, or inputs of its own, rather than of those at hand.
    """

    number: str
    title: str
    source: str = "as printed"
    printed: str
    assumptions: str
    corrected: str = ""
    control: str
    errata: tuple[str, ...] = ()
    claim: Claim | None = None
    general: bool = False

    @abstractmethod
    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Find what holds of it on these inputs; with ``options.broken``, of its negative control."""

    def finding(self, inputs: Inputs, status: str, **found: Any) -> Finding:
        """Return a finding of this statement."""
        named: dict[str, Any] = {
            "number": self.number,
            "title": self.title,
            "inputs": inputs.name,
            "general": self.general,
        }
        return Finding(**named, status=status, **found)

    def silent(self, inputs: Inputs, *remarks: str) -> Finding:
        """Return that the statement does not apply, and why."""
        return self.finding(inputs, NOT_APPLICABLE, remarks=remarks)
