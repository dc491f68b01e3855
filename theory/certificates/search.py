"""`certify`: train until convergence is proved, and compare the rate that was proved with the one that is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number
from fa_ref._support.notebook import html_table
from fa_ref.network import Network
from fa_ref.schedules import Schedule
from fa_ref.setting import Setting
from fa_ref.training import train
from theory.certificates.from_state import from_state
from theory.certificates.record import StateCertificate
from theory.precision import EPS

__all__ = ["Certification", "certify"]

Array = NDArray[np.float64]

#: Steps taken at a time after the certificate, until the tolerance is reached.
CHUNK = 128


@dataclass(frozen=True, kw_only=True, repr=False)
class Certification:
    """What `certify` found.

    Attributes
    ----------
    certificate : StateCertificate or None
        That of the first attempt that succeeded, or else of the last one; None if none was made.
    step : int or None
        The step whose weights are certified, None if there is none.
    steps : int
        The step at which ‖e‖ reached the tolerance, or else the last one taken.
    status : str
        ``"converged"``, ``"completed"`` (without reaching the tolerance) or ``"diverged"``.
    attempts : int
        Number of attempts.
    observed_rate : float
        The largest a with ‖e(t + 1)‖ ≤ (1 − ηa) ‖e(t)‖ at every later step seen (NaN if none was); never below
        the proved rate.
    mean_rate : float
        The a with which the later steps contracted on average.
    setting : Setting or None
        The certified weights with their problem, ψ and η; no ridge.
    least_alignment, final_alignment : float
        The smallest and the last cos∠(b, β(t)) of the later steps (NaN if none was seen).
    """

    certificate: StateCertificate | None
    step: int | None
    steps: int
    status: str
    attempts: int
    observed_rate: float = math.nan
    mean_rate: float = math.nan
    setting: Setting | None = None
    least_alignment: float = math.nan
    final_alignment: float = math.nan

    def __bool__(self) -> bool:
        """Whether convergence is proved."""
        return self.step is not None

    def __str__(self) -> str:
        """At most eleven lines: the step, and its certificate."""
        found = "no certificate was tried" if self.certificate is None else str(self.certificate)
        where = f"proved for the weights at step {self.step}" if self else f"no proof up to step {self.steps}"
        return f"{where} ({self.status}, attempts: {self.attempts}); {found}"

    def __repr__(self) -> str:
        return f"<Certification: {str(self).splitlines()[0]}>"

    def _repr_html_(self) -> str:
        rows = [("step", self.step), ("attempts", self.attempts), ("status", self.status)]
        rest = "" if self.certificate is None else self.certificate._repr_html_()
        return html_table("Certification", rows) + rest

    @property
    def network(self) -> Network | None:
        """The certified weights."""
        return self.setting.start if self.setting else None

    @property
    def proved_rate(self) -> float | None:
        """The certificate's rate."""
        return self.certificate.rate if self.certificate else None

    @property
    def fraction(self) -> float:
        """The part of the training that it took to prove the rest."""
        return self.step / self.steps if self.step is not None and self.steps else math.nan


def certify(
    setting: Setting,
    *,
    max_steps: int = 10_000,
    every: int | None = None,
    rigorous: bool = False,
    tolerance: float = 1e-10,
) -> Certification:
    """Train with feedback alignment until an a-posteriori certificate is found, then on to the tolerance.

    Parameters
    ----------
    setting : Setting
        As in `fa_ref.train`, rule "fa". With a ridge, attempts begin where λ is zero for good.
    max_steps : int, optional
        Steps at most.
    every : int, optional
        Attempt at each multiple of this. By default attempts grow rarer: each comes when a quarter more steps have
        been taken since λ became zero, and a sixteenth of the steps before that at least; so a certificate is found
        no more than so much later than it could be.
    rigorous : bool, optional
        Confirm in ball arithmetic. An attempt in floating point comes first.
    tolerance : float, optional
        ‖e‖ at which training ends.

    Returns
    -------
    Certification
        True as a boolean if the convergence of this run was proved.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> problem = Problem(np.eye(2), [0.5, -0.5])
    >>> network = Network.gaussian(400, 2, np.random.default_rng(0))
    >>> found = certify(Setting(problem, network, "tanh", eta=0.5))
    >>> found.status, 0 < found.proved_rate <= found.observed_rate
    ('converged', True)
    >>> low, high = found.certificate.final_alignment
    >>> low <= found.final_alignment <= high
    True
    """
    if setting.rule != "fa":
        raise ValueError(f"rule: expected fa, of which the theorem speaks, got {setting.rule!r}")
    max_steps = as_count("max_steps", max_steps)
    every = None if every is None else as_count("every", every)
    tolerance = as_number("tolerance", tolerance, above=0)
    start = _ridge_end(setting.ridge, max_steps)
    search = _Search(setting, rigorous, start, every)
    stride = every or max(1, min(start, max_steps) // 16)  # recovering W at a step costs as much as many steps
    run = train(setting, steps=max_steps, record_every=stride, observe=search)
    if search.found is None:
        return Certification(
            certificate=search.last,
            step=None,
            steps=int(run.times[-1]),
            status=run.status,
            attempts=search.attempts,
        )
    step, certified = search.found
    later = _follow(certified, max_steps - step, tolerance)
    slowest, mean = _rates(later.norms, setting.eta, float(np.linalg.norm(setting.problem.y)))
    return Certification(
        certificate=search.last, step=step, steps=step + later.norms.size - 1, status=later.status,
        attempts=search.attempts, observed_rate=slowest, mean_rate=mean, setting=certified,
        least_alignment=float(later.alignment.min()), final_alignment=float(later.alignment[-1]),
    )  # fmt: skip


class _Search:
    """The observer that attempts a certificate when it is due."""

    def __init__(self, setting: Setting, rigorous: bool, start: int, every: int | None) -> None:
        self.setting, self.rigorous = setting.replace(ridge=schedules.zero()), rigorous
        self.start, self.due, self.every = start, start, every
        self.found: tuple[int, Setting] | None = None
        self.last: StateCertificate | None = None
        self.attempts = 0

    def __call__(self, t: int, network: Network) -> bool:
        if t < self.due:
            return False
        self.due = t + (self.every or max(1, (t - self.start) // 4))
        self.attempts += 1
        now = self.setting.replace(network=network)
        self.last = from_state(now)
        if self.last and self.rigorous:
            self.last = from_state(now, rigorous=True)
        if self.last:
            self.found = t, now
        return bool(self.last)


def _ridge_end(ridge: Schedule, steps: int) -> int:
    """The first step from which λ is zero for good; ``steps`` + 1 if it is not known to be."""
    positive = np.flatnonzero(ridge.values(steps + 1))
    end = int(positive[-1]) + 1 if positive.size else 0
    whole = math.isclose(ridge.partial_sum(steps + 1), ridge.total, rel_tol=1e-12)
    return end if whole else steps + 1


@dataclass(frozen=True, kw_only=True)
class _Later:
    """‖e‖ and cos∠(b, β) at each step after the certificate, and how the run ended."""

    norms: Array
    alignment: Array
    status: str


def _follow(setting: Setting, steps: int, tolerance: float) -> _Later:
    """Run until ‖e‖ is within the tolerance."""
    norms, alignment, status = np.empty(0), np.empty(0), "completed"
    network: Network | None = setting.start
    while network is not None:
        run = train(setting.replace(network=network), steps=min(CHUNK, steps))
        norms = np.append(norms[:-1], run.residual_norms)
        alignment = np.append(alignment[:-1], run.alignment)
        steps, network, status = steps - min(CHUNK, steps), run.network, run.status
        below = np.flatnonzero(norms <= tolerance)
        if below.size:
            end = int(below[0]) + 1
            return _Later(norms=norms[:end], alignment=alignment[:end], status="converged")
        if status == "diverged" or steps == 0:
            break
    return _Later(norms=norms, alignment=alignment, status=status)


def _rates(norms: Array, eta: float, y_norm: float) -> tuple[float, float]:
    """The slowest and the mean rate of contraction, above the level at which rounding disturbs them."""
    floor = 1e4 * EPS * (1 + y_norm)
    seen = norms[norms > floor]
    if seen.size < 2:
        return math.nan, math.nan
    slowest = float(np.max(seen[1:] / seen[:-1]))
    mean = float((seen[-1] / seen[0]) ** (1 / (seen.size - 1)))
    return (1 - slowest) / eta, (1 - mean) / eta
