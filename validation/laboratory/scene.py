"""Everything that the laboratory shows, computed from the choices: one run, its verdicts and its predictions."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Setting, Trajectory, train
from theory.kernels import MeanKernel, empirical_G, empirical_H, kernel_of
from theory.limits import edge_time, fixed_time_limit
from validation.beyond import learned
from validation.judge.claims import Claim, Verdict
from validation.laboratory.choices import Choices
from validation.laboratory.predicted import Predicted, predicted
from validation.theorems import alignment_bound, theorem_3_2, theorem_4_2, theorem_4_3, theorem_4_6

__all__ = ["Bound", "Scene", "Spectrum", "Units", "claims", "compute", "look_every"]

Array = NDArray[np.float64]

#: Times at which the weights are looked at, and at most as many steps of the limit are drawn.
LOOKS, POINTS = 24, 200

#: The limit at fixed steps is drawn up to this one: it is no limit at t = θ√p.
FIXED = 4000


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """What a theorem says of ‖e(t)‖ at the recorded steps, from its inequality applied over and over.

    Attributes
    ----------
    name : str
        Its equation number.
    share : float
        Its rate is γ over this.
    values : ndarray, shape (m,)
        The bound on ‖e(t)‖.
    promised : bool
        Whether no hypothesis of the theorem fails on this run.
    """

    name: str
    share: float
    values: Array
    promised: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Spectrum:
    """Eigenvalues of G + H of the network in training.

    Attributes
    ----------
    times : ndarray of int, shape (k,)
        Steps at which it was looked at.
    values : ndarray, shape (k, n)
        Ascending; for backpropagation those of G + H_BP.
    gamma, top : float
        λ_min(Ḡ) and λ_max(Ḡ).
    edge : float
        2/η − λ(0): a residual along a larger eigenvalue grows.
    """

    times: NDArray[np.int64]
    values: Array
    gamma: float
    top: float
    edge: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Each hidden unit at the start and at the last look.

    Attributes
    ----------
    time : int
        The step of the last look.
    b, b_now, beta_0, beta, moved : ndarray, shape (p,)
        Its feedback weight at the start and then, β_r(0), β_r(t) and ‖w_r(t) − w_r(0)‖.
    slope : float
        The bound of (3.2) on ‖w_r(t) − w_r(0)‖/|b_r|; NaN where there is none.
    """

    time: int
    b: Array
    b_now: Array
    beta_0: Array
    beta: Array
    moved: Array
    slope: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What the page shows.

    Attributes
    ----------
    choices : Choices
    run : Trajectory
    kernel : MeanKernel
        Ḡ, Θ̄ and γ of the inputs.
    verdicts : tuple of Verdict
        Of the sheets that speak of such a run.
    bound : Bound or None
        On the residual; None where no sheet speaks of the rule.
    limit : tuple of ndarray or None
        Steps, and ½‖e‖² there as p → ∞ at a fixed step, from the run's own f(0); None where η(λ + λ_max(Ḡ)) ≥ 2.
    edge : float or None
        The step at which λ_max(G) is predicted to reach 2/η − λ: linear networks under a constant penalty.
    predicted : Predicted
        The alignment, without a fitted number, or why there is no prediction.
    spectrum : Spectrum
    units : Units
    seconds : float
        How long all this took.
    """

    choices: Choices
    run: Trajectory
    kernel: MeanKernel
    verdicts: tuple[Verdict, ...]
    bound: Bound | None
    limit: tuple[NDArray[np.int64], Array] | None
    edge: float | None
    predicted: Predicted
    spectrum: Spectrum
    units: Units
    seconds: float


def compute(choices: Choices) -> Scene:
    """Train, look at the weights on the way, judge and predict.

    Parameters
    ----------
    choices : Choices

    Returns
    -------
    Scene

    Raises
    ------
    ValueError
        If there is no such setting; the message says what to change.

    Examples
    --------
    >>> scene = compute(Choices(n=4, d=8, p=200, steps=60))
    >>> scene.run.status, [verdict.status for verdict in scene.verdicts], scene.bound.name
    ('completed', ['holds', 'vacuous'], '(3.1)')
    >>> scene.spectrum.values.shape
    (21, 4)
    """
    begun = time.perf_counter()
    setting = choices.setting()
    run = train(setting, steps=choices.steps, record_every=choices.record_every)
    kernel = kernel_of(setting.problem, setting.activation)
    sheets = claims(setting)
    verdicts = tuple(claim.judge(run) for claim in sheets)
    spectrum, units = _looked_at(setting, run, kernel)
    return Scene(
        choices=choices, run=run, kernel=kernel, verdicts=verdicts, bound=_bound(run, sheets[0], verdicts[0]),
        limit=_limit(run, kernel), edge=_edge(setting), predicted=predicted(run, kernel), spectrum=spectrum,
        units=_bounded(units, verdicts), seconds=time.perf_counter() - begun,
    )  # fmt: skip


def claims(setting: Setting) -> tuple[Claim, ...]:
    """The sheets that speak of such a run; the first one bounds its residual.

    Examples
    --------
    >>> [claim.name for claim in claims(Choices(activation="identity", penalty="cutoff").setting())]
    ['Theorem 4.3', 'Theorem 4.6']
    """
    if setting.rule == "kolen-pollack":
        return (learned.ALIGNMENT,)
    penalised = setting.ridge.maximum > 0
    decays = setting.ridge.recipe[0] in ("inverse_square", "exponential")
    if setting.activation.linear:
        aligned = (theorem_4_6.REMARK if decays else theorem_4_6.CLAIM,) if penalised else ()
        return (theorem_4_3.CLAIM, *aligned)
    return (theorem_4_2.CLAIM,) if penalised else (theorem_3_2.CLAIM, alignment_bound.CLAIM)


def _bound(run: Trajectory, claim: Claim, verdict: Verdict) -> Bound | None:
    """The recursion of (3.1), (4.2) or (4.3) from ‖e(0)‖ on."""
    setting, name = run.setting, {theorem_3_2.CLAIM: "(3.1)", theorem_4_2.CLAIM: "(4.2)"}.get(claim, "(4.3)")
    gamma = kernel_of(setting.problem, setting.activation).gamma
    if setting.rule != "fa" or not gamma > 0:
        return None
    share = 2.0 if setting.activation.linear else 4.0
    rate, eta, y_norm = gamma / share, setting.eta, float(np.linalg.norm(setting.problem.y))
    at = np.empty(int(run.times[-1]) + 1)
    at[0] = run.residual_norms[0]
    for t, lam in enumerate(setting.ridge.values(at.size - 1)):
        at[t + 1] = max(0.0, 1.0 - eta * rate - eta * lam) * at[t] + eta * lam * y_norm
    promised = not any(margin.met is False for margin in verdict.hypotheses)
    return Bound(name=name, share=share, values=at[run.times], promised=promised)


def _limit(run: Trajectory, kernel: MeanKernel) -> tuple[NDArray[np.int64], Array] | None:
    setting = run.setting
    if setting.rule == "bp" or not setting.eta * (setting.ridge.maximum + _top(kernel)) < 2:
        return None
    times = np.unique(np.linspace(0, min(run.times[-1], FIXED), POINTS).astype(np.int64))
    limit = fixed_time_limit(setting.problem, setting.activation, times, eta=setting.eta, ridge=setting.ridge)
    with np.errstate(under="ignore"):
        return times, 0.5 * np.sum(limit.residuals(run.residuals[0] + setting.problem.y) ** 2, axis=1)


def _edge(setting: Setting) -> float | None:
    linear = setting.rule == "fa" and setting.activation.linear
    if not (linear and setting.ridge.recipe[0] == "constant" and setting.ridge.maximum > 0):
        return None
    if not (setting.problem.X.T @ setting.problem.y).any():  # then W does not move
        return None
    return edge_time(setting.problem, eta=setting.eta, ridge=setting.ridge) * math.sqrt(setting.start.p)


def _top(kernel: MeanKernel) -> float:
    return float(np.linalg.eigvalsh(kernel.G)[-1])


def look_every(run: Trajectory) -> tuple[int, int]:
    """Up to which step the weights are looked at, and how many steps lie between two looks."""
    steps = max(0, int(run.times[-1]) - (run.status == "diverged"))
    return steps, max(1, math.ceil(steps / LOOKS))


def _looked_at(setting: Setting, run: Trajectory, kernel: MeanKernel) -> tuple[Spectrum, Units]:
    """Train again, looking at the weights at about `LOOKS` steps: a fast engine recovers them for each look."""
    X, psi, start, taken = setting.problem.X, setting.activation, setting.start, []
    last: list[Network] = []

    def look(t: int, network: Network) -> None:
        if np.isfinite(network.W).all() and np.isfinite(network.beta).all():
            H = empirical_H(X, network, psi, rule=setting.rule)
            taken.append((t, np.linalg.eigvalsh(empirical_G(X, network, psi) + H)))
            last[:] = [network.copy()]

    steps, every = look_every(run)
    train(setting, steps=steps, record_every=every, observe=look)
    spectrum = Spectrum(
        times=np.array([t for t, _ in taken]), values=np.array([values for _, values in taken]), gamma=kernel.gamma,
        top=_top(kernel), edge=2.0 / setting.eta - float(setting.ridge.values(1)[0]),
    )  # fmt: skip
    now = last[0]
    units = Units(
        time=taken[-1][0], b=start.b, b_now=now.b, beta_0=start.beta, beta=now.beta,
        moved=np.linalg.norm(now.W - start.W, axis=1), slope=math.nan,
    )  # fmt: skip
    return spectrum, units


def _bounded(units: Units, verdicts: tuple[Verdict, ...]) -> Units:
    """The units with the bound of (3.2), where a sheet states it."""
    slopes = [i.rhs[-1] for verdict in verdicts for i in verdict.inequalities if i.name == "(3.2) W" and i.rhs.size]
    parts = {name: getattr(units, name) for name in ("time", "b", "b_now", "beta_0", "beta", "moved")}
    return Units(**parts, slope=float(slopes[0]) if slopes else math.nan)
