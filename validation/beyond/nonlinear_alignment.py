r"""Nonlinear networks align: Theorems A, B′ and C′ of docs/nonlinear_alignment.md as sheets for runs with ridge.

**Assumptions.** λ(t) = λ > 0 up to a cutoff, or for all t; the weights at t = 0 are known. A: ψ Lipschitz,
η(2λ + λ_max(G(s))) ≤ 2 up to the step judged. B′: ψ″ bounded too, and η(λ + σ²) ≤ 1 with σ a proved bound on the
features' norm. C′: moreover λ_min(G(T)) > 0 proved at the cutoff T, and the width closes the argument.

**Claims.** A, up to T: cos∠(b, β(t)) is within 2X_t/s_p of κ_p(t), where κ_p and s_p belong to the ridge regression
β* on the features at t, and ‖β − β*‖ ≤ X_t. B′, up to T: ‖e(t)‖ and cos∠(b, β(t)) keep their proved bounds. C′,
after T: the same, with a bound of the cosine that improves as ‖e(t)‖ → 0.

**Algorithm.** Algorithm 1 with (4.1)'s penalty. The features at the recorded steps are found by training again from
the recorded start; the cosines and residuals that are judged are the run's own.

**Guarantee.** A is two-sided, **tight** up to O(1/√p); B′ and C′ are **lower** bounds.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from fa_ref import Setting, Trajectory
from theory.alignment.nonlinear import RidgePath, ridge_path, sharp
from theory.alignment.nonlinear.entries import Data, Entries, penalty_of
from theory.alignment.nonlinear.majorants import Majorants, majorants
from theory.alignment.nonlinear.measuring import measure
from theory.margins import Margin
from theory.precision import gamma
from validation.judge.claims import Claim, Conclusion
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.record import known_start, missing
from validation.judge.rounding import alignment_rounding, residual_rounding, step_rounding

__all__ = ["AFTER_CUTOFF", "RIDGE_REGRESSION", "UNDER_RIDGE", "AfterCutoff", "RidgeRegression", "UnderRidge"]


#: The margin of a bound that says whether it is positive: a conclusion, not a hypothesis.
POSITIVE = "√b₂ b̂·β"


def _penalty(run: Trajectory) -> tuple[float, float]:
    """(λ, T); (0, 0) where the schedule is another one."""
    try:
        return penalty_of(run.setting.ridge)
    except ValueError:
        return 0.0, 0.0


def _shared(run: Trajectory) -> tuple[Margin, ...]:
    """What every sheet asks of a run."""
    psi = run.setting.activation
    return (
        Margin("λ > 0 up to a cutoff", _penalty(run)[0], 0.0, ">"),
        Margin.fact("feedback alignment", run.setting.rule == "fa"),
        Margin.fact("starting weights recorded", known_start(run) is not None),
        Margin("‖y‖", float(np.linalg.norm(run.setting.problem.y)), 0.0, ">"),
        Margin("B1", psi.B1, np.finfo(float).max, "≤"),
    )


def _applies(run: Trajectory, margins: tuple[Margin, ...]) -> bool:
    return run.diverged_at is None and all(margin.met for margin in margins)


@lru_cache(maxsize=4)
def _path(setting: Setting, steps: int) -> RidgePath:
    return ridge_path(setting, steps)


@lru_cache(maxsize=4)
def _proved(setting: Setting, steps: int) -> tuple[Data, Entries, Majorants]:
    data, entries = measure(setting)
    return data, entries, majorants(data, entries, steps)


class RidgeRegression(Claim):
    """Theorem A as a sheet."""

    name = "β is the ridge regression on its features"
    statement = "‖β(t) − β*(t)‖ ≤ X_t, so |‖β(t)‖ − s_p(t)| ≤ X_t and |cos∠(b, β(t)) − κ_p(t)| ≤ 2X_t/s_p(t)"
    source = "docs/nonlinear_alignment.md, Theorem A"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """A penalty, a Lipschitz ψ, and the step-size condition along the run."""
        shared = _shared(run)
        return (*shared, self._replayed(run).step_size) if _applies(run, shared) else shared

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The distance of β from β*, and of its cosine from κ_p, at the recorded steps up to the cutoff."""
        if not _applies(run, _shared(run)):
            return ()
        path, lacking = self._replayed(run), missing(run, "alignment", "beta_norm")
        if lacking:
            return (Unjudged(self.statement, lacking),)
        first, last = 1, int(np.searchsorted(run.times, path.times[-1], side="right"))  # X_0 is the distance itself
        wanted = here = run.times[first:last]
        seen = slice(first, last)
        cosines, rounding = run.measures["alignment"][seen], _movement(run, path)[seen]
        gap, bound, length = (values[wanted] for values in (path.gap, path.bound, path.length))
        blur = 2 * rounding / np.where(length > 0, length, 1.0) + alignment_rounding(
            run.setting.start.p, run.roundoff
        )
        off = np.abs(cosines - path.kappa[wanted])
        lengths = run.measures["beta_norm"][seen]
        seen_gap = np.abs(lengths - length)  # of the run itself, not of the replay
        turned = Inequality("|cos − κ_p| ≤ 2X_t/s_p", here, off, path.spread[wanted], blur, 2.0)
        grown = Inequality("|‖β‖ − s_p| ≤ X_t", here, seen_gap, bound, path.rounding[wanted] + rounding)
        return (
            Inequality("‖β − β*‖ ≤ X_t", here, gap, bound, path.rounding[wanted] + rounding),
            *grown.where_measured("beta_norm", lengths),
            *turned.where_measured("alignment", cosines),
        )

    @staticmethod
    def _replayed(run: Trajectory) -> RidgePath:
        return _path(run.setting, int(run.times[-1]))


def _movement(run: Trajectory, path: RidgePath) -> np.ndarray:
    """How far rounding can have moved the run's β from the replay's, at each record."""
    here = run.times[run.times <= path.times[-1]]
    found = np.zeros(run.times.size)
    found[: here.size] = 2 * path.rounding[here] * max(1.0, run.roundoff * 2.0**53)
    return found


class UnderRidge(Claim):
    """Theorem B′ as a sheet."""

    name = "Alignment under ridge, any smooth ψ"
    statement = "cos∠(b, β(t)) ≥ its proved lower bound, ‖e(t)‖ ≤ its proved upper bound, t ≤ T"
    source = "docs/nonlinear_alignment.md, Theorem B′"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """A penalty, a bounded ψ″, and the step-size condition with proved ‖A(s)‖."""
        margins = (*_shared(run), Margin("B2", run.setting.activation.B2, np.finfo(float).max, "≤"))
        if not _applies(run, margins):
            return margins
        found = _proved(run.setting, _last(run))[2]
        return (*margins, Margin("η(λ + σ²) at t = 0", float(found.step_size[0]), 1.0, "≤"))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The residual and the cosine at recorded steps, as far as the step-size condition is proved."""
        if not all(margin.met for margin in self.hypotheses(run)) or run.diverged_at is not None:
            return ()
        data, entries, found = _proved(run.setting, _last(run))
        judged = run.times <= found.valid
        here, lacking = run.times[judged], missing(run, "alignment", throughout=("beta_norm",))
        norms = Inequality(
            "‖e‖", here, run.residual_norms[judged], found.residual[here], _residual_tolerance(run)[judged]
        )
        if lacking:
            return norms, Unjudged("cos∠(b, β)", lacking)
        bounds = sharp.cosines(data, entries, found.residual.size - 1, found)[here]
        said = np.isfinite(bounds)
        cosines = run.measures["alignment"][judged][said]
        tolerance = _cosine_tolerance(run, float(found.sigma[: found.valid + 1].max()))[judged][said]
        kept = Inequality("cos∠(b, β) ≥ bound", here[said], bounds[said], cosines, tolerance)
        return norms, *kept.where_measured("alignment", cosines)


class AfterCutoff(Claim):
    """Theorem C′ as a sheet."""

    name = "Alignment after a cutoff, any smooth ψ"
    statement = "cos∠(b, β(t)) ≥ its proved lower bound, ‖e(t)‖ ≤ (1 − ηa)^{t−T} E_T, t ≥ T"
    source = "docs/nonlinear_alignment.md, Theorem C′"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """A penalty with a cutoff inside the record, a bounded ψ″, and the conditions of Theorem C′."""
        T, psi = _penalty(run)[1], run.setting.activation
        margins = (
            *_shared(run),
            Margin("B2", psi.B2, np.finfo(float).max, "≤"),
            Margin.fact("steps recorded after the cutoff", math.isfinite(T) and run.times[-1] > T),
        )
        if not _applies(run, margins):
            return margins
        data, entries, found = _proved(run.setting, int(T))
        return (
            *margins,
            *(m for m in sharp.all_after_cutoff(data, entries, found, int(T)).margins if "cos" not in m.name),
        )

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The contraction of ‖e‖ and the cosine after the cutoff."""
        T = _penalty(run)[1]
        if run.diverged_at is not None or not math.isfinite(T) or not _applies(run, _shared(run)):
            return ()
        if not all(margin.met for margin in self.hypotheses(run)):
            return ()
        data, entries, found = _proved(run.setting, int(T))
        after, limit = run.times >= T, sharp.all_after_cutoff(data, entries, found, int(T))
        here, norms = run.times[after], run.residual_norms[after]
        fall = limit.residual * (1 - run.setting.eta * limit.rate) ** (here - int(T))
        contracts = Inequality("‖e‖", here, norms, fall, _residual_tolerance(run)[after])
        lacking = missing(run, "alignment", throughout=("beta_norm",))
        if lacking:
            return contracts, Unjudged("cos∠(b, β)", lacking)
        tolerance = _residual_tolerance(run)[after]
        bounds = np.array([
            sharp.all_after_cutoff(data, entries, found, int(T), float(e)).cosine for e in norms + tolerance
        ])  # fmt: skip
        said = np.isfinite(bounds)
        cosines = run.measures["alignment"][after][said]
        tolerance = _cosine_tolerance(run, float(found.sigma[: found.valid + 1].max()))[after][said]
        kept = Inequality("cos∠(b, β) ≥ bound", here[said], bounds[said], cosines, tolerance)
        return contracts, *kept.where_measured("alignment", cosines)


def _last(run: Trajectory) -> int:
    return int(min(run.times[-1], _penalty(run)[1]))


def _residual_tolerance(run: Trajectory) -> np.ndarray:
    """Rounding of the record and of all steps before it: they contract, so their errors add up at most."""
    per_step = np.append(0.0, step_rounding(run))
    return np.asarray(residual_rounding(run) + np.cumsum(per_step))


def _cosine_tolerance(run: Trajectory, sigma: float) -> np.ndarray:
    """Rounding of the cosine, and of β over all steps, which contract it, relative to its length.

    A step rounds β by γ_{n+8}(‖β‖ + ησ√n‖e‖), and by ησ times the rounding of e.
    """
    scale = np.maximum(run.measures["beta_norm"], np.finfo(float).tiny)
    n, pull = run.setting.problem.n, run.setting.eta * sigma
    residual = _residual_tolerance(run)
    step = gamma(n + 8, run.roundoff) * (scale.max() + pull * math.sqrt(n) * run.residual_norms.max())
    moved = (run.times + 1.0) * (step + pull * residual)
    return np.asarray(alignment_rounding(run.setting.start.p, run.roundoff) + 2 * moved / scale)


RIDGE_REGRESSION, UNDER_RIDGE, AFTER_CUTOFF = RidgeRegression(), UnderRidge(), AfterCutoff()
