"""The sheets of feedback that learns: they hold on random runs of every engine, and fail under their controls."""

import dataclasses

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from fa_ref.engines.reduced import sample_in_law
from validation.beyond import ridge_descent
from validation.beyond.learned import ALIGNMENT, DEFINITE, IDENTITY, SUM
from validation.beyond.weights import WeightRecord
from validation.judge.claims import HOLDS, NOT_APPLICABLE, VACUOUS, VIOLATED

KOLEN_POLLACK = (IDENTITY, ALIGNMENT, DEFINITE)
RULE = "rule is kolen-pollack"


def random_setting(seed, activation, rule="kolen-pollack"):
    rng = np.random.default_rng(seed)
    n, d, p = int(rng.integers(1, 6)), int(rng.integers(1, 8)), int(rng.integers(2, 60))
    X = rng.standard_normal((n, d)) * 10 ** rng.uniform(-1.0, 0.5)
    eta = 0.5 / (np.linalg.norm(X, 2) ** 2 + 1.0)
    ridge = (None, schedules.constant(0.3), schedules.inverse_square(0.9, 3.0))[seed % 3]
    network = Network.gaussian(p, d, rng)
    return Setting(Problem(X, rng.standard_normal(n)), network, activation, eta=eta, ridge=ridge, rule=rule)


@pytest.mark.parametrize(
    "engine, activation",
    [(e, a) for e in ("loops", "ordered", "gram") for a in ("identity", "tanh", "relu", "softplus")]
    + [("reduced", "identity")],
)
def test_every_sheet_holds_at_every_step_of_random_runs_of_every_engine(engine, activation):
    for seed in range(9):
        run = WeightRecord.of(random_setting(seed, activation), 30, engine)
        for claim in KOLEN_POLLACK:
            assert claim.judge(run).status == HOLDS, (seed, claim.name, str(claim.judge(run)))
        run = WeightRecord.of(random_setting(seed, activation, "hebbian"), 30, engine)
        assert SUM.judge(run).status == HOLDS, (seed, str(SUM.judge(run)))


@pytest.mark.parametrize("rule", ["fa", "bp", "hebbian"])
def test_the_identity_is_of_no_other_rule(rule):
    run = WeightRecord.of(random_setting(1, "tanh", rule), 30)
    assert IDENTITY.judge(run).status == NOT_APPLICABLE
    assert IDENTITY.without(RULE).judge(run).status == VIOLATED


@pytest.mark.parametrize("rule", ["fa", "bp", "kolen-pollack"])
def test_the_sum_is_of_no_other_rule(rule):
    run = WeightRecord.of(random_setting(1, "tanh", rule), 30)
    assert SUM.judge(run).status == NOT_APPLICABLE
    assert SUM.without("rule is hebbian").judge(run).status == VIOLATED


@pytest.mark.parametrize("name", ["beta", "b"])
def test_a_changed_digit_is_found(name):
    for claim, rule in ((IDENTITY, "kolen-pollack"), (SUM, "hebbian")):
        run = WeightRecord.of(random_setting(1, "tanh", rule), 30)
        weights = getattr(run, name).copy()
        weights[7, 0] *= 1.0 + 1e-10
        assert claim.judge(dataclasses.replace(run, **{name: weights})).status == VIOLATED


def test_decay_on_beta_alone_is_found():
    """The natural mistake: b gets the gradient, and not the decay."""
    setting = random_setting(1, "tanh")
    run = WeightRecord.of(setting, 30)
    b = run.b + run.b[0] * (1.0 - (1.0 - setting.eta * 0.3) ** run.times[:, None])
    assert IDENTITY.judge(dataclasses.replace(run, b=b)).status == VIOLATED


def test_rounding_is_bounded_and_not_by_much_more_than_it_is():
    used = []
    for seed in range(9):
        for part in IDENTITY.judge(WeightRecord.of(random_setting(seed, "tanh"), 200)).inequalities:
            used.append(np.max((part.lhs - part.rhs) / part.tolerance))
    assert 1e-3 < max(used) < 1


def wide(rule, seed=0, p=400, steps=300, **changes):
    rng = np.random.default_rng(seed)
    problem = Problem(rng.standard_normal((3, 5)) / np.sqrt(5.0), rng.standard_normal(3))
    setting = Setting(
        problem, Network.gaussian(p, 5, rng), "tanh", eta=0.1, ridge=schedules.constant(0.5), rule=rule
    ).replace(**changes)
    return WeightRecord.of(setting, steps)


def test_b_and_beta_align_and_those_of_feedback_alignment_do_not():
    run = wide("kolen-pollack")
    assert ALIGNMENT.judge(run).status == HOLDS
    assert run.alignment[-1] > 1 - 1e-8
    assert ALIGNMENT.without(RULE).judge(wide("fa")).status == VIOLATED
    assert ALIGNMENT.without(RULE).judge(wide("hebbian")).status == VIOLATED


def test_without_ridge_the_bound_stays_where_it_was():
    """c(t) = 1: β − b never shrinks, and at p = 400 the bound is below what is seen."""
    run = wide("kolen-pollack", ridge=schedules.zero())
    assert IDENTITY.judge(run).status == HOLDS
    assert abs(run.alignment[-1]) < 0.3


def test_the_bound_is_judged_on_measures_of_a_network_drawn_in_law():
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((3, 5)) / np.sqrt(5.0), rng.standard_normal(3))
    setting = Setting(problem, sample_in_law(problem, 10**10, rng), "linear", eta=0.1, rule="kolen-pollack",
                      ridge=schedules.constant(0.5))  # fmt: skip
    run = train(setting, steps=300)
    assert ALIGNMENT.judge(run).status == HOLDS
    assert IDENTITY.judge(run).status == VACUOUS
    fixed = train(setting.replace(rule="fa"), steps=300)
    assert ALIGNMENT.without(RULE).judge(fixed).status == VIOLATED


def test_the_hidden_kernel_becomes_positive_semi_definite_and_that_of_a_fixed_b_does_not():
    assert DEFINITE.judge(wide("kolen-pollack")).status == HOLDS
    assert DEFINITE.judge(opposed("kolen-pollack")).status == HOLDS
    verdict = DEFINITE.without(RULE).judge(opposed("fa"))
    assert verdict.status == VIOLATED
    assert any(part.name == "−λ_min(H)" and not part.holds for part in verdict.inequalities)


def opposed(rule, steps=400):
    """b begins against the ridge regression on the features: its H is negative where it is not learnt."""
    rng = np.random.default_rng(2)
    problem, p, lam = Problem(np.eye(3, 4) * 1.5, [1.0, -1.0, 0.5]), 300, 0.5
    start = Network.gaussian(p, 4, rng)
    Psi = np.tanh(start.W @ problem.X.T)
    best = Psi @ np.linalg.solve(Psi.T @ Psi / p + lam * np.eye(3), problem.y)
    start = Network(start.W, start.beta, -best * np.sqrt(p) / np.linalg.norm(best))
    setting = Setting(problem, start, "tanh", eta=0.05, ridge=schedules.constant(lam), rule=rule)
    return WeightRecord.of(setting, steps)


def test_kolen_pollack_descends_on_the_ridge_loss_and_a_fixed_b_may_climb():
    run = opposed("kolen-pollack")
    assert ridge_descent.CLAIM.judge(run).status == HOLDS
    fixed = opposed("fa")
    assert ridge_descent.CLAIM.judge(fixed).status == NOT_APPLICABLE
    assert ridge_descent.CLAIM.without(RULE).judge(fixed).status == VIOLATED


@pytest.mark.parametrize("activation", ["identity", "tanh", "softplus"])
@pytest.mark.parametrize("engine", ["ordered", "gram"])
def test_descent_holds_on_random_runs(activation, engine):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        n, d, p = int(rng.integers(1, 5)), int(rng.integers(1, 6)), int(rng.integers(5, 60))
        problem = Problem(rng.standard_normal((n, d)) / np.sqrt(d), rng.standard_normal(n))
        setting = Setting(problem, Network.gaussian(p, d, rng), activation, eta=0.05 / n,
                          ridge=schedules.constant(0.5), rule="kolen-pollack")  # fmt: skip
        verdict = ridge_descent.CLAIM.judge(WeightRecord.of(setting, 150, engine))
        assert verdict.status == HOLDS, (seed, str(verdict))


def test_the_hypotheses_of_descent_are_needed():
    large = wide("kolen-pollack", eta=1.9)
    assert ridge_descent.CLAIM.judge(large).status == NOT_APPLICABLE
    falling = wide("kolen-pollack", ridge=schedules.inverse_square(0.5, 10.0))
    assert ridge_descent.CLAIM.judge(falling).status == NOT_APPLICABLE
    bare = Trajectory.recorded(large.setting.replace(eta=0.1), large.times, large.residuals)
    assert ridge_descent.CLAIM.judge(bare).status == VACUOUS


def test_the_hessian_is_below_its_bound():
    """M against central differences of the gradient, along random directions."""
    run = opposed("kolen-pollack", steps=3)
    setting, M = run.setting, ridge_descent._sizes(run).M[0]
    X, y, p, lam, rng = setting.problem.X, setting.problem.y, setting.p, 0.5, np.random.default_rng(0)

    def gradient(W, beta):
        Z = W @ X.T
        e = np.tanh(Z).T @ beta / np.sqrt(p) - y
        hidden = (beta[:, None] / np.cosh(Z) ** 2 * e) @ X / np.sqrt(p)
        return np.append(hidden.ravel(), np.tanh(Z) @ e / np.sqrt(p) + lam * beta)

    largest, h = 0.0, 1e-5
    for _ in range(200):
        U, u = rng.standard_normal(run.W[0].shape), rng.standard_normal(p)
        size = np.sqrt(np.sum(U**2) + np.sum(u**2))
        U, u = U / size, u / size
        change = gradient(run.W[0] + h * U, run.beta[0] + h * u) - gradient(run.W[0] - h * U, run.beta[0] - h * u)
        largest = max(largest, np.linalg.norm(change) / (2 * h))
    assert largest <= M
    np.testing.assert_allclose(
        np.linalg.norm(gradient(run.W[1], run.beta[1])), ridge_descent.gradient_norms(run)[1], rtol=1e-12
    )
