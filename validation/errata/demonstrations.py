"""What a checker finds in the paper as printed: each erratum as a demonstration, both readings side by side.

`demonstrate` runs all nine. In each the printed reading fails on a counterexample that is named, and the corrected
one holds on the same. Where the printed text is not false but misleads (the ninth), the misreading fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from fa_ref import Network, Problem, data, train
from fa_ref.adapters import eta_from_mean_squared_step
from theory.alignment import sharp_constant, sharp_schedule
from theory.kernels import empirical_G, mean_kernel
from theory.kernels.isometry import printed_dimension, sufficient_dimension
from theory.kernels.one_step import one_step
from theory.precision import gamma
from validation.errata.readings import ascend, descend
from validation.judge.claims import HOLDS
from validation.search.cases import Case, single_thread
from validation.theorems import explicit, theorem_3_2
from validation.theorems.contraction import contraction

__all__ = ["Erratum", "demonstrate"]


@dataclass(frozen=True)
class Erratum:
    """One erratum, shown.

    Attributes
    ----------
    number : int
        1 to 9.
    place : str
        Where in the paper.
    printed, corrected : str
        Both readings.
    printed_holds, corrected_holds : bool
        What the demonstration found.
    setting : str
        The counterexample to the printed reading.
    finding : str
        What was measured on it.
    """

    number: int
    place: str
    printed: str
    corrected: str
    printed_holds: bool
    corrected_holds: bool
    setting: str
    finding: str

    @property
    def shown(self) -> bool:
        """Whether the printed reading failed and the corrected one held."""
        return self.corrected_holds and not self.printed_holds

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, for tables and JSON."""
        return {**asdict(self), "shown": self.shown}


def demonstrate(seed: int = 0) -> list[Erratum]:
    """Run every demonstration, in order.

    Parameters
    ----------
    seed : int, optional
        Of the networks and inputs.

    Examples
    --------
    >>> [erratum.number for erratum in demonstrate() if erratum.shown]
    [1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    demonstrations: tuple[Callable[[np.random.Generator], Erratum], ...] = (
        residual_sign, ridge_update, ridge_pull, mean_kernel_dimension, step_size_clause,
        published_step_sizes, isometry_rate, expansion_of_beta, large_L,
    )  # fmt: skip
    streams = np.random.SeedSequence(seed).spawn(len(demonstrations))
    return [show(np.random.default_rng(stream)) for show, stream in zip(demonstrations, streams, strict=True)]


def _orthonormal(activation: str, rng: np.random.Generator, *, p: int = 2000, eta: float = 0.1) -> Case:
    problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    return Case(problem, Network.gaussian(p, 3, rng), activation, eta, steps=40)


def residual_sign(rng: np.random.Generator) -> Erratum:
    """e = y − f with the updates as printed climbs."""
    case = _orthonormal("tanh", rng)
    printed, corrected = (theorem_3_2.CLAIM.judge(run) for run in (ascend(case), descend(case)))
    first, last = ascend(case).residual_norms[[0, -1]]
    return Erratum(
        1, "Section 2, the residual", "eᵢ = yᵢ − f(xᵢ)", "eᵢ = f(xᵢ) − yᵢ",
        printed.status == HOLDS, corrected.status == HOLDS, str(case),
        f"‖e‖ goes from {first:.3g} to {last:.3g} under the printed sign: it is ascent",
    )  # fmt: skip


def ridge_update(rng: np.random.Generator) -> Erratum:
    """(1 − λ)β is not a gradient step on (4.1), (1 − ηλ)β is."""
    problem, network, eta, lam = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(20, 2, rng), 0.1, 0.5

    def loss(beta: np.ndarray) -> float:
        residual = Network(network.W, beta, network.b).output(problem.X, "tanh") - problem.y
        return float(0.5 * residual @ residual + 0.5 * lam * beta @ beta)

    h = 0.5  # (4.1) is quadratic in β, so that a central difference has no truncation error
    gradient = np.array([(loss(network.beta + h * u) - loss(network.beta - h * u)) / (2 * h) for u in np.eye(20)])
    Psi = np.tanh(network.W @ problem.X.T)
    e = Psi.T @ network.beta / math.sqrt(20) - problem.y
    forward = eta / math.sqrt(20) * (Psi @ e)
    wanted = network.beta - eta * gradient
    rounding = 4 * eta / h * gamma(60) * loss(np.abs(network.beta) + h)  # two losses of some 60 roundings each
    off = {
        shrink: float(np.abs((1.0 - shrink) * network.beta - forward - wanted).max()) for shrink in (lam, eta * lam)
    }
    return Erratum(
        2, "Section 4.1, the ridge update", "β ← (1 − λ) β − …", "β ← (1 − ηλ) β − …",
        off[lam] <= rounding, off[eta * lam] <= rounding, "tanh, n = 2, p = 20, η = 0.1, λ = 0.5",
        f"distance to a gradient step on (4.1): {off[lam]:.2g} as printed, {off[eta * lam]:.1g} corrected",
    )  # fmt: skip


def ridge_pull(rng: np.random.Generator) -> Erratum:
    """λ‖y‖ is not enough where η > 1."""
    network = Network.gaussian(2000, 1, rng)
    problem = Problem([[0.1]], network.output([[0.1]], "identity"))
    case = Case(problem, network, "identity", 20.0, np.array([1e-3]), steps=20)
    run = case.evidence()
    met = all(margin.met is not False for margin in explicit.LINEAR.hypotheses(run))
    printed = contraction("(4.3) as printed", run, 0.5 * problem.lambda_min, pull=1.0)
    corrected = contraction("(4.3)", run, 0.5 * problem.lambda_min)
    return Erratum(
        3, "Theorems 4.2 and 4.3, (4.2) and (4.3)", "… + λ(t) ‖y‖", "… + ηλ(t) ‖y‖",
        printed.holds or not met, corrected.holds and met, str(case),
        f"every hypothesis met; ‖e(1)‖ = {printed.lhs[0]:.3g} > {printed.rhs[0]:.3g} as printed, "
        f"≤ {corrected.rhs[0]:.3g} corrected",
    )  # fmt: skip


def mean_kernel_dimension(rng: np.random.Generator) -> Erratum:
    """W ∈ R^{p×d}, so w ~ N(0, I_d); and G = XWᵀWXᵀ needs its 1/p."""
    X, p = data.gaussian_inputs(4, 6, rng, scale=6**-0.5), 300
    network, y = Network.gaussian(p, 6, rng), np.ones(4)
    step = one_step(X, y, network, "identity", eta=0.01)
    corrected = float(np.abs(step.after - step.linear - step.remainder).max())
    without_p = step.linear - 0.01 * (p - 1) * empirical_G(X, network, "identity") @ step.before
    printed = float(np.abs(step.after - without_p - step.remainder).max())
    return Erratum(
        4, "Assumption 3.1; Section 4.2, G of the linear network", "w ~ N(0, I_p);  G = XWᵀWXᵀ",
        "w ~ N(0, I_d);  G = XWᵀWXᵀ/p", printed <= step.rounding, corrected <= step.rounding,
        f"identity, n = 4, d = 6, p = {p}: w·x needs w ∈ R^6",
        f"the one-step identity is off by {printed:.2g} as printed, by {corrected:.1g} corrected",
    )  # fmt: skip


def step_size_clause(rng: np.random.Generator) -> Erratum:
    """No width helps where η > 2/λ_max(G)."""
    statuses, kept = [], []
    for p in (2000, 20000):
        case = _orthonormal("tanh", rng, p=p)
        eta = 2.2 / float(np.linalg.eigvalsh(mean_kernel(np.eye(3), "tanh").G)[-1])
        statuses.append(
            theorem_3_2.CLAIM.without("ηnB0²").decided().judge(replace(case, eta=eta).evidence()).status
        )
        kept.append(theorem_3_2.CLAIM.judge(case.evidence()).status)
    return Erratum(
        5, "Theorems 3.2, 4.2 and 4.3", "for any η", "for η with η λ_max(G) ≤ 1",
        statuses == [HOLDS] * 2, kept == [HOLDS] * 2, "tanh, X = I₃, η = 2.2/λ_max(Ḡ), p = 2000 and 20000",
        f"(3.1) is {statuses[0]} and {statuses[1]}; at η = 0.1 it {kept[0]} and {kept[1]}",
    )  # fmt: skip


def published_step_sizes(rng: np.random.Generator) -> Erratum:
    """Section 5's ReLU step 10⁻² diverges on ½Σe², and converges on the mean squared error."""
    X = data.gaussian_inputs(50, 150, rng)
    problem = Problem(X, data.network_teacher(X, 400, "relu", rng))
    network, runs = Network.gaussian(400, 150, rng), []
    for eta in (1e-2, eta_from_mean_squared_step(1e-2, problem.n)):
        with single_thread():
            runs.append(train(problem, network, "relu", eta=eta, steps=60))
    top = float(np.linalg.eigvalsh(mean_kernel(X, "relu").G)[-1])
    sizes = [run.settings["eta"] * top for run in runs]
    norms = [run.residual_norms[[0, -1]] for run in runs]
    return Erratum(
        6, "Section 5, step sizes", "step 10⁻² on ½ Σ e²", "step 10⁻² on (1/n) Σ e², η = 2·step/n",
        runs[0].status == "completed" and bool(norms[0][1] < norms[0][0]),
        runs[1].status == "completed" and bool(norms[1][1] < norms[1][0]),
        "relu, n = 50, d = 150, p = 400, inputs N(0, I_d), as published",
        f"ηλ_max(Ḡ) = {sizes[0]:.3g} as printed ({runs[0].status}), {sizes[1]:.2g} corrected",
    )  # fmt: skip


def isometry_rate(rng: np.random.Generator) -> Erratum:  # noqa: ARG001
    """Proposition 4.5 at n = 1, exactly: K ~ χ²_d/d, so every probability is a number."""
    delta, rows = 0.1, []

    def failure(d: float, epsilon: float) -> float:
        low, high = d * (1 - epsilon), d * (1 + 4 * epsilon) * (1 - epsilon)
        return float(stats.chi2.cdf(low, d) + stats.chi2.sf(high, d))

    for constant in (1.0, 10.0, 100.0):
        epsilon = 0.01 / constant
        printed = failure(constant * printed_dimension(1, epsilon, delta), epsilon)
        rows.append((printed, failure(sufficient_dimension(1, epsilon, delta), epsilon)))
    return Erratum(
        7, "Proposition 4.5", "d = Ω((1/ε) log(n/δ) + (n/ε) log(1/ε))", "d = Ω((n + log(1/δ))/ε²)",
        all(printed <= delta for printed, _ in rows), all(right <= delta for _, right in rows),
        "n = 1, δ = 0.1, constants 1, 10, 100 in the printed Ω at ε = 0.01, 0.001, 0.0001",
        "failure probability "
        + ", ".join(f"{printed:.2g}" for printed, _ in rows)
        + f" as printed, at most {max(right for _, right in rows):.1g} corrected",
    )  # fmt: skip


def expansion_of_beta(rng: np.random.Generator) -> Erratum:
    """Linear network, two steps: β(2) = β(0) − (η/√p) F (e(0) + e(1)) + (η/√p)² (e(0)ᵀK e(1)) b, exactly."""
    problem = Problem(data.gaussian_inputs(3, 4, rng, scale=0.5), [1.0, -1.0, 2.0])
    p, eta = 100, 0.1
    network = Network.gaussian(p, 4, rng)
    with single_thread():
        run = train(problem, network, "identity", eta=eta, steps=2)
    assert run.network is not None
    e0, e1 = run.residuals[0], run.residuals[1]
    F, along_b, unit = network.W @ problem.X.T, float(e0 @ problem.K @ e1), eta / math.sqrt(p)
    rest = run.network.beta - network.beta + unit * F @ (e0 + e1)
    off = [float(np.abs(rest - unit**power * along_b * network.b).max()) for power in (1, 2)]
    size = (
        np.abs(network.beta)
        + unit * np.abs(F) @ (np.abs(e0) + np.abs(e1))
        + unit**2 * abs(along_b) * np.abs(network.b)
    )
    rounding = (
        gamma(p + 60) * float(size.max()) * 10
    )  # e(1) carries the p-term sum's rounding, at most ten times over
    return Erratum(
        8, "Section 6, the expansion of β(t); Theorem 3.2, constants",
        "… + (η/√p) α₂ b;  c₁, c₂, c₁, c₂", "… + (η/√p)² α₂ b;  c₁, c₂, C₁, C₂",
        off[0] <= rounding, off[1] <= rounding, f"identity, n = 3, p = {p}, two steps at η = {eta}",
        f"β(2) is off by {off[0]:.2g} with the first power, by {off[1]:.1g} with the square",
    )  # fmt: skip


def large_L(rng: np.random.Generator) -> Erratum:
    """At its fixed budget a larger L aligns less."""
    n, p, eta, c_S = 5, 2500, 0.05, 5.0
    y = rng.standard_normal(n)
    problem, network = Problem(np.eye(n), y * math.sqrt(n) / np.linalg.norm(y)), Network.gaussian(p, n, rng)
    reached, limits = [], []
    for L in (3.0, 12.0):
        ridge = sharp_schedule(L, c_S, p, n, eta)
        steps = round(ridge.total / L) + 400
        with single_thread():
            run = train(problem, network, "identity", eta=eta, steps=steps, ridge=ridge, record_every=steps)
        reached.append(float(run.alignment[-1]))
        limits.append(sharp_constant(L, c_S, 1.0))
    falls = reached[1] < reached[0] and limits[1] < limits[0]
    return Erratum(
        9, "Theorem 4.6", "a large constant L aligns", "at a fixed budget Σλ a smaller L aligns more",
        not falls, falls, f"identity, n = {n} orthonormal, p = {p}, c_S = {c_S:g}, L = 3 and 12",
        f"alignment {reached[0]:.3f} and {reached[1]:.3f} (limits {limits[0]:.3f} and {limits[1]:.3f})",
    )  # fmt: skip
