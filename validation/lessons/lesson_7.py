"""Lesson 7: a claim of one's own, tested, falsified, shrunk and repaired."""

from __future__ import annotations

from typing import Any

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory
from theory.kernels import empirical_G, empirical_H
from theory.margins import Margin
from validation.judge.claims import Claim, Conclusion
from validation.judge.record import reference_run
from validation.judge.verdicts import HOLDS, NOT_APPLICABLE, VIOLATED
from validation.lessons.marking import NotYetError, array, called, compare, exercise

__all__: list[str] = []


@exercise("7.1")
def two_sides(answer: Any, run: Trajectory) -> str:
    """``sides(run)``: ‖e(t+1)‖ and ‖e(t)‖ for t = 0, 1, …, as two arrays."""
    found, norms = called(answer, run), run.residual_norms
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise NotYetError("expected two arrays: the left sides and the right sides")
    if np.shape(found[0]) == norms.shape:
        raise NotYetError(f"there are {norms.size} times, but {norms.size - 1} steps from one to the next")
    left, right = (array(side, (norms.size - 1,)) for side in found)
    line = "left and right are exchanged: that says that ‖e‖ grows"
    compare(left, norms[1:], {line: norms[:-1], "the loss is ½‖e‖²; the claim is about ‖e‖": 0.5 * norms[1:] ** 2})
    compare(
        right,
        norms[:-1],
        {"the right side is ‖e(t)‖ of the same step, not of the start": np.full(left.size, norms[0])},
    )
    return "‖e(t+1)‖ ≤ ‖e(t)‖, one comparison a step"


@exercise("7.2")
def by_hand(answer: Any, claim: Claim, setting: Setting) -> str:
    """One unit (w, β, b) at which the first step makes ‖e‖ larger."""
    w, beta, b = array(answer, (3,))
    trial = setting.replace(network=Network([[w]], [beta], [b]))
    X, start, psi = trial.problem.X, trial.start, trial.activation
    G, H = float(empirical_G(X, start, psi)[0, 0]), float(empirical_H(X, start, psi)[0, 0])
    verdict = claim.judge(reference_run(trial, 1))
    if verdict.status == NOT_APPLICABLE:
        raise NotYetError(f"a hypothesis of the claim fails: {verdict.failing}")
    if verdict.status == VIOLATED:
        return f"G = {G:.3g}, H = {H:.3g}, and {verdict.worst_words}"
    if H >= 0:
        raise NotYetError(f"the claim holds there: H = {H:.3g}, so W helps; β and b should have opposite signs")
    if G + H > 0:
        raise NotYetError(f"the claim holds there: G = {G:.3g} is larger than −H = {-H:.3g}; make tanh(w)² small")
    raise NotYetError(f"the claim holds there, although G + H = {G + H:.3g}: is e = 0, or the step too long?")


class Repaired(Claim):
    """A claim with one more hypothesis."""

    name, statement, source = "repaired", "as the claim that was repaired", "lesson 7"

    def __init__(self, base: Claim, extra: Any) -> None:
        self.base, self.extra = base, extra

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of the claim, and the new one."""
        margin = called(self.extra, run)
        if not isinstance(margin, Margin) or margin.met is None:
            raise NotYetError(f"expected a Margin with a threshold, got {margin!r:.60}")
        return (*self.base.hypotheses(run), margin)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Those of the claim."""
        return self.base.conclusions(run)


def pool() -> list[Setting]:
    """Settings of four kinds: random weights, b against β, b along β, and b = 0."""
    drawn = []
    for seed, p in enumerate((1, 1, 2, 5, 20, 100, 400) * 3):
        rng = np.random.default_rng(seed)
        n = 1 + seed % 3
        problem, start = Problem(np.eye(n), np.ones(n)), Network.gaussian(p, n, rng)
        tied = (start.b, -2.0 * start.beta, 2.0 * start.beta, np.zeros(p))
        settings = [Setting(problem, Network(0.3 * start.W, start.beta, b), "tanh", eta=1.0 / n) for b in tied]
        drawn += settings
    return drawn


@exercise("7.3")
def repair(answer: Any, claim: Claim) -> str:
    """``extra(run)``: one more hypothesis, as a Margin, with which the claim survives."""
    held = 0
    for setting in pool():
        verdict = Repaired(claim, answer).judge(reference_run(setting, 20))
        if verdict.status == VIOLATED:
            kind = "b = −2β(0)" if np.allclose(setting.start.b, -2.0 * setting.start.beta) else "some other b"
            raise NotYetError(f"still false: {verdict.worst_words} ({setting}, with {kind})")
        held += verdict.status == HOLDS
    if not held:
        raise NotYetError("no setting meets the new hypothesis, so the claim says nothing any more")
    return f"it survives: {held} settings meet it, and none of them violates the claim. Now prove it"
