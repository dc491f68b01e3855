"""Theorem 4.6's constant, its bracket, and the law without ridge, each against simulation or brute force."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, train
from fa_ref.data import gaussian_inputs, isometric_inputs
from theory.alignment import (
    alignment_bound,
    no_alignment_coefficient,
    sharp_bracket,
    sharp_constant,
    sharp_schedule,
)
from theory.kernels import mean_kernel
from theory.limits.linear import linear_limit
from validation.beyond.deviations import nested_network, no_alignment_deviation, sharp_constant_deviation


def root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("L", [0.3, 3.0, 40.0])
@pytest.mark.parametrize("c_S", [1e-9, 0.088, 5.0, 1e6])
def test_sharp_constant_solves_its_cubic(L, c_S):
    cosine = sharp_constant(L, c_S, nu=0.7, gamma_over_M=0.8)
    kappa = cosine / math.sqrt((1 - cosine) * (1 + cosine))
    # cos loses 1 − cos to rounding: relative error of κ up to eps/(1 − cos²) = eps(1 + κ²), times 3 in the cube
    tolerance = 8 * np.finfo(float).eps * (1 + kappa**2)
    assert (1 + L) * kappa + kappa**3 / 3 == pytest.approx(c_S * 0.7 * 0.8, rel=tolerance)


def test_sharp_constant_falls_with_L_and_rises_with_the_budget():
    assert np.all(np.diff([sharp_constant(L, 5, 1) for L in (0.1, 1, 3, 10, 100)]) < 0)
    assert np.all(np.diff([sharp_constant(3, c, 1) for c in (0, 0.1, 1, 10)]) > 0)
    # to first order in c_S it is c_S ν/(1 + L); the next term is relatively of order c_S²
    assert sharp_constant(3, 1e-5, 2) == pytest.approx(1e-5 * 2 / 4, rel=1e-9)


def drifted(gram, y, lam, budget):
    """Alignment after the cutoff, for K = diag(gram) and ηλθ = budget."""
    problem = Problem(np.diag(np.sqrt(gram)), y)
    end = budget / lam
    return linear_limit(problem, 1.0, lambda t: lam if t < end else 0.0, np.array([1.1 * end])).alignment[0]


def test_bracket_holds_every_isometric_case_and_closes_at_epsilon_zero():
    rng = np.random.default_rng(5)
    for _ in range(40):
        n, epsilon = int(rng.integers(2, 6)), float(rng.choice([0.0, 0.05, 0.5, 3.0]))
        L, c_S = 10 ** rng.uniform(-1, 1.5, size=2)
        gram = 1 + epsilon * np.concatenate([[0, 1], rng.random(n - 2)])
        y = rng.standard_normal(n) * rng.choice([1, 0.03], n)
        y /= np.linalg.norm(y)
        lower, upper = sharp_bracket(L, c_S, 1 / math.sqrt(n), epsilon)
        cosine = drifted(gram, y, L, c_S / (math.sqrt(n) * (1 + epsilon)))
        # the ordinary differential equation is solved to 1e-10, the jump located to 1e-12 of the time
        assert lower - 1e-8 <= cosine <= upper + 1e-8
        if epsilon == 0:
            assert upper - lower < 1e-8
            assert cosine == pytest.approx(sharp_constant(L, c_S, 1 / math.sqrt(n)), abs=1e-8)


def test_bracket_fails_for_inputs_less_isometric_than_it_is_told():
    # y along the largest eigenvalue of a (1, 3)-isometric K: the bracket of ε = 0 at the same budget misses it
    told, true = sharp_bracket(3, 5, 1, 0.0, gamma_over_M=0.25), sharp_bracket(3, 5, 1, 3.0)
    cosine = drifted(np.array([1.0, 4.0]), np.array([0.0, math.sqrt(2)]), 3.0, 5 / (math.sqrt(2) * 4))
    assert not told.lower <= cosine <= told.upper
    assert true.lower <= cosine <= true.upper


def test_bracket_integrates_between_the_kinks_of_its_integrand():
    """Across them the quadrature does not converge, and warns (which fails here)."""
    for case in ((13.0, 63.9, 5.67, 0.129), (2.04, 26.4, 17.6, 4.49), (3.46, 2.3e5, 0.405, 30.9)):
        lower, upper = sharp_bracket(*case)
        assert 0 < lower < upper < 1


def test_networks_approach_the_sharp_constant():
    problem = Problem(isometric_inputs(3, 4, np.random.default_rng(0), gamma=2.0), [1.0, -0.5, 2.0])
    spread = [
        root_mean_square([
            sharp_constant_deviation(2.0, 3.0, problem, nested_network(p, 4, seed), eta=0.05, tail=60)
            for seed in range(8)
        ])
        for p in (100, 6400)
    ]  # fmt: skip
    # p^{-1/2} predicts a ratio of 8; a ratio below 2 has probability < 1e-5 (F with 8 and 8 degrees: F > 16)
    assert spread[1] < spread[0] / 2
    wrong = sharp_constant_deviation(2.0, 3.0, problem, nested_network(6400, 4, 0), eta=0.05, tail=60)
    wrong += sharp_constant(2, 3, 1) - sharp_constant(2, 3.6, 1)  # control: a budget misread by a fifth is seen
    assert abs(wrong) > 3 * spread[1]


def test_schedule_of_theorem_4_6_spends_its_budget():
    schedule = sharp_schedule(L=2, c_S=0.5, p=10**6, n=4, eta=0.1, gamma=2.0, gamma_over_M=0.5)
    budget = 0.5 * 0.5 * math.sqrt(2e6) / (0.1 * 2)
    assert schedule.maximum == 4.0
    assert budget < schedule.total <= budget + schedule.maximum  # T + 1 steps, T = ⌊S/λ⌋


PROBLEM = Problem(gaussian_inputs(4, 6, np.random.default_rng(3), scale=6**-0.5), [1.0, -1.0, 1.0, -1.0])


def test_finite_time_form_is_its_sum_over_steps():
    eta, steps = 0.4, 17
    kernel = mean_kernel(PROBLEM.X, "tanh")
    second, P, total = kernel.G + np.outer(PROBLEM.y, PROBLEM.y), np.eye(4), 0.0
    reached = np.zeros((4, 4))
    for _ in range(steps):  # E η Σ e_sᵀ Θ̄ u_s with u_s = reached e_0, e_s = P e_0
        total += eta * np.trace(second @ P.T @ kernel.Theta @ reached)
        reached, P = reached + eta * P, P @ (np.eye(4) - eta * kernel.G)
    coefficient = no_alignment_coefficient(PROBLEM, "tanh", eta=eta, steps=steps)
    assert coefficient == pytest.approx(total, rel=1e-12)  # some hundred roundings of well-conditioned sums
    inverse = np.linalg.inv(kernel.G)
    law = 0.5 * (np.trace(inverse @ kernel.Theta) + PROBLEM.y @ inverse @ kernel.Theta @ inverse @ PROBLEM.y)
    assert no_alignment_coefficient(PROBLEM, "tanh") == pytest.approx(law, rel=1e-10)
    late = no_alignment_coefficient(PROBLEM, "tanh", eta=eta, steps=10**5)
    assert late == pytest.approx(no_alignment_coefficient(PROBLEM, "tanh", eta=eta), rel=1e-10)


@pytest.mark.parametrize("activation", ["identity", "tanh", "relu"])
def test_law_without_ridge_is_approached_by_networks(activation):
    eta, steps = 0.3, 40
    spread = [
        root_mean_square(
            [no_alignment_deviation(PROBLEM, activation, p, seed, eta=eta, steps=steps) for seed in range(8)]
        )
        for p in (100, 6400)
    ]
    # ratio 8 predicted; a factor 4 less has probability < 1e-6 for root mean squares of 8 draws
    assert spread[1] < spread[0] / 2
    limit = no_alignment_coefficient(PROBLEM, activation, eta=eta, steps=steps)
    assert spread[1] < limit / 4  # so the law is resolved: without its ½ it would be refuted


def test_bound_of_section_4_1_holds_with_the_movement_and_fails_without():
    network = Network.gaussian(400, 6, np.random.default_rng(1))
    off = network.b - (network.b @ network.beta) / (network.beta @ network.beta) * network.beta
    network = Network(network.W, network.beta, off)  # cos = 0 at the start: all alignment is movement
    run = train(PROBLEM, network, "tanh", eta=0.3, steps=80)
    movement = run.measures["beta_movement"]
    bounds = np.array([alignment_bound(network, float(m)) for m in movement])
    assert np.all(np.abs(run.alignment) <= bounds * (1 + 1e-12))  # rounding of sums of 400 terms
    assert bounds[-1] < 1
    assert abs(run.alignment[-1]) > alignment_bound(network, 0.0)
    assert alignment_bound(Network(network.W, network.beta, 0 * network.b), 0.1) == 1.0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: sharp_constant(0, 1, 1), "L: expected a finite number > 0"),
        (lambda: sharp_constant(1, -1, 1), "c_S: expected a finite number >= 0"),
        (lambda: sharp_constant(1, 1, 1, 1.5), "gamma_over_M: expected"),
        (lambda: sharp_bracket(1, 1, 1, 0.5, 0.9), "gamma_over_M: expected at most"),
        (lambda: alignment_bound(Network.gaussian(3, 1, np.random.default_rng(0)), 0.1, 2.0), "decay: expected"),
        (lambda: no_alignment_coefficient(Problem([[1.0], [1.0]], [1, 1]), "tanh"), "X: expected lambda_min"),
        (lambda: no_alignment_coefficient(Problem(np.eye(2), [1, 1]), "identity", eta=2.5), "eta: expected"),
        (
            lambda: no_alignment_coefficient(Problem(np.eye(2), [1, 1]), "identity", steps=3),
            "eta: expected the step size",
        ),
        (
            lambda: sharp_constant_deviation(1, 1, PROBLEM, nested_network(10, 6, 0), eta=0.1),
            "problem: expected X with",
        ),
    ],
)
def test_refusals_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
