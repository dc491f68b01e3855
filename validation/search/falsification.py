"""Search for a counterexample to a claim, and make it small.

Among settings that meet every hypothesis, the search climbs on the largest lhs/rhs of the claim's
inequalities; among those that do not, on how nearly they do. Each hypothesis and each inequality reports its
margin, so that there is always a direction. Hypothesis' targeting looks over the whole space of settings; from the
best that it finds an evolution strategy goes on, in one group of coordinates at a time: X, the starting weights,
e(0) (and y with it), η, λ(t). What is found is shrunk, and replays bit for bit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fa_ref import Setting, Trajectory
from fa_ref._support.checks import as_count
from fa_ref._support.storage import read_npz, write_npz
from fa_ref.activations import Activation
from validation.judge.claims import Claim
from validation.judge.inequalities import Inequality
from validation.judge.record import reference_run
from validation.judge.verdicts import VIOLATED, Verdict
from validation.search.moves import mutate
from validation.search.shrinking import shrink

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Counterexample", "falsify", "score"]

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator], Setting]
Simulator = Callable[[Setting, int], Trajectory]
Value = Callable[[Setting], float]

#: (value, rng, evaluations at most) → a good setting, its value, evaluations spent.
Start = Callable[[Value, np.random.Generator, int], tuple[Setting, float, int]]

#: Evaluations without progress after which the search starts again elsewhere.
PATIENCE = 100

#: A gain below this, relative to the best so far, is no progress: it creeps up on lhs/rhs = 1.
CREEP = 1e-6

#: Draws of a law of which each start takes the best.
STARTS = 8

#: Settings that Hypothesis' targeting tries for each start.
EXAMPLES = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterexample:
    """A setting that meets every hypothesis of a claim and violates its conclusion; always true, as it was found.

    Attributes
    ----------
    claim : str
        Name of the claim.
    setting : Setting
        What to run.
    steps : int
        For how long.
    residuals : ndarray, shape (m, n)
        What the run recorded.
    failing : str
        Which inequality fails, where, and by how much.
    evaluations : int
        Runs that it took to find it, before shrinking.
    """

    claim: str
    setting: Setting
    steps: int
    residuals: Array
    failing: str
    evaluations: int

    def __str__(self) -> str:
        return f"{self.claim}: {self.failing} ({self.setting}, {self.steps} steps)"

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to an ``.npz`` file, complete or not at all."""
        facts = {name: np.array(getattr(self, name)) for name in ("claim", "steps", "failing", "evaluations")}
        write_npz(path, {**self.setting.content(), **facts, "residuals": self.residuals})

    @classmethod
    def load(cls, path: str | PathLike[str], activation: Activation | None = None) -> Counterexample:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.
        activation : Activation, optional
            ψ, needed where it was a user's own: code is not stored.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file.
        """
        content = read_npz(path, ("claim", "steps", "failing", "evaluations", "residuals"))
        return cls(
            claim=str(content["claim"]), setting=Setting.load(path, activation),
            steps=int(content["steps"]), residuals=content["residuals"],
            failing=str(content["failing"]), evaluations=int(content["evaluations"]),
        )  # fmt: skip

    def replays(self, simulate: Simulator = reference_run) -> bool:
        """Whether running it again leaves the same bits."""
        again = simulate(self.setting, self.steps).residuals
        return again.shape == self.residuals.shape and again.tobytes() == self.residuals.tobytes()


def ratio(inequality: Inequality) -> float:
    """Return the largest (lhs − tolerance)/rhs at the steps judged; 0 if there is none.

    Examples
    --------
    >>> ratio(Inequality("x", np.arange(2), np.array([1.0, 3.0]), np.array([2.0, 4.0]), np.zeros(2)))
    0.75
    """
    judged = inequality.judged
    if not judged.any():
        return 0.0
    return float(np.max((inequality.lhs[judged] - inequality.tolerance[judged]) / inequality.rhs[judged]))


def score(verdict: Verdict) -> float:
    """How close to a counterexample: inf if it is one, lhs/rhs where the claim applies, below 0 where not.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    float

    Examples
    --------
    >>> score(Verdict(claim="x", status="violated", hypotheses=(), inequalities=()))
    inf
    """
    if verdict.status == VIOLATED:
        return math.inf
    missing = 0.0
    for margin in verdict.hypotheses:
        if margin.met is False:
            distance = abs(margin.slack) / (abs(margin.threshold or 0.0) or 1.0)
            missing += 1.0 + (math.asinh(distance) if math.isfinite(distance) else 1e3)
    return -missing if missing > 0 else max(map(ratio, verdict.inequalities), default=0.0)


def falsify(
    claim: Claim,
    space: Law | SearchStrategy[Setting] | None = None,
    *,
    rng: np.random.Generator,
    steps: int = 20,
    evaluations: int = 10_000,
    simulate: Simulator = reference_run,
    simplify: bool = True,
) -> Counterexample | None:
    """Search for a setting that meets every hypothesis of a claim and violates its conclusion.

    Parameters
    ----------
    claim : Claim
        Its hypotheses should be decided ones: one that is only measured is not respected, as it has no threshold.
    space : SearchStrategy or callable, optional
        Where the search starts: a Hypothesis strategy of settings, on which its targeting climbs, or a law,
        Generator → `Setting`, of which the best of a few draws is taken, without Hypothesis. If not given,
        `validation.search.strategies.small_settings`, which needs Hypothesis.
    rng : numpy.random.Generator
        The whole search is a function of it (and, with a strategy, of Hypothesis' version).
    steps : int, optional
        Of each run.
    evaluations : int, optional
        Runs to spend.
    simulate : callable, optional
        (`Setting`, steps) → `Trajectory`; the reference loops if not given.
    simplify : bool, optional
        Whether to shrink what is found.

    Returns
    -------
    Counterexample or None
        None says that none was found, not that there is none.

    Raises
    ------
    ModuleNotFoundError
        If no ``space`` is given and Hypothesis is not installed.

    Examples
    --------
    Theorem 4.3 without its step-size clause:

    >>> from validation.theorems import explicit
    >>> claim = explicit.LINEAR.without(explicit.STEP)
    >>> from validation.search.strategies import small_settings
    >>> found = falsify(claim, small_settings("identity"), rng=np.random.default_rng(0))
    >>> claim.judge(reference_run(found.setting, found.steps)).status, found.replays()
    ('violated', True)
    """
    evaluations, steps = as_count("evaluations", evaluations), as_count("steps", steps)
    begin = _start(space)

    def value(setting: Setting, steps: int = steps) -> float:
        return score(claim.judge(simulate(setting, steps)))

    spent = 0
    while spent < evaluations:
        setting, best, used = begin(value, rng, evaluations - spent)
        setting, best, used = _climb(setting, best, value, steps, rng, evaluations - spent, used)
        spent += used
        if best == math.inf:
            if simplify:
                setting, steps = shrink(setting, steps, lambda trial, fewer: value(trial, fewer) == math.inf)
            run = simulate(setting, steps)
            return Counterexample(
                claim=claim.name, setting=setting, steps=steps, residuals=np.array(run.residuals),
                failing=claim.judge(run).worst_words, evaluations=spent,
            )  # fmt: skip
    return None


def _climb(
    setting: Setting, best: float, value: Value, steps: int, rng: np.random.Generator, most: int, spent: int
) -> tuple[Setting, float, int]:
    """An evolution strategy from one start, until it finds something, stalls, or ``most`` runs are spent."""
    sigma, stale = 0.3, 0
    while best < math.inf and stale < PATIENCE and spent < most:
        trial = mutate(setting, steps, sigma, rng)
        reached = value(trial)
        spent += 1
        better = reached > best + CREEP * abs(best)
        sigma = min(1.0, 1.5 * sigma) if better else max(1e-3, 0.9 * sigma)  # the one-fifth rule, roughly
        stale = 0 if better else stale + 1
        if reached >= best:
            setting, best = trial, reached
    return setting, best, spent


def _start(space: Law | SearchStrategy[Setting] | None) -> Start:
    """The global phase of the search."""
    if space is not None and callable(space):
        return functools.partial(_best_draw, space)
    try:
        from validation.search import strategies
    except ModuleNotFoundError as error:
        message = "space: expected a law where Hypothesis is not installed (pip install hypothesis)"
        raise ModuleNotFoundError(message) from error
    return functools.partial(_targeted, strategies.small_settings() if space is None else space)


def _best_draw(law: Law, value: Value, rng: np.random.Generator, most: int) -> tuple[Setting, float, int]:
    starts = [law(rng) for _ in range(min(STARTS, most))]
    values = [value(start) for start in starts]
    return starts[int(np.argmax(values))], max(values), len(starts)


def _targeted(
    space: SearchStrategy[Setting], value: Value, rng: np.random.Generator, most: int
) -> tuple[Setting, float, int]:
    from validation.search.targeting import climb

    return climb(value, space, rng, examples=min(EXAMPLES, most))
