"""Search for a counterexample to a claim, and make it small.

Among cases that meet every hypothesis, the search climbs on the largest lhs/rhs of the claim's
inequalities; among those that do not, on how nearly they do. Each hypothesis and each inequality reports its
margin, so that there is always a direction. Hypothesis' targeting looks over the whole space of cases; from the
best that it finds an evolution strategy goes on, in one group of coordinates at a time: X, the starting weights,
e(0) (and y with it), η, λ(t). What is found is shrunk, and replays bit for bit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem
from fa_ref._support.checks import as_count
from fa_ref._support.storage import read_npz, write_npz
from validation.judge.claims import VIOLATED, Claim, Evidence, Inequality, Verdict
from validation.search.cases import Case
from validation.search.shrinking import shrink

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Counterexample", "falsify", "score"]

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator], Case]
Simulator = Callable[[Case], Evidence]
Value = Callable[[Case], float]

#: (value, rng, evaluations at most) → a good case, its value, evaluations spent.
Start = Callable[[Value, np.random.Generator, int], tuple[Case, float, int]]

#: Evaluations without progress after which the search starts again elsewhere.
PATIENCE = 100

#: A gain below this, relative to the best so far, is no progress: it creeps up on lhs/rhs = 1.
CREEP = 1e-6

#: Draws of a law of which each start takes the best.
STARTS = 8

#: Cases that Hypothesis' targeting tries for each start.
EXAMPLES = 200


@dataclass(frozen=True)
class Counterexample:
    """A case that meets every hypothesis of a claim and violates its conclusion.

    Attributes
    ----------
    claim : str
        Name of the claim.
    case : Case
        What to run.
    residuals : ndarray, shape (m, n)
        What the run recorded.
    failing : str
        Which inequality fails, where, and by how much.
    evaluations : int
        Runs that it took to find it, before shrinking.
    """

    claim: str
    case: Case
    residuals: Array
    failing: str
    evaluations: int

    def __str__(self) -> str:
        return f"{self.claim}: {self.failing} ({self.case})"

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to an ``.npz`` file, complete or not at all."""
        facts = {"claim": self.claim, "failing": self.failing, "evaluations": self.evaluations}
        arrays = {name: np.array(value) for name, value in facts.items()}
        write_npz(path, {**self.case.arrays(), **arrays, "residuals": self.residuals})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Counterexample:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file.
        """
        content = read_npz(path, ("claim", "failing", "evaluations", "residuals"))
        facts = str(content["claim"]), Case.load(path), content["residuals"], str(content["failing"])
        return cls(*facts, int(content["evaluations"]))

    def replays(self, simulate: Simulator = Case.evidence) -> bool:
        """Whether running it again leaves the same bits."""
        again = np.asarray(simulate(self.case).residuals)
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
    """How close to a counterexample: inf if it is one, lhs/rhs where the claim applies, below 0 where not."""
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
    space: Law | SearchStrategy[Case] | None = None,
    *,
    rng: np.random.Generator,
    evaluations: int = 10_000,
    simulate: Simulator = Case.evidence,
    simplify: bool = True,
) -> Counterexample | None:
    """Search for a case that meets every hypothesis of a claim and violates its conclusion.

    Parameters
    ----------
    claim : Claim
        Its hypotheses should be decided ones: one that is only measured is not respected, as it has no threshold.
    space : SearchStrategy or callable, optional
        Where the search starts: a Hypothesis strategy of cases, on which its targeting climbs, or a law,
        Generator → `Case`, of which the best of a few draws is taken, without Hypothesis. If not given,
        `validation.search.strategies.small_cases`, which needs Hypothesis.
    rng : numpy.random.Generator
        The whole search is a function of it (and, with a strategy, of Hypothesis' version).
    evaluations : int, optional
        Runs to spend.
    simulate : callable, optional
        `Case` → `Evidence`; the reference loops if not given.
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
    >>> from validation.search.strategies import small_cases
    >>> found = falsify(claim, small_cases("identity"), rng=np.random.default_rng(0))
    >>> claim.judge(found.case.evidence()).status, found.replays()
    ('violated', True)
    """
    evaluations = as_count("evaluations", evaluations)
    begin = _start(space)

    def value(case: Case) -> float:
        if not case.eta * max(case.lam, default=0.0) < 1:
            return -math.inf  # no ridge step: it cannot be run, so it is no counterexample
        return score(claim.judge(simulate(case)))

    spent = 0
    while spent < evaluations:
        case, best, used = begin(value, rng, evaluations - spent)
        spent, sigma, stale = spent + used, 0.3, 0
        while best < math.inf and stale < PATIENCE and spent < evaluations:
            trial = mutate(case, sigma, rng)
            reached = value(trial)
            spent += 1
            better = reached > best + CREEP * abs(best)
            sigma = min(1.0, 1.5 * sigma) if better else max(1e-3, 0.9 * sigma)  # the one-fifth rule, roughly
            stale = 0 if better else stale + 1
            if reached >= best:
                case, best = trial, reached
        if best == math.inf:
            if simplify:
                case = shrink(case, lambda trial: value(trial) == math.inf)
            return _counterexample(claim, case, simulate, spent)
    return None


def _start(space: Law | SearchStrategy[Case] | None) -> Start:
    """The global phase of the search."""
    if space is not None and callable(space):
        return functools.partial(_best_draw, space)
    try:
        from validation.search import strategies
    except ModuleNotFoundError as error:
        message = "space: expected a law where Hypothesis is not installed (pip install hypothesis)"
        raise ModuleNotFoundError(message) from error
    return functools.partial(_targeted, strategies.small_cases() if space is None else space)


def _best_draw(law: Law, value: Value, rng: np.random.Generator, most: int) -> tuple[Case, float, int]:
    starts = [law(rng) for _ in range(min(STARTS, most))]
    values = [value(start) for start in starts]
    return starts[int(np.argmax(values))], max(values), len(starts)


def _targeted(
    space: SearchStrategy[Case], value: Value, rng: np.random.Generator, most: int
) -> tuple[Case, float, int]:
    from validation.search.targeting import climb

    return climb(value, space, rng, examples=min(EXAMPLES, most))


def _counterexample(claim: Claim, case: Case, simulate: Simulator, spent: int) -> Counterexample:
    evidence = simulate(case)
    failing = claim.judge(evidence).worst_words
    return Counterexample(claim.name, case, np.array(evidence.residuals), failing, spent)


def mutate(case: Case, sigma: float, rng: np.random.Generator) -> Case:
    """Move one group of coordinates by about ``sigma``, relative to their size; e(0) stays unless it moves."""
    problem, network = case.problem, case.network
    e = network.output(problem.X, case.activation) - problem.y
    X, W, beta, b, eta, lam = problem.X, network.W, network.beta, network.b, case.eta, np.asarray(case.lam)
    group = rng.choice(["X", "weights", "residual", "eta", "ridge"])

    def moved(array: Any) -> Array:
        size = float(np.sqrt(np.mean(np.square(array))))
        return np.asarray(array + sigma * size * rng.standard_normal(np.shape(array)), dtype=np.float64)

    # Now and then a leap: lhs/rhs → 1 as η → 0, a false summit that small moves do not leave.
    factor = 10 ** rng.uniform(-3, 3) if rng.random() < 0.4 else math.exp(2.0 * sigma * rng.standard_normal())
    if group == "X":
        X = min(factor, 3.0 / np.abs(X).max()) * moved(
            X
        )  # a larger X saturates ψ, and takes long to integrate over
    elif group == "weights":
        W, beta, b = moved(W), moved(beta), moved(b)
    elif group == "residual":
        e = factor * moved(e)
    elif group == "eta":
        eta = eta * factor
    elif lam.size:
        lam = lam * factor
    lam = np.minimum(lam, 0.999 / eta)  # a step with ηλ ≥ 1 is no ridge step
    moved_network = Network(W, beta, b)
    y = moved_network.output(X, case.activation) - e
    return replace(case, problem=Problem(X, y), network=moved_network, eta=eta, lam=lam)
