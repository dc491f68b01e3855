"""A constant penalty: plateau, long-time laws, the edge of stability, and that no weights stand still."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.data import gaussian_inputs
from fa_ref.engines.reduced import sample_in_law
from theory.limits import fixed_time_limit, wide_prediction
from theory.limits.edge import edge_time, small_step_edge_time
from theory.limits.long_time import constant_penalty, linear_law, plateau, relu_law
from theory.limits.saturation import tanh_law
from theory.limits.stationarity import standing

LAM = schedules.constant(0.7)
CORRELATED = Problem(gaussian_inputs(4, 6, np.random.default_rng(3), scale=0.6), [1.0, -0.3, 2.0, 0.5])


@pytest.mark.parametrize("activation", ["identity", "tanh", "relu"])
def test_plateau_is_where_the_fixed_time_limit_ends(activation):
    residual = fixed_time_limit(CORRELATED, activation, [9000], eta=0.05, ridge=LAM).mean_residuals[0]
    said = plateau(CORRELATED, activation, LAM)
    # e^{-ηλt} is 1e-137; a linear system of condition number below 10 is left
    assert said.loss == pytest.approx(0.5 * residual @ residual, rel=1e-12)
    assert said.penalised > said.loss
    # of order λ² and λ: a factor 10 in a small λ is a factor 100 and 10, up to λ/γ
    small, smaller = (plateau(CORRELATED, activation, schedules.constant(lam)) for lam in (1e-6, 1e-7))
    assert small.loss / smaller.loss == pytest.approx(100, rel=1e-3)
    assert small.penalised / smaller.penalised == pytest.approx(10, rel=1e-3)


def test_edge_time_has_its_closed_form_for_isometric_inputs():
    for gamma, lam, eta in ((1.0, 0.3, 0.1), (2.5, 3.0, 0.02), (0.4, 1.0, 0.5)):
        problem = Problem(math.sqrt(gamma) * np.eye(3, 5), [1.0, -2.0, 0.5])
        sigma = math.sqrt(2 / eta - lam - gamma) / gamma
        closed = ((gamma + lam) * sigma + gamma**2 * sigma**3 / 3) / (eta * lam * np.linalg.norm(problem.y))
        # the solver's relative tolerance is 1e-11 per step
        assert edge_time(problem, eta=eta, ridge=schedules.constant(lam)) == pytest.approx(closed, rel=1e-8)


def test_edge_time_is_where_the_limit_reaches_the_edge():
    eta = 0.15
    theta = edge_time(CORRELATED, eta=eta, ridge=LAM)
    around = np.array([0.999, 1.001]) * theta
    largest = wide_prediction(CORRELATED, "identity", around, eta=eta, ridge=LAM).largest_eigenvalue
    edges = eta * (0.7 + largest)
    assert edges[0] < 2 < edges[1]
    assert (
        0.9
        < small_step_edge_time(CORRELATED, eta=1e-4, ridge=LAM) / edge_time(CORRELATED, eta=1e-4, ridge=LAM)
        < 1.0
    )
    assert edge_time(CORRELATED, eta=1.2, ridge=LAM) == 0.0


def test_linear_networks_diverge_just_after_the_edge():
    problem, eta, ridge = Problem(np.eye(5), [1.0, -1.0, 1.0, 1.0, -1.0]), 0.1, schedules.constant(0.3)
    theta, overshoot = edge_time(problem, eta=eta, ridge=ridge), []
    for p in (10**4, 10**6):
        start, steps = sample_in_law(problem, p, np.random.default_rng(p)), int(1.2 * theta * math.sqrt(p))
        run = train(problem, start, "identity", eta=eta, steps=steps, ridge=ridge, record_every=steps)
        assert run.status == "diverged"
        overshoot.append(run.diverged_at / math.sqrt(p) / theta - 1)
    assert 0 < overshoot[1] < 0.02 < overshoot[0] < 0.05
    # p^{-1/4}: a factor 10^{1/2} per hundredfold width; the amplitude that starts the growth enters by a logarithm
    assert overshoot[0] / overshoot[1] == pytest.approx(math.sqrt(10), rel=0.2)


def test_linear_law_is_approached_like_one_over_w_square():
    theta = np.array([1e4, 1e6])
    law = linear_law(CORRELATED, theta, eta=0.1, ridge=LAM)
    exact = wide_prediction(CORRELATED, "identity", theta, eta=0.1, ridge=LAM)
    off = np.abs(law.loss / (0.5 * CORRELATED.n * exact.mean_square) - 1) * law.growth**2
    assert off[1] == pytest.approx(off[0], rel=0.2)
    np.testing.assert_allclose(1 - law.alignment, 1 - exact.alignment, rtol=0.02)


def equal_sizes(plus, minus):
    groups = [(n, (n + 1) ** (-1 / 3)) for n in (plus, minus) if n]
    return sum(n * r**2 for n, r in groups) / math.sqrt(2 * sum(n * r for n, r in groups))


@pytest.mark.parametrize("plus, minus", [(1, 0), (5, 0), (3, 3), (4, 1)])
def test_relu_law_for_targets_of_one_size(plus, minus):
    problem = Problem(np.eye(plus + minus), 2.0 * np.repeat([1.0, -1.0], [plus, minus]))
    law = relu_law(problem, [1e5], eta=0.1, ridge=LAM)
    assert law.alignment[0] == pytest.approx(equal_sizes(plus, minus), rel=1e-10)
    n = plus + minus
    if minus == 0:
        assert law.alignment[0] == pytest.approx(1 / math.sqrt(2 * (1 + 1 / n)), rel=1e-10)
    if minus == plus:
        assert law.alignment[0] == pytest.approx(1 / math.sqrt(2 * (0.5 + 1 / n)), rel=1e-10)


def test_relu_law_of_a_wide_network_is_that_of_the_limit():
    problem = Problem(1.3 * np.eye(3, 4), [2.0, -1.0, 0.5])
    network = Network.gaussian(10**6, 4, np.random.default_rng(1))
    of_it, limit = (relu_law(problem, [1e3], eta=0.1, ridge=LAM, network=start) for start in (network, None))
    # entries of N are means of 10^6 terms of standard deviation below 0.7: 5 of their standard errors
    assert of_it.alignment[0] == pytest.approx(limit.alignment[0], abs=5e-3)
    assert of_it.loss[0] == pytest.approx(limit.loss[0], rel=1e-2)


def test_relu_run_ends_as_the_law_says():
    problem, ridge, eta, p, theta = Problem(np.eye(2), [20.0, -20.0]), schedules.constant(1.0), 0.005, 100, 4000.0
    network = Network.gaussian(p, 2, np.random.default_rng(0))
    steps = int(theta * math.sqrt(p))
    run = train(problem, network, "relu", eta=eta, steps=steps, ridge=ridge, record_every=steps)
    law = relu_law(problem, [theta], eta=eta, ridge=ridge, network=network)
    # corrections of relative order 1/S² to the alignment and 2λ/λ_min(G) ≈ 8λ/S² to the loss: S = 10
    assert run.alignment[-1] == pytest.approx(law.alignment[0], abs=0.01)
    assert run.loss[-1] == pytest.approx(law.loss[0], rel=0.08)


def test_tanh_law_balances_penalty_and_pull_and_is_where_runs_end():
    problem, ridge, p = Problem(np.eye(4), [3.0, -2.0, 0.1, 2.0]), schedules.constant(1.0), 200
    end = tanh_law(problem, ridge)
    assert end.level == pytest.approx(np.maximum(np.abs(problem.y) - end.level, 0).sum(), rel=1e-14)
    network = Network.gaussian(p, 4, np.random.default_rng(2))
    steps = int(2000 * math.sqrt(p))
    run = train(problem, network, "tanh", eta=0.3, steps=steps, ridge=ridge, record_every=steps)
    # units with |b_r| < 1/τ are not saturated, τ = η(|y| − c)θ ≥ 300; control: another λ ends elsewhere
    assert run.loss[-1] == pytest.approx(end.loss, rel=0.02)
    assert run.alignment[-1] == pytest.approx(tanh_law(problem, ridge, network=network).alignment, abs=0.01)
    assert abs(run.loss[-1] / tanh_law(problem, schedules.constant(1.5)).loss - 1) > 0.1


@pytest.mark.parametrize("activation", ["tanh", "softplus", "identity"])
def test_no_weights_stand_still(activation):
    rng = np.random.default_rng(0)
    for scale in (0.0, 0.1, 1.0, 5.0):
        network = Network(rng.standard_normal((30, 6)), scale * rng.standard_normal(30), rng.standard_normal(30))
        here = standing(CORRELATED, network, activation, LAM)
        assert 0 < here.ridge_residual <= here.at_most * (1 + 1e-12)


def test_standing_is_the_step_that_is_taken_and_is_nearly_tight_on_the_plateau():
    problem, eta, seen = Problem(np.eye(3), [1.0, -2.0, 0.5]), 0.3, {}
    setting = Setting(problem, Network.gaussian(2000, 3, np.random.default_rng(1)), "tanh", eta=eta, ridge=LAM)
    train(setting, steps=101, observe=lambda t, now: seen.update({t: now.copy()}))
    here = standing(problem, seen[100], "tanh", LAM)
    assert np.linalg.norm(seen[101].W - seen[100].W) == pytest.approx(eta * here.gradient_W, rel=1e-9)
    assert np.linalg.norm(seen[101].beta - seen[100].beta) == pytest.approx(eta * here.gradient_beta, rel=1e-6)
    # β has relaxed and Θ_p is nearly a multiple of I: W alone carries the bound, control: half of it is too little
    assert 1 <= here.at_most / here.ridge_residual < 1.5
    assert here.gradient_W / math.sqrt(here.slope_floor) > 0.5 * here.ridge_residual


def test_relu_can_stand_still():
    """Negative control: ψ′ vanishes on units that are dead on every sample with y_i ≠ 0."""
    network = Network([[-1.0, 0.0], [-2.0, 0.0]], [0.0, 0.0], [1.0, -1.0])
    here = standing(Problem(np.eye(2), [1.0, 0.0]), network, "relu", LAM)
    assert here.gradient_beta == here.gradient_W == 0.0 < here.ridge_residual
    assert here.at_most == math.inf


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: constant_penalty(schedules.zero()), "ridge: expected schedules.constant"),
        (lambda: edge_time(Problem(np.eye(2), [0.0, 0.0]), eta=0.1, ridge=LAM), "y: expected targets with"),
        (lambda: relu_law(CORRELATED, [1.0], eta=0.1, ridge=LAM), "problem: expected X with XXᵀ = γI"),
        (lambda: relu_law(Problem(np.eye(2), [1.0, 0.0]), [1.0], eta=0.1, ridge=LAM), "y: expected no target"),
        (lambda: tanh_law(Problem(np.eye(2), [0.0, 0.0]), LAM), "y: expected targets that"),
    ],
)
def test_refusals_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.nightly
@pytest.mark.parametrize("p, most", [(10**4, 0.05), (10**6, 0.02), (10**8, 0.01)])
def test_linear_networks_diverge_ever_closer_to_the_edge(p, most):
    problem, eta, ridge = Problem(np.eye(5), [1.0, -1.0, 1.0, 1.0, -1.0]), 0.1, schedules.constant(0.3)
    theta, start = edge_time(problem, eta=eta, ridge=ridge), sample_in_law(problem, p, np.random.default_rng(p))
    steps = int(1.2 * theta * math.sqrt(p))
    run = train(problem, start, "identity", eta=eta, steps=steps, ridge=ridge, record_every=steps)
    assert 1 < run.diverged_at / math.sqrt(p) / theta < 1 + most


@pytest.mark.nightly
@pytest.mark.parametrize(
    "activation, y, lam, eta, theta",
    [
        ("tanh", [3.0, -2.0], 1.0, 0.3, 1e4),
        ("tanh", [3.0, -2.0, 1.0, 2.0], 1.0, 0.3, 1e4),
        ("relu", [40.0, 40.0], 0.5, 0.005, 2e4),
        ("relu", [40.0, -20.0, 20.0, -40.0], 0.5, 0.005, 2e4),
    ],
)
def test_long_runs_end_within_one_percent_of_their_laws(activation, y, lam, eta, theta):
    problem, ridge, p = Problem(np.eye(len(y)), y), schedules.constant(lam), 400
    network, steps = Network.gaussian(p, len(y), np.random.default_rng(3)), int(theta * math.sqrt(p))
    run = train(problem, network, activation, eta=eta, steps=steps, ridge=ridge, record_every=steps)
    if activation == "tanh":
        end = tanh_law(problem, ridge, network=network)
        loss, cosine = end.loss, end.alignment
    else:
        law = relu_law(problem, [theta], eta=eta, ridge=ridge, network=network)
        loss, cosine = law.loss[0], law.alignment[0]
    assert run.loss[-1] == pytest.approx(loss, rel=0.01)
    assert run.alignment[-1] == pytest.approx(cosine, rel=0.01)
