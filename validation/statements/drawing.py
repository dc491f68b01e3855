"""A claim that holds with high probability, judged on independent runs."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from fa_ref import Trajectory
from fa_ref._support.threads import one_blas_thread, threads
from validation.judge.claims import Claim
from validation.judge.draws import draw_outcomes
from validation.judge.probability import sequential_verdict
from validation.judge.record import mean_kernel
from validation.judge.verdicts import DIVERGED, HOLDS, UNDECIDED, VIOLATED
from validation.report.advice import not_wide
from validation.statements.statement import DELTA, ERROR, Law, Options

__all__ = ["judged_by_draws"]

#: Fewer draws than this are not made, however long a run takes.
FEWEST = 4

#: Evaluations of ψ a step from which on a run is worth waking threads for.
LARGE = 200_000


def judged_by_draws(
    claim: Claim,
    law: Law,
    options: Options,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Judge a claim that holds with high probability on runs drawn from ``law``.

    The first run is judged step by step and kept. If no hypothesis of it fails, more runs follow until the claim is
    confirmed or refuted at δ = `DELTA`, error `ERROR`, or the draws are used up. A negative control is judged
    without the hypotheses that have no number: an open "p large enough" would leave it undecided.

    Returns
    -------
    dict
        Fields of a `Finding`.
    """
    claim = claim.decided() if options.broken else claim
    with one_blas_thread():
        run = law(rng)
    with _alone(run):
        return _judged_by_draws(run, claim, law, options, rng)


def _alone(run: Trajectory) -> AbstractContextManager[None]:
    """One thread for many small runs, so that no time is lost in waking others; BLAS has one in any case."""
    small = run.setting.problem.n * (run.setting.p or 0) < LARGE
    return threads(1) if small else one_blas_thread()


def _count(run: Trajectory, options: Options) -> int:
    """How many draws to make at most: fewer of a long run of a nonlinear network."""
    setting = run.setting
    evaluations = setting.problem.n * (setting.p or 0) * max(1, int(run.times[-1]))
    if setting.activation.linear:
        return options.draws
    return int(min(options.draws, max(FEWEST, options.evaluations // evaluations)))


def _judged_by_draws(
    run: Trajectory, claim: Claim, law: Law, options: Options, rng: np.random.Generator
) -> dict[str, Any]:
    verdict = claim.judge(run)
    tightest = verdict.tightest
    found: dict[str, Any] = {
        "verdict": verdict, "runs": (run,), "status": verdict.status,
        "slack": tightest.slack if tightest is not None else math.nan, "where": verdict.worst_words,
    }  # fmt: skip
    if verdict.status == DIVERGED:
        return found | {"remarks": (f"the run diverged at step {run.diverged_at}",)}
    if verdict.failing:
        return found | {"remarks": (f"a hypothesis fails: {verdict.failing}",)}
    if verdict.status == "vacuous":
        return found | {"remarks": (verdict.why_unjudged or "no step could be judged",)}
    stream = draw_outcomes(lambda generator: bool(claim.judge(law(generator))), rng)
    counted = sequential_verdict(stream, _count(run, options), DELTA, ERROR)
    if counted.status == "confirmed":
        words = f"P ≥ {1.0 - DELTA:g} ({1.0 - ERROR:.0%}, {counted.draws} draws)"
        return found | {"status": HOLDS, "confidence": words, "probability": counted}
    seen = f"{counted.failures} of {counted.draws} draws fail"
    if counted.status == "refuted":
        met = all(margin.met for margin in verdict.hypotheses)
        status = VIOLATED if met else UNDECIDED  # an open "p large enough" leaves the claim unrefuted
        remarks = () if met else (f"{seen}: {_not_refuted(run)}",)
        return found | {"status": status, "confidence": seen, "probability": counted, "remarks": remarks}
    enough = f"{seen}; {counted.needed} more would decide" if counted.needed > 0 else seen
    status = verdict.status if counted.failures == 0 else UNDECIDED
    remarks = (f"{enough} (--draws)",) if status == UNDECIDED else ()
    return found | {"status": status, "confidence": enough, "probability": counted, "remarks": remarks}


def _not_refuted(run: Trajectory) -> str:
    """Why draws that fail say nothing against a theorem that asks for p large enough."""
    setting, p = run.setting, run.setting.p or 0
    enough = f"not refuted at p = {p}, since the theorem asks for p large enough; try --p {4 * p}"
    return not_wide(setting.problem, setting.activation, p, mean_kernel(run)) or enough
