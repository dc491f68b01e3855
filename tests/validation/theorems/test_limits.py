"""Wide limits: closed forms against each other, and every limit against networks of growing width."""

import math

import numpy as np
import pytest

from fa_ref import Problem, schedules
from fa_ref.activations import resolve
from fa_ref.data import gaussian_inputs
from theory.alignment import sharp_constant
from theory.kernels import mean_kernel
from theory.limits import fixed_time_limit, wide_alignment, wide_prediction
from theory.limits.linear import linear_mean_run
from theory.limits.mean_field import Equations, draw_particles, mean_run, predict, step_run, vectorised
from theory.limits.theta_time import jumps, rescaled_ridge, time_grid
from validation.beyond.deviations import fixed_time_deviation, stretched_cutoff, wide_alignment_deviation

PROBLEM = Problem(gaussian_inputs(4, 6, np.random.default_rng(3), scale=0.6), [1.0, -1.0, 1.0, 1.0])
X, Y = PROBLEM.X, PROBLEM.y
ETA, LAM = 0.1, 0.4
RIDGE = schedules.constant(LAM)


def root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values))))


def test_a_penalty_that_ends_where_it_began_is_not_a_constant():
    """λ(0) = 0 and λ(t) = 0 for all late t do not make λ ≡ 0."""
    own = schedules.Schedule("own", lambda t: 0.5 + 0.0 * t, math.inf, 0.5)
    for ridge in (schedules.explicit([0.0, 0.5]), own):
        with pytest.raises(ValueError, match="p: expected the width"):
            rescaled_ridge(ridge)
    assert rescaled_ridge(schedules.zero())(3.0) == rescaled_ridge(schedules.explicit([0.0]))(3.0) == 0.0
    assert rescaled_ridge(schedules.explicit([0.0, 0.5]), 4)(0.5) == 0.5


@pytest.mark.parametrize("ridge", [schedules.zero(), schedules.constant(0.4), schedules.inverse_square(1.0, 9.0)])
def test_fixed_time_limit_is_its_recursion(ridge):
    G = mean_kernel(X, "tanh").G
    limit = fixed_time_limit(PROBLEM, "tanh", [0, 7, 30], eta=ETA, ridge=ridge)
    f_0 = np.array([0.3, -0.2, 0.9, 0.1])
    e, covariance, lam = f_0 - Y, G.copy(), ridge.values(30)
    for t in range(30):
        P = np.eye(4) - ETA * G - ETA * lam[t] * np.eye(4)
        e, covariance = P @ e - ETA * lam[t] * Y, P @ covariance @ P.T
    # thirty contractions in another basis: a few hundred roundings of numbers of size one
    np.testing.assert_allclose(limit.residuals(f_0)[2], e, atol=1e-13)
    np.testing.assert_allclose(limit.covariance(2), covariance, atol=1e-13)
    mean = limit.mean_residuals[2]
    assert limit.mean_loss[2] == pytest.approx(0.5 * (mean @ mean + np.trace(covariance)), rel=1e-12)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
def test_networks_approach_the_fixed_time_limit(activation):
    spread = [
        root_mean_square([
            fixed_time_deviation(PROBLEM, activation, p, seed, eta=ETA, ridge=RIDGE, steps=40)
            for seed in range(8)
        ])
        for p in (100, 6400)
    ]  # fmt: skip
    # p^{-1/2} predicts a ratio of 8; root mean squares of 8 draws miss by a factor 4 with probability < 1e-6
    assert spread[1] < spread[0] / 2


def test_linear_limit_has_the_closed_form_of_isometric_inputs():
    theta, n = np.array([0.0, 0.7, 20.0, 3000.0]), 5
    budget = 0.1 * 3.0 * theta * math.sqrt(n) / math.sqrt(n)  # c_S ν with ν = 1: ηλθ√n ν over √n, at γ = M = 1
    expected = [sharp_constant(3.0, c * math.sqrt(n), 1.0) for c in budget]
    # the solver's relative tolerance is 1e-10, its error is reported
    problem, given = Problem(np.eye(n), np.ones(n)), {"eta": 0.1, "ridge": schedules.constant(3.0)}
    prediction = wide_prediction(problem, "identity", theta, **given)
    np.testing.assert_allclose(prediction.alignment, expected, atol=1e-8)
    assert prediction.error.max() < 1e-4
    assert wide_alignment(problem, "identity", 20.0, **given) == pytest.approx(expected[2], abs=1e-8)


def test_linear_mean_run_tends_to_the_limit():
    theta = np.array([3.0, 30.0])
    limit = wide_alignment(PROBLEM, "identity", theta, eta=ETA, ridge=RIDGE)
    gaps = []
    for p in (10**6, 10**8):
        times = np.rint(theta * math.sqrt(p)).astype(np.int64)
        run = linear_mean_run(PROBLEM, ETA, schedules.constant(LAM), p, times)
        gaps.append(np.abs(run.alignment - limit).max())
    assert gaps[0] == pytest.approx(10 * gaps[1], rel=0.1)  # first order in 1/√p; the second is 1e-3 of it


@pytest.mark.parametrize("p", [None, 400])
def test_particles_reproduce_the_closed_linear_equations(p):
    theta, eta = np.array([20.0, 200.0]), 0.01  # particles live in continuous time, which is η → 0 at fixed ηθ
    exact = wide_prediction(PROBLEM, "identity", theta, eta=eta, ridge=RIDGE, p=p)
    penalty, rng = rescaled_ridge(RIDGE), np.random.default_rng(0)
    particles = predict(PROBLEM, resolve("identity"), eta, penalty, theta, p, 4096, 5e-4, rng)
    # the error is twice an estimated standard error plus the change by halving the steps; η λ_max/√p = 2e-3 on top
    assert np.all(np.abs(particles.alignment - exact.alignment) < 3 * particles.error + 1e-3)
    assert particles.error.max() < 0.02
    np.testing.assert_allclose(particles.mean_square, exact.mean_square, rtol=0.05)


def test_steps_of_the_algorithm_are_the_mean_dynamics_at_finite_eta():
    theta, p = np.array([3.0, 15.0]), 400
    G_0, draw = mean_kernel(X, "identity").G, draw_particles(PROBLEM.K, 16384, np.random.default_rng(0))
    linear = Equations(PROBLEM.K, Y, G_0, resolve("identity"), ETA, rescaled_ridge(RIDGE), float(p), theta, ())
    exact = wide_prediction(PROBLEM, "identity", theta, eta=ETA, ridge=RIDGE, p=p)
    steps = step_run(linear, *draw, 0)
    # the exact recursion at exact moments up to fourth: Z and b are sampled, E b²z zᵀ to about 1/√N = 0.8 %
    np.testing.assert_allclose(steps[0], exact.alignment, atol=0.02)
    np.testing.assert_allclose(steps[2], exact.initial_share, rtol=0.02)
    np.testing.assert_allclose(steps[3], exact.largest_eigenvalue, rtol=0.05)
    # continuous time is its limit η → 0 at fixed ηθ, here 100 times finer
    slow = Equations(PROBLEM.K, Y, mean_kernel(X, "tanh").G, resolve("tanh"), ETA / 40, rescaled_ridge(RIDGE),
                   float(p), 40 * theta[:1], ())  # fmt: skip
    few = [each[:512] for each in (draw[0][:512], draw[1][:512])]
    np.testing.assert_allclose(step_run(slow, *few, 0)[0], mean_run(slow, *few, 2048)[0], atol=5e-3)


def test_mean_run_of_particles_tends_to_their_limit():
    theta = np.array([4.0, 25.0])
    limit = wide_prediction(PROBLEM, "tanh", theta, eta=ETA, ridge=RIDGE, tolerance=2e-4)
    wide = wide_prediction(PROBLEM, "tanh", theta, eta=ETA, ridge=RIDGE, p=10**10, tolerance=2e-4)
    # the same particles: only the time steps of two different integrators separate them (and 1/√p = 1e-5)
    np.testing.assert_allclose(wide.alignment, limit.alignment, atol=2e-3)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_networks_approach_the_theta_limit(activation):
    theta = np.array([5.0, 20.0])
    given = {"eta": ETA, "ridge": RIDGE, "theta": theta}
    predicted = wide_prediction(PROBLEM, activation, theta, eta=ETA, ridge=RIDGE)
    assert predicted.error.max() < 0.02
    spread = [
        root_mean_square([
            wide_alignment_deviation(PROBLEM, activation, p, seed, **given, predicted=predicted.alignment)
            for seed in range(6)
        ])
        for p in (100, 3200)
    ]  # fmt: skip
    # p^{-1/2} predicts a ratio of 5.7, the prediction's own error adds 0.02 at most
    assert spread[1] < spread[0] / 2 + 0.02
    assert spread[1] < 0.05
    # control: an η that is wrong by a factor two is refuted by the same networks
    wrong = wide_alignment(PROBLEM, activation, theta, eta=2 * ETA, ridge=RIDGE)
    assert wide_alignment_deviation(PROBLEM, activation, 3200, 0, **given, predicted=wrong) > 0.05


def test_finite_width_follows_networks_whose_initialisation_has_not_decayed():
    theta, p, ridge = np.array([4.0, 12.0]), 400, schedules.constant(0.05)  # ηλt = 1.2 at the end: c√p = 6
    bare = wide_alignment(PROBLEM, "tanh", theta, eta=ETA, ridge=ridge)
    mean = wide_alignment(PROBLEM, "tanh", theta, eta=ETA, ridge=ridge, p=p)
    gaps = {
        name: [
            wide_alignment_deviation(
                PROBLEM, "tanh", p, seed, eta=ETA, ridge=ridge, theta=theta, predicted=prediction
            )
            for seed in range(12)
        ]
        for name, prediction in (("bare", bare), ("mean", mean))
    }
    assert max(gaps["mean"]) < min(gaps["bare"])


def test_cutoff_in_theta_and_in_steps_agree():
    theta = np.array([5.0, 9.0, 11.0, 30.0])
    limit = wide_alignment(PROBLEM, "tanh", theta, eta=ETA, ridge=lambda t: LAM if t < 10.0 else 0.0)
    p = 10**8
    steps = wide_alignment(PROBLEM, "tanh", theta, eta=ETA, ridge=stretched_cutoff(LAM, 10.0)(p), p=p)
    np.testing.assert_allclose(limit, steps, atol=3e-3)  # twice the tolerance of time steps, and 1/√p
    assert limit[2] == pytest.approx(limit[3], abs=1e-12)  # without ridge nothing drifts on this scale
    linear = [
        wide_alignment(PROBLEM, "identity", theta, eta=ETA, ridge=lambda t: LAM if t < 10.0 else 0.0),
        wide_alignment(PROBLEM, "identity", theta, eta=ETA, ridge=stretched_cutoff(LAM, 10.0)(p), p=p),
    ]
    np.testing.assert_allclose(*linear, atol=1e-3)  # 1/√p = 1e-4 times a constant of order one


def test_after_a_cutoff_equal_inputs_are_not_fitted_apart():
    """e → 0 after a cutoff needs λ_min(G) > 0: two equal inputs keep half of what their targets differ by."""
    twins = Problem([[1.0, 0.5], [1.0, 0.5], [0.0, 1.0]], [1.0, 0.0, 1.0])
    for activation in ("tanh", "identity"):
        said = wide_prediction(
            twins, activation, [2.0, 4.0], eta=ETA, ridge=lambda t: LAM if t < 2.0 else 0.0, particles=1024
        )
        assert said.mean_square[1] == pytest.approx(0.5 / 3, rel=1e-9)
        assert np.isfinite(said.alignment).all()


def test_jumps_are_found_and_stopped_at():
    assert jumps(lambda t: 1.0 if t < math.pi else 0.2, 10.0) == [pytest.approx(math.pi, abs=1e-12)]
    assert jumps(lambda t: math.exp(-t), 10.0) == []
    grid = time_grid([0.0, 2.0, math.pi, 7.0], 20, head=1e-3)
    assert {2.0, math.pi, 7.0} <= set(grid)
    assert np.all(np.diff(grid) > 0)
    assert np.diff(grid).max() <= 0.35 * (1 + 1e-9)


@pytest.mark.parametrize("name", ["tanh", "relu", "erf"])
def test_array_forms_are_the_activation(name):
    z, (values, slopes) = np.linspace(-40, 40, 4001), vectorised(resolve(name))
    # two libraries' tanh, each good to a few units in the last place of numbers of size one
    np.testing.assert_allclose(values(z), resolve(name)(z), atol=1e-15)
    np.testing.assert_allclose(slopes(z), resolve(name).derivative(z), atol=2e-15)


def test_same_seed_same_prediction():
    first, again, other = (
        wide_prediction(PROBLEM, "relu", 6.0, eta=ETA, ridge=RIDGE, particles=512, rng=np.random.default_rng(s))
        for s in (1, 1, 2)
    )
    assert first.alignment[0] == again.alignment[0] != other.alignment[0]


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: wide_alignment(Problem(X, 0 * Y), "tanh", 1.0, eta=ETA, ridge=RIDGE),
            "y: expected targets that are not all zero",
        ),
        (lambda: wide_alignment(PROBLEM, "tanh", -1.0, eta=ETA, ridge=RIDGE), "theta: expected times >= 0"),
        (
            lambda: wide_alignment(PROBLEM, "tanh", 1.0, eta=ETA, ridge=schedules.cutoff(LAM, 5)),
            "p: expected the width",
        ),
        (
            lambda: wide_alignment(PROBLEM, "tanh", 1.0, eta=ETA, ridge=RIDGE, particles=20),
            "particles: expected at least",
        ),
        (
            lambda: wide_alignment(PROBLEM, "tanh", 1.0, eta=ETA, ridge=lambda t: -1.0),
            "ridge: expected finite values",
        ),
        (
            lambda: wide_alignment(Problem(np.zeros((2, 2)), [1, 1]), "identity", 1.0, eta=ETA, ridge=RIDGE),
            "y: expected targets with",
        ),
        (lambda: fixed_time_limit(PROBLEM, "tanh", eta=ETA).residuals([1.0]), "initial_output: expected 4"),
    ],
)
def test_refusals_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
