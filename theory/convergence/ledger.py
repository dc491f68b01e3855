"""The slack ledger: both sides of every lemma along a run, so that one sees where a proof loses.

Each lemma bounds something by a function of U = η Σ ‖e(s)‖. The ledger evaluates the function twice: at the sum
seen so far (``running``: holds on any run that meets the hypotheses, certified or not) and at the U = E/a of a
certificate (``certified``: what the theorem promises for all time). ``rounding`` bounds what floating point did to
the measured side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.truth import NoTruthValue
from fa_ref.network import Network
from fa_ref.setting import Setting
from fa_ref.training import train
from theory.convergence.lemmas_3_2 import Drifts
from theory.convergence.measured_step import Sweep, sweep
from theory.margins import Certificate
from theory.precision import EPS

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["LEMMAS", "Ledger", "audit"]

Array = NDArray[np.float64]

#: The lemmas in the order of the proof.
LEMMAS = (
    "sum of residuals",
    "movement of w_r",
    "movement of β_r",
    "movement of β",
    "drift of G",
    "drift of H",
    "lowest eigenvalue",
    "remainder",
    "contraction",
    "alignment",
)


@dataclass
class Ledger(NoTruthValue):
    """An observer for `fa_ref.train` that keeps the books of a proof; it must see every step.

    Parameters
    ----------
    setting : Setting
        That of the run.
    lemmas : Drifts
        From `theory.convergence.theorem_3_2.drifts` or `theory.convergence.theorem_4_3.drifts`, of the same run.
    proof : Certificate, optional
        Fills the column ``certified``.

    Attributes
    ----------
    rows : list of tuple
        (t, lemma, measured, running, certified, rounding); NaN where a side does not apply.

    Raises
    ------
    ValueError
        When it is called, if a step was left out.

    Examples
    --------
    >>> from theory.convergence.closing import close
    >>> from theory.convergence.theorem_3_2 import drifts
    >>> from fa_ref import Problem
    >>> problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(20_000, 2, np.random.default_rng(0))
    >>> setting = Setting(problem, network, "tanh", eta=0.2)
    >>> lemmas = drifts(setting, form="second-order")
    >>> ledger = Ledger(setting, lemmas, proof=close(lemmas))
    >>> run = train(setting, steps=50, observe=ledger)
    >>> len(ledger.violations()), 1 < ledger.looseness()["movement of w_r"] < 10
    (0, True)
    """

    setting: Setting
    lemmas: Drifts
    proof: Certificate | None = None
    rows: list[tuple[int, str, float, float, float, float]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._eta, self._p = self.setting.eta, self.setting.start.p
        self._running = self.lemmas.for_any_run()
        self._next, self._decay, self._sum, self._sum_error, self._largest = 0, 1.0, 0.0, 0.0, 0.0
        self._G, self._H = np.empty(0), np.empty(0)
        self.first = self.last = math.nan  # ‖e(0)‖ and the latest ‖e(t)‖
        self._expected: tuple[float, float, float] | None = None

    def __call__(self, t: int, network: Network) -> None:
        """Enter step t."""
        if t != self._next:
            raise ValueError(f"t: expected step {self._next}, as the ledger sums over every step, got {t}")
        lam = float(self.setting.ridge.formula(np.array([t]))[0])
        s = sweep(self.setting, network, lam, self._decay, t)
        if t == 0:
            self._G, self._H = s.G, s.H
        self._contraction(t, s)
        self._sizes(t, s)
        self._sum += self._eta * s.e_norm
        relative = (self.setting.problem.n + self.setting.problem.d + 20) * EPS
        self._sum_error += self._eta * (s.e_rounding + relative * s.e_norm)
        self._largest, self.last = max(self._largest, s.e_norm), s.e_norm
        self.first = s.e_norm if t == 0 else self.first
        self._step(t, s, lam)
        self._decay *= 1.0 - self._eta * lam
        self._next = t + 1

    def _sizes(self, t: int, s: Sweep) -> None:
        """What depends on the steps before t."""
        drift_H = _norm(s.H - self._decay * self._H)
        entries: list[tuple[str, float, Callable[[Drifts, float], float], float]] = [
            ("movement of w_r", s.moved_w, lambda lemmas, U: lemmas.weight(U), s.moved_w_rounding),
            ("movement of β_r", s.moved_unit, lambda lemmas, U: lemmas.unit(U), s.unit_rounding),
            ("movement of β", s.moved_beta, lambda lemmas, U: lemmas.beta(U), s.beta_rounding),
            ("drift of G", _norm(s.G - self._G), lambda lemmas, U: lemmas.G(U), 2 * s.G_rounding),
            ("drift of H", drift_H, lambda lemmas, U: lemmas.H(U), 2 * s.H_rounding),
        ]
        if self.lemmas.instance.total == 0:
            rounding = 4 * (self._p + 8) * EPS
            entries.append(("alignment", abs(s.alignment), lambda lemmas, U: lemmas.alignment(U), rounding))
        for lemma, measured, bound, rounding in entries:
            self._enter(t, lemma, measured, bound(self._running, self._spent), self._promised(bound), rounding)

    def _step(self, t: int, s: Sweep, lam: float) -> None:
        """What depends on step t as well."""
        U, size, scale = self._spent, self.lemmas.instance.largest, self._eta * s.e_norm
        self._enter(t, "sum of residuals", self._sum, math.nan, self._promised(lambda _, U: U), self._sum_error)
        lowest = s.lowest_merged if self.lemmas.merged else s.lowest - _norm(s.H)
        lost, bound = self._running.start() - lowest, self._running.lost(U, self._largest)
        promised = self._promised(lambda lemmas, U: lemmas.lost(U, size))
        self._enter(t, "lowest eigenvalue", lost, bound, promised, 2 * (s.G_rounding + s.H_rounding))
        left = s.curvature if self.lemmas.merged else s.remainder
        promised = self._promised(lambda lemmas, U: lemmas.remainder(U, size) * scale)
        bound = self._running.remainder(U, s.e_norm) * scale
        self._enter(t, "remainder", left, bound, promised, s.remainder_rounding)
        rate = self._running.floor(U, self._largest)
        met = self._running.step_size(rate, U, self._largest).met
        push = self._eta * lam * self.lemmas.instance.y_norm
        running = (1 - self._eta * (rate + lam)) * s.e_norm + push if met else math.nan
        proved = self.proof.rate if self.proof and self.proof.rate is not None else math.nan
        self._expected = running, (1 - self._eta * (proved + lam)) * s.e_norm + push, s.step_rounding

    def _contraction(self, t: int, s: Sweep) -> None:
        if self._expected is not None:
            running, certified, rounding = self._expected
            self._enter(t, "contraction", s.e_norm, running, certified, rounding + s.e_rounding)

    @property
    def _spent(self) -> float:
        """η Σ ‖e(s)‖ so far, from above."""
        return self._sum + self._sum_error

    def _promised(self, bound: Callable[[Drifts, float], float]) -> float:
        if self.proof is None or self.proof.rate is None:
            return math.nan
        return bound(self.lemmas, self.proof.constants["U"])

    def _enter(
        self, t: int, lemma: str, measured: float, running: float, certified: float, rounding: float
    ) -> None:
        self.rows.append((t, lemma, measured, running, certified, rounding))

    def to_frame(self) -> DataFrame:
        """Return the ledger as a table, one row a step and lemma."""
        import pandas as pd

        columns = ["step", "lemma", "measured", "running", "certified", "rounding"]
        return pd.DataFrame(self.rows, columns=columns)

    def violations(self) -> list[tuple[int, str, float, float, float, float]]:
        """Rows whose measured side exceeds a bound by more than rounding explains; empty where the lemmas hold."""
        # "not ≤" rather than ">", so that a measured NaN counts as a violation.
        return [row for row in self.rows if not row[2] - row[5] <= min(_or_inf(row[3]), _or_inf(row[4]))]

    def looseness(self, column: str = "certified") -> dict[str, float]:
        """Smallest bound/measured over the run, per lemma: 1 is tight; NaN where nothing rose above rounding."""
        table = self.to_frame()
        table = table[(table["measured"] > 10 * table["rounding"]) & table[column].notna()]
        ratio = table[column] / table["measured"]
        found = ratio.groupby(table["lemma"]).min()
        return {lemma: float(found.get(lemma, math.nan)) for lemma in LEMMAS}


def audit(
    setting: Setting, lemmas: Drifts, *, proof: Certificate | None = None, steps: int = 1000, until: float = 0.0
) -> Ledger:
    """Train with the reference engine and keep the ledger, for ``steps`` or until ‖e‖ ≤ until·‖e(0)‖.

    Parameters
    ----------
    setting : Setting
        What to train.
    lemmas : Drifts
        From ``drifts(setting)`` of `theory.convergence.theorem_3_2` or of `theory.convergence.theorem_4_3`.
    proof : Certificate, optional
        Fills the column ``certified``.
    steps : int, optional
        Steps at most.
    until : float, optional
        Ends the run once ‖e‖ has fallen to this part of ‖e(0)‖.

    Returns
    -------
    Ledger
        One row a step and lemma.

    Examples
    --------
    >>> from theory.convergence.theorem_4_3 import drifts
    >>> from fa_ref import Problem
    >>> problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(100, 2, np.random.default_rng(0))
    >>> setting = Setting(problem, network, "identity", eta=0.1)
    >>> audit(setting, drifts(setting, form="sharper"), steps=20).violations()
    []
    """
    ledger = Ledger(setting, lemmas, proof)

    def observe(t: int, now: Network) -> bool:
        ledger(t, now)
        return ledger.last <= until * ledger.first

    train(setting, steps=steps, engine="ordered", observe=observe)
    return ledger


def _norm(A: Array) -> float:
    return float(np.abs(np.linalg.eigvalsh(A)).max())


def _or_inf(bound: float) -> float:
    return math.inf if math.isnan(bound) else bound
