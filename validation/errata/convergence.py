"""Errata of the convergence theorems: what λ multiplies, the step size, and the published step sizes."""

from __future__ import annotations

import numpy as np

from fa_ref import Network, Problem, Setting, data, schedules, train
from fa_ref._support.threads import threads
from fa_ref.adapters import eta_from_mean_squared_step
from theory.kernels import mean_kernel
from validation.errata.entry import Outcome, demonstration
from validation.errata.readings import orthonormal
from validation.judge.record import reference_run
from validation.judge.verdicts import HOLDS
from validation.theorems import explicit, theorem_3_2
from validation.theorems.inequality_3_1 import contraction

__all__ = ["published_step_sizes", "ridge_pull", "step_size_clause"]


@demonstration(
    3,
    place="Theorems 4.2 and 4.3, (4.2) and (4.3)",
    printed="… + λ(t) ‖y‖",
    corrected="… + ηλ(t) ‖y‖",
)
def ridge_pull(rng: np.random.Generator) -> Outcome:
    """λ‖y‖ is not enough where η > 1."""
    network = Network.gaussian(2000, 1, rng)
    problem = Problem([[0.1]], network.output([[0.1]], "identity"))
    setting, steps = Setting(problem, network, "identity", eta=20.0, ridge=schedules.cutoff(1e-3, 0)), 20
    run = reference_run(setting, steps)
    met = all(margin.met is not False for margin in explicit.LINEAR.hypotheses(run))
    printed = contraction("(4.3) as printed", run, 0.5 * problem.lambda_min, pull=1.0)
    corrected = contraction("(4.3)", run, 0.5 * problem.lambda_min)
    return Outcome(
        printed_holds=printed.holds or not met,
        corrected_holds=corrected.holds and met,
        setting=f"{setting}, {steps} steps",
        finding=(
            f"every hypothesis met; ‖e(1)‖ = {printed.lhs[0]:.3g} > {printed.rhs[0]:.3g} as printed, "
            f"≤ {corrected.rhs[0]:.3g} corrected"
        ),
    )


@demonstration(
    5,
    place="Theorems 3.2, 4.2 and 4.3",
    printed="for any η",
    corrected="for η with η λ_max(G) ≤ 1",
)
def step_size_clause(rng: np.random.Generator) -> Outcome:
    """No width helps where η > 2/λ_max(G)."""
    statuses, kept = [], []
    for p in (2000, 20000):
        setting = orthonormal("tanh", rng, p=p)
        eta = 2.2 / float(np.linalg.eigvalsh(mean_kernel(np.eye(3), "tanh").G)[-1])
        statuses.append(
            theorem_3_2.CLAIM.without("ηnB0²").decided().judge(reference_run(setting.replace(eta=eta), 40)).status
        )
        kept.append(theorem_3_2.CLAIM.judge(reference_run(setting, 40)).status)
    return Outcome(
        printed_holds=statuses == [HOLDS] * 2,
        corrected_holds=kept == [HOLDS] * 2,
        setting="tanh, X = I₃, η = 2.2/λ_max(Ḡ), p = 2000 and 20000",
        finding=f"(3.1) is {statuses[0]} and {statuses[1]}; at η = 0.1 it {kept[0]} and {kept[1]}",
    )


@demonstration(
    6,
    place="Section 5, step sizes",
    printed="step 10⁻² on ½ Σ e²",
    corrected="step 10⁻² on (1/n) Σ e², η = 2·step/n",
)
def published_step_sizes(rng: np.random.Generator) -> Outcome:
    """Section 5's ReLU step 10⁻² diverges on ½Σe², and converges on the mean squared error."""
    X = data.gaussian_inputs(50, 150, rng)
    problem = Problem(X, data.network_teacher(X, 400, "relu", rng))
    network, runs = Network.gaussian(400, 150, rng), []
    for eta in (1e-2, eta_from_mean_squared_step(1e-2, problem.n)):
        with threads(1):
            runs.append(train(problem, network, "relu", eta=eta, steps=60))
    top = float(np.linalg.eigvalsh(mean_kernel(X, "relu").G)[-1])
    sizes = [run.setting.eta * top for run in runs]
    norms = [run.residual_norms[[0, -1]] for run in runs]
    return Outcome(
        printed_holds=runs[0].status == "completed" and bool(norms[0][1] < norms[0][0]),
        corrected_holds=runs[1].status == "completed" and bool(norms[1][1] < norms[1][0]),
        setting="relu, n = 50, d = 150, p = 400, inputs N(0, I_d), as published",
        finding=f"ηλ_max(Ḡ) = {sizes[0]:.3g} as printed ({runs[0].status}), {sizes[1]:.2g} corrected",
    )
