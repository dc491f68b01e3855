"""Drop one hypothesis of a theorem at a time, and see which conclusions break and how.

Every sheet's negative control, in one table. The first row of each theorem is its own regime, where all conclusions
hold; in each further row one hypothesis is dropped, the rest of the setting stays as it is, and a conclusion
breaks. Where the dropped hypothesis is what a constant is computed from (γ, ε, the width, or Σλ in (3.2)), the
constant claimed is that of the theorem's own regime: without it there would be nothing to break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory, schedules
from theory.alignment import sharp_schedule
from validation.errata.readings import ascend
from validation.judge.claims import Claim, Conclusion, Derived
from validation.judge.record import reference_run
from validation.judge.verdicts import NoTruthValue, Verdict
from validation.theorems import alignment_bound, theorem_3_2, theorem_4_2, theorem_4_3, theorem_4_6

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Ablation", "ablate", "table"]

FULL = "none"


@dataclass(frozen=True, kw_only=True)
class Ablation(NoTruthValue):
    """One hypothesis dropped, and what came of it; it has no truth value.

    Attributes
    ----------
    dropped : str
        Which; "none" is the theorem's own regime.
    verdict : Verdict
        By the sheet as it is.
    diverged_at : int or None
        Step at which the run diverged.
    left : float
        ‖e‖ at the end of the record over ‖e(0)‖.
    """

    dropped: str
    verdict: Verdict
    diverged_at: int | None
    left: float

    @property
    def broken(self) -> tuple[str, ...]:
        """The conclusions that fail, whatever the hypotheses say."""
        return tuple(i.name for i in self.verdict.inequalities if not i.holds)

    @property
    def how(self) -> str:
        """In words: where each conclusion fails first, and the worst ratio of its sides."""
        parts = [f"diverges at t = {self.diverged_at}"] if self.diverged_at is not None else []
        for inequality in self.verdict.inequalities:
            if not inequality.holds:
                first = int(inequality.times[np.argmax(inequality.failed)])
                parts.append(f"{inequality.name} fails from t = {first}, worst margin {inequality.slack:.2g}")
        if not self.verdict.inequalities:
            parts.append("there is no conclusion to state (no rate)")
        elif not any(inequality.judged.any() for inequality in self.verdict.inequalities) and not self.broken:
            parts.append("the bound says nothing")
        return "; ".join(parts) or "all hold"

    def row(self) -> dict[str, str]:
        """Return the cells of one line of the table."""
        return {
            "theorem": self.verdict.claim, "dropped": self.dropped, "verdict": self.verdict.status,
            "hypotheses that fail": self.verdict.failing or "–", "conclusions": self.how,
            "‖e‖ left": f"{self.left:.2g}",
        }  # fmt: skip


def ablate(seed: int = 0, *, only: Claim | None = None) -> Iterator[Ablation]:
    """Yield every row, theorem by theorem.

    Parameters
    ----------
    seed : int, optional
        Of the networks.
    only : Claim, optional
        The rows of this sheet alone.

    Yields
    ------
    Ablation

    Examples
    --------
    >>> first = next(ablate())
    >>> first.dropped, first.verdict.status, first.how
    ('none', 'holds', 'all hold')
    """
    for claim, rows in (
        (theorem_3_2.CLAIM, _theorem_3_2), (theorem_4_2.CLAIM, _theorem_4_2), (theorem_4_3.CLAIM, _theorem_4_3),
        (theorem_4_6.CLAIM, _theorem_4_6), (alignment_bound.CLAIM, _alignment_bound),
    ):  # fmt: skip
        if only is None or claim is only:
            yield from _judged(claim, rows(seed))


def table(seed: int = 0) -> DataFrame:
    """Return the whole table, one row for each theorem and dropped hypothesis."""
    import pandas as pd

    return pd.DataFrame([ablation.row() for ablation in ablate(seed)])


#: What runs, and the parts of its setting that the conclusions are computed with in place of its own.
Rows = dict[str, tuple[Callable[[], Trajectory], dict[str, Any]]]


@dataclass(frozen=True, repr=False)
class Claiming(Derived):
    """A claim with hypotheses on the run as it is, and conclusions with the constants that are claimed for it."""

    claimed: dict[str, Any]

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Those of the changed setting."""
        return self.base.conclusions(replace(run, setting=run.setting.replace(**self.claimed)))


def _judged(claim: Claim, rows: Rows) -> Iterator[Ablation]:
    for dropped, (train, claimed) in rows.items():
        run = train()
        norms, verdict = run.residual_norms, Claiming(claim, claimed).judge(run)
        left = float(norms[-1] / norms[0])
        yield Ablation(dropped=dropped, verdict=verdict, diverged_at=run.diverged_at, left=left)


def _setting(activation: str, seed: int, *, n: int = 3, p: int = 2000, eta: float = 0.1) -> Setting:
    """Orthonormal inputs, targets ±1."""
    network = Network.gaussian(p, n, np.random.default_rng(seed))
    return Setting(Problem(np.eye(n), (-1.0) ** np.arange(n)), network, activation, eta=eta)


def _with_duplicate(setting: Setting) -> Setting:
    X = np.array(setting.problem.X)
    X[1] = X[0]  # with opposite targets: no network fits both
    return setting.replace(problem=Problem(X, setting.problem.y))


def _tied(setting: Setting) -> Setting:
    """b = −β(0): H is then negative semi-definite, and of order 1 at any width."""
    start = setting.start
    return setting.replace(network=Network(start.W, start.beta, -start.beta))


def _narrow(setting: Setting, p: int, seed: int) -> Setting:
    return setting.replace(network=Network.gaussian(p, setting.problem.d, np.random.default_rng(seed)))


def _theorem_3_2(seed: int) -> Rows:
    setting = _setting("tanh", seed)
    top = 0.46  # λ_max(Ḡ) of orthonormal inputs under tanh is 0.394; G(0) scatters around it
    tied = _tied(setting.replace(problem=Problem(3.0 * np.eye(3), setting.problem.y), eta=0.02))
    run = partial(partial, reference_run, steps=60)
    return {
        FULL: (run(setting), {}),
        "b independent of β(0): b = −β(0)": (run(tied), {}),
        "ψ bounded: softplus": (run(setting.replace(activation="softplus", eta=2.0)), {}),
        "γ > 0: two equal inputs": (run(_with_duplicate(setting)), {"problem": setting.problem}),
        "small step: η = 2.6/λ_max": (run(setting.replace(eta=2.6 / top)), {}),
        "λ ≡ 0: λ = 1": (run(setting.replace(ridge=schedules.cutoff(1.0, 59))), {}),
        "p large: two units": (run(_narrow(setting, 2, seed)), {}),
        "right sign: e = y − f": (partial(ascend, setting, 60), {}),
    }


def _theorem_4_2(seed: int) -> Rows:
    setting = _setting("tanh", seed).replace(ridge=schedules.cutoff(0.05, 19))
    for_ever, run = schedules.constant(0.5), partial(partial, reference_run, steps=60)
    finite = replace(for_ever, name="0.5, as if its sum were finite", total=setting.ridge.total, recipe=())
    return {
        FULL: (run(setting), {}),
        "small step: η = 6": (run(setting.replace(eta=6.0)), {}),
        "Σλ ≤ S̃_λ: λ ≡ 0.5 for ever": (
            partial(reference_run, setting.replace(eta=0.28, ridge=for_ever), 3000),
            {"ridge": finite},
        ),
        "γ > 0: two equal inputs": (run(_with_duplicate(setting)), {"problem": setting.problem}),
        "right sign: e = y − f": (partial(ascend, setting, 60), {}),
    }


def _theorem_4_3(seed: int) -> Rows:
    setting = _setting("identity", seed).replace(ridge=schedules.cutoff(0.05, 19))
    tall = Problem([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [1.0, -1.0, 1.0])
    wide = Network.gaussian(2000, 2, np.random.default_rng(seed))
    endless = _narrow(setting.replace(ridge=schedules.cutoff(0.5, 1199), eta=0.3), 30, seed)
    known, run = {"problem": setting.problem}, partial(partial, reference_run, steps=60)
    orthonormal = {"problem": Problem(np.eye(3), tall.y), "network": None}
    return {
        FULL: (run(setting), {}),
        f"{FULL}; n > d, projected": (run(setting.replace(problem=tall.projected(), network=wide)), {}),
        "n ≤ d, or projected: n = 3, d = 2": (run(setting.replace(problem=tall, network=wide)), orthonormal),
        "small step: η = 2.6": (run(setting.replace(eta=2.6)), {}),
        "b independent of β(0): b = −β(0)": (run(_tied(setting)), {}),
        "Σλ ≤ S_λ: λ = 0.5 for 1200 steps, p = 30": (partial(reference_run, endless, 1200), {}),
        "γ > 0: two equal inputs": (run(_with_duplicate(setting)), known),
        "right sign: e = y − f": (partial(ascend, setting, 60), {}),
    }


def _theorem_4_6(seed: int) -> Rows:
    p, eta, n = 2500, 0.05, 5
    ridge = sharp_schedule(3.0, 5.0, p, n, eta=eta)
    spent = round(ridge.total / 3.0)
    setting = _setting("identity", seed, n=n, p=p, eta=eta).replace(ridge=ridge)
    run = partial(partial, reference_run, steps=spent + 300)
    known = {"problem": setting.problem, "eta": eta, "ridge": ridge}
    skewed = Problem(np.diag([3.0, 1.0, 1.0, 1.0, 1.0]), setting.problem.y)
    still = Problem(setting.problem.X, np.zeros(n))
    return {
        FULL: (run(setting), {}),
        "a penalty: λ ≡ 0": (run(setting.replace(ridge=None)), known),
        "Σλ = S_λ: λ = 3/(1 + t/50)²": (run(setting.replace(ridge=schedules.inverse_square(3.0, 50.0))), known),
        "isometric: λ_max/λ_min = 9": (run(setting.replace(problem=skewed, eta=eta / 9.0)), known),
        "y ≠ 0": (run(setting.replace(problem=still)), known),
        "right sign: e = y − f": (partial(ascend, setting, spent + 50), {}),
    }


def _alignment_bound(seed: int) -> Rows:
    setting = _setting("tanh", seed, p=20_000)
    start, run = setting.start, partial(partial, reference_run, steps=40)
    leaning = Network(start.W, start.beta, start.b + 3.0 * start.beta)
    known = {"network": start}
    return {
        FULL: (run(setting), {}),
        "p large: one unit": (run(_narrow(setting, 1, seed)), known),
        "b independent of β(0): b + 3β(0)": (run(setting.replace(network=leaning)), known),
        "right sign: e = y − f": (partial(ascend, setting, 400), {}),
    }
