"""A claim about trajectories, and the verdict on it.

A theorem says: under these hypotheses, these inequalities hold at every step. A `Claim` says the same to a machine.
It is judged on `Evidence` (recorded arrays, from `fa_ref.train` or from anywhere else), and the
`Verdict` brings with it the margin of every hypothesis and, for every inequality, the step at which it came
closest to failing. The status is

=================  ======================================================================
holds              no hypothesis fails, and every inequality holds at every step judged
violated           no hypothesis fails, and an inequality does
not applicable     a hypothesis fails, so the claim says nothing
diverged           a hypothesis fails, and the run diverged
vacuous            no step could be judged: the bound lies below what rounding can do
=================  ======================================================================

An inequality ``lhs ≤ rhs`` counts as failed only beyond a tolerance for rounding, which comes from
`validation.rounding`, and counts towards "holds" only where ``rhs`` exceeds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref import Network, Problem, Trajectory, schedules
from fa_ref.activations import Activation, resolve
from fa_ref.schedules import Schedule
from theory.kernels import MeanKernel, mean_kernel
from theory.margins import Margin

__all__ = ["Claim", "Evidence", "Inequality", "Verdict"]

Array = NDArray[np.float64]

HOLDS, VIOLATED, NOT_APPLICABLE = "holds", "violated", "not applicable"
DIVERGED, VACUOUS = "diverged", "vacuous"


@dataclass(frozen=True)
class Evidence:
    """What a claim is judged on: a problem and the record of a run.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ.
    eta : float
        Step size in the ½‖e‖² convention.
    times : array_like of int, shape (m,)
        Recorded steps, from 0.
    residuals : array_like, shape (m, n)
        e(t) = f − y.
    ridge : Schedule, optional
        λ(t).
    start : Network, optional
        The weights at t = 0, for hypotheses about them.
    measures : dict of array, optional
        As in `fa_ref.measures`; a claim that needs one which is missing leaves that inequality out.
    diverged_at : int, optional
        The step at which the run diverged.
    kernel : MeanKernel, optional
        Ḡ, if it is known already.

    Examples
    --------
    Arrays from any source will do:

    >>> problem = Problem([[1.0]], [1.0])
    >>> evidence = Evidence(problem, "tanh", 0.1, [0, 1], [[0.5], [0.4]])
    >>> evidence.residual_norms
    array([0.5, 0.4])
    """

    problem: Problem
    activation: str | Activation
    eta: float
    times: ArrayLike
    residuals: ArrayLike
    ridge: Schedule = field(default_factory=schedules.zero)
    start: Network | None = None
    measures: dict[str, Array] = field(default_factory=dict)
    diverged_at: int | None = None
    kernel: MeanKernel | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", resolve(self.activation))
        object.__setattr__(self, "times", np.asarray(self.times, dtype=np.int64))
        object.__setattr__(self, "residuals", np.asarray(self.residuals, dtype=np.float64))
        if np.shape(self.residuals) != (np.size(self.times), self.problem.n):
            expected = (np.size(self.times), self.problem.n)
            raise ValueError(f"residuals: expected shape {expected}, got {np.shape(self.residuals)}")

    @classmethod
    def of(
        cls,
        problem: Problem,
        start: Network,
        activation: str | Activation,
        run: Trajectory,
        *,
        ridge: Schedule | None = None,
        kernel: MeanKernel | None = None,
    ) -> Evidence:
        """Take the evidence from a run of `fa_ref.train`."""
        return cls(
            problem, activation, run.settings["eta"], run.times, run.residuals, ridge or schedules.zero(),
            start, run.measures, run.diverged_at, kernel,
        )  # fmt: skip

    @cached_property
    def residual_norms(self) -> Array:
        """‖e(t)‖ at the recorded steps."""
        return np.linalg.norm(np.asarray(self.residuals), axis=1)

    @cached_property
    def psi(self) -> Activation:
        """The activation itself."""
        return resolve(self.activation)

    @cached_property
    def mean_kernel(self) -> MeanKernel:
        """Ḡ and γ of the problem."""
        return self.kernel if self.kernel is not None else mean_kernel(self.problem.X, self.psi)


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

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """Where the right-hand side is above the tolerance, so that the inequality could fail."""
        return np.asarray(self.rhs > self.tolerance)

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
    def failing(self) -> str:
        """The hypotheses that fail, with their numbers."""
        return "; ".join(str(margin) for margin in self.hypotheses if margin.met is False)

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
            "steps_judged": int(sum(i.judged.sum() for i in self.inequalities)),
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
        Evidence → inequalities. Not called where a hypothesis fails that they need to be written down.

    Examples
    --------
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
            status = VIOLATED
        else:
            status = HOLDS if any(i.judged.any() for i in inequalities) else VACUOUS
        return Verdict(self.name, status, hypotheses, inequalities)
