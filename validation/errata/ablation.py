"""Drop one hypothesis of a theorem at a time, and see which conclusions break and how.

Every sheet's negative control, in one table. The first row of each theorem is its own regime, where all conclusions
hold; in each further row one hypothesis is dropped, the rest of the setting stays as it is, and a conclusion
breaks. Where the dropped hypothesis is what a constant is computed from (γ, ε, the width, or Σλ in (3.2)), the
constant claimed is that of the theorem's own regime: without it there would be nothing to break.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fa_ref import Network, Problem, schedules
from theory.alignment import sharp_schedule
from validation.errata.readings import ascend
from validation.judge.claims import Claim, Evidence, Verdict
from validation.search.cases import Case
from validation.theorems import alignment_bound, theorem_3_2, theorem_4_2, theorem_4_3, theorem_4_6

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Ablation", "ablate", "table"]

FULL = "none"


@dataclass(frozen=True)
class Ablation:
    """One hypothesis dropped, and what came of it.

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


def ablate(seed: int = 0) -> Iterator[Ablation]:
    """Yield every row, theorem by theorem.

    Parameters
    ----------
    seed : int, optional
        Of the networks.

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
        yield from _judged(claim, rows(seed))


def table(seed: int = 0) -> DataFrame:
    """Return the whole table, one row for each theorem and dropped hypothesis."""
    import pandas as pd

    return pd.DataFrame([ablation.row() for ablation in ablate(seed)])


#: What runs, and the fields of its evidence that the conclusions are computed with in place of its own.
Rows = dict[str, tuple[Callable[[], Evidence], dict[str, Any]]]


def _judged(claim: Claim, rows: Rows) -> Iterator[Ablation]:
    for dropped, (run, claimed) in rows.items():
        evidence = run()
        norms = evidence.residual_norms
        verdict = _claiming(claim, claimed).judge(evidence)
        yield Ablation(dropped, verdict, evidence.diverged_at, float(norms[-1] / norms[0]))


def _claiming(claim: Claim, claimed: dict[str, Any]) -> Claim:
    """The claim with hypotheses on the run as it is, and conclusions with the constants that are claimed for it."""
    return replace(claim, conclusions=lambda evidence: claim.conclusions(replace(evidence, **claimed)))


def _case(activation: str, seed: int, *, n: int = 3, p: int = 2000, eta: float = 0.1, steps: int = 60) -> Case:
    """Orthonormal inputs, targets ±1."""
    network = Network.gaussian(p, n, np.random.default_rng(seed))
    return Case(Problem(np.eye(n), (-1.0) ** np.arange(n)), network, activation, eta, steps=steps)


def _with_duplicate(case: Case) -> Case:
    X, y = np.array(case.problem.X), case.problem.y
    X[1] = X[0]  # with opposite targets: no network fits both
    return replace(case, problem=Problem(X, y))


def _tied(case: Case) -> Case:
    """b = −β(0): H is then negative semi-definite, and of order 1 at any width."""
    start = case.network
    return replace(case, network=Network(start.W, start.beta, -start.beta))


def _narrow(case: Case, p: int, seed: int) -> Case:
    return replace(case, network=Network.gaussian(p, case.problem.d, np.random.default_rng(seed)))


def _theorem_3_2(seed: int) -> Rows:
    case = _case("tanh", seed)
    top = 0.46  # λ_max(Ḡ) of orthonormal inputs under tanh is 0.394; G(0) scatters around it
    tied = _tied(replace(case, problem=Problem(3.0 * np.eye(3), case.problem.y), eta=0.02))
    return {
        FULL: (case.evidence, {}),
        "b independent of β(0): b = −β(0)": (tied.evidence, {}),
        "ψ bounded: softplus": (replace(case, activation="softplus", eta=2.0).evidence, {}),
        "γ > 0: two equal inputs": (_with_duplicate(case).evidence, {"kernel": case.kernel}),
        "small step: η = 2.6/λ_max": (replace(case, eta=2.6 / top).evidence, {}),
        "λ ≡ 0: λ = 1": (replace(case, lam=np.full(60, 1.0)).evidence, {}),
        "p large: two units": (_narrow(case, 2, seed).evidence, {}),
        "right sign: e = y − f": (lambda: ascend(case), {}),
    }


def _theorem_4_2(seed: int) -> Rows:
    case = replace(_case("tanh", seed), lam=np.full(20, 0.05))
    endless, for_ever = replace(case, steps=3000, eta=0.28), schedules.constant(0.5)
    return {
        FULL: (case.evidence, {}),
        "small step: η = 6": (replace(case, eta=6.0).evidence, {}),
        "Σλ ≤ S̃_λ: λ ≡ 0.5 for ever": (
            lambda: _other_ridge(endless, for_ever),
            {"ridge": replace(for_ever, total=case.ridge.total)},
        ),
        "γ > 0: two equal inputs": (_with_duplicate(case).evidence, {"kernel": case.kernel}),
        "right sign: e = y − f": (lambda: ascend(case), {}),
    }


def _theorem_4_3(seed: int) -> Rows:
    case = replace(_case("identity", seed), lam=np.full(20, 0.05))
    tall = Problem([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [1.0, -1.0, 1.0])
    tall_network = Network.gaussian(2000, 2, np.random.default_rng(seed))
    endless = _narrow(replace(case, lam=np.full(1200, 0.5), steps=1200, eta=0.3), 30, seed)
    known = {"kernel": case.kernel}
    return {
        FULL: (case.evidence, {}),
        f"{FULL}; n > d, projected": (replace(case, problem=tall.projected(), network=tall_network).evidence, {}),
        "n ≤ d, or projected: n = 3, d = 2": (replace(case, problem=tall, network=tall_network).evidence, known),
        "small step: η = 2.6": (replace(case, eta=2.6).evidence, {}),
        "b independent of β(0): b = −β(0)": (_tied(case).evidence, {}),
        "Σλ ≤ S_λ: λ = 0.5 for 1200 steps, p = 30": (endless.evidence, {}),
        "γ > 0: two equal inputs": (_with_duplicate(case).evidence, known),
        "right sign: e = y − f": (lambda: ascend(case), {}),
    }


def _theorem_4_6(seed: int) -> Rows:
    p, eta, n = 2500, 0.05, 5
    ridge = sharp_schedule(3.0, 5.0, p, n, eta=eta)
    lam = ridge.values(round(ridge.total / 3.0))
    case = replace(_case("identity", seed, n=n, p=p, eta=eta, steps=lam.size + 300), lam=lam)
    known = {"problem": case.problem, "kernel": case.kernel, "eta": eta, "ridge": ridge}
    skewed = replace(case, problem=Problem(np.diag([3.0, 1.0, 1.0, 1.0, 1.0]), case.problem.y), eta=eta / 9.0)
    return {
        FULL: (case.evidence, {}),
        "a penalty: λ ≡ 0": (replace(case, lam=np.zeros(0)).evidence, known),
        "Σλ = S_λ: λ = 3/(1 + t/50)²": (lambda: _other_ridge(case, schedules.inverse_square(3.0, 50.0)), known),
        "isometric: λ_max/λ_min = 9": (skewed.evidence, known),
        "y ≠ 0": (replace(case, problem=Problem(case.problem.X, np.zeros(n))).evidence, known),
        "right sign: e = y − f": (lambda: ascend(replace(case, steps=lam.size + 50)), {}),
    }


def _other_ridge(case: Case, ridge: schedules.Schedule) -> Evidence:
    return replace(replace(case, lam=ridge.values(case.steps)).evidence(), ridge=ridge)


def _alignment_bound(seed: int) -> Rows:
    case = _case("tanh", seed, p=20_000, steps=40)
    start = case.network
    leaning = Network(start.W, start.beta, start.b + 3.0 * start.beta)
    known = {"start": start}
    return {
        FULL: (case.evidence, {}),
        "p large: one unit": (_case("tanh", seed, p=1, steps=40).evidence, known),
        "b independent of β(0): b + 3β(0)": (replace(case, network=leaning).evidence, known),
        "right sign: e = y − f": (lambda: ascend(replace(case, steps=400)), {}),
    }
