"""Isometry of the inputs: definitions, the Davidson–Szarek bounds, and the corrected rate of Proposition 4.5."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from theory.kernels.isometry import (
    davidson_szarek,
    isometry,
    limiting_aspect_ratio,
    printed_dimension,
    proposition_4_5,
    smallest_dimension,
    sufficient_dimension,
    wishart_root,
)
from theory.kernels.random_inputs import random_gammas


def smallest_d_for_one_input(epsilon, delta):
    """Exact for n = 1, K = χ²_d/d: the smallest d from which on P(1−ε ≤ K ≤ 1+3ε−4ε²) ≥ 1 − δ, by bisection."""
    law = stats.chi2
    holds = lambda d: (  # noqa: E731
        law.cdf((1 + 3 * epsilon - 4 * epsilon**2) * d, d) - law.cdf((1 - epsilon) * d, d) >= 1 - delta
    )
    low, high = 1, 1
    while not holds(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def test_isometry_is_definition_4_4():
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 4)))[0].T
    X = np.diag([1.0, 1.1, 1.2, 1.5]) @ Q
    measured = isometry(X)
    # Singular values by LAPACK: a few eps relative to the largest.
    assert measured.gamma == pytest.approx(1.0, rel=1e-13)
    assert measured.epsilon == pytest.approx(1.25, rel=1e-13)
    assert measured.satisfies(0.99, 1.3)
    assert not measured.satisfies(1.01, 1.3)
    assert not measured.satisfies(0.99, 1.2)
    assert isometry(X.T).epsilon == math.inf


def test_epsilon_is_relative_to_the_least_eigenvalue():
    measured = isometry([[2.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    assert (measured.lambda_min, measured.lambda_max) == pytest.approx((4.0, 9.0), rel=1e-14)
    assert measured.gamma == measured.lambda_min
    assert measured.epsilon == pytest.approx(1.25, rel=1e-14)
    assert isometry([[1.0, 0.0], [2.0, 0.0]]).epsilon > 1e14  # λ_min is 0 but for rounding
    assert isometry(np.zeros((2, 3))).epsilon == math.inf


def test_proposition_4_5_reads_both_ends():
    for value, expected in [(0.89, False), (0.91, True), (1.25, True), (1.27, False)]:
        assert proposition_4_5(math.sqrt(value) * np.eye(2), 0.1) is expected


def test_wishart_root_has_the_gram_law():
    # Entries of K: means δ_ij, variances (1 + δ_ij)/d. 5 entries each, 20000 draws, 6.5 standard errors for the
    # means (normal to order 1/√draws): false alarms < 1e-9; variances are compared within 6.5·√(κ/draws), κ ≤ 20.
    n, d, draws = 4, 6, 20_000
    rng = np.random.default_rng(1)
    roots = (wishart_root(n, d, rng) for _ in range(draws))
    grams = np.array([R @ R.T for R in roots])
    for i, j in [(0, 0), (3, 3), (1, 0), (3, 0), (3, 2)]:
        entry, variance = grams[:, i, j], (1 + (i == j)) / d
        assert abs(entry.mean() - (i == j)) <= 6.5 * math.sqrt(variance / draws)
        assert abs(entry.var() - variance) <= 6.5 * variance * math.sqrt(20 / draws)
    assert wishart_root(4, 3, rng).shape == (4, 3)


@pytest.mark.parametrize("n, d", [(1, 30), (5, 40), (20, 25), (20, 400)])
def test_davidson_szarek_holds_with_its_probability(n, d):
    # 2000 draws at δ = 0.1: if the bound is true, more than 300 misses have probability < 1e-12 (binomial).
    delta, draws, rng = 0.1, 2000, np.random.default_rng(2)
    low, high = davidson_szarek(n, d, delta)
    misses = 0
    for _ in range(draws):
        singular = np.linalg.svd(wishart_root(n, d, rng), compute_uv=False)
        misses += not (low <= singular[-1] and singular[0] <= high)
    assert stats.binom.sf(300, draws, delta) < 1e-12
    assert misses <= 300


def test_negative_control_half_the_davidson_szarek_width_fails():
    rng, misses = np.random.default_rng(3), 0
    low, high = davidson_szarek(20, 400, 0.1)
    for _ in range(200):
        singular = np.linalg.svd(wishart_root(20, 400, rng), compute_uv=False)
        misses += not ((1 + low) / 2 <= singular[-1] and singular[0] <= (1 + high) / 2)
    assert misses > 150


@pytest.mark.parametrize("epsilon", [1e-3, 0.02, 0.1, 0.3, 0.49])
def test_sufficient_dimension_is_the_smallest_that_is_certified(epsilon):
    for n, delta in [(1, 0.5), (5, 0.1), (50, 1e-3)]:
        d = sufficient_dimension(n, epsilon, delta)
        certified = []
        for trial in (d, d - 1):
            low, high = davidson_szarek(n, trial, delta)
            # 1e-12: the rounding of d ~ 10⁹ operations' worth of square roots, against steps of 1/(2d) > 1e-10.
            certified.append(
                low**2 >= 1 - epsilon - 1e-12 * (trial == d)
                and high**2 <= 1 + 3 * epsilon - 4 * epsilon**2 + 1e-12 * (trial == d)
            )
        assert certified == [True, False]


def test_printed_rate_fails_for_one_input_exactly():
    # Exact law (χ²), n = 1, δ = 0.01: whatever the constant of the printed rate, some ε breaks it, because
    # needed/printed grows like 1/(ε log(1/ε)) without bound, while needed/corrected stays in a fixed interval.
    delta, epsilons = 0.01, [0.3, 0.1, 0.03, 0.01, 0.003, 0.001]
    needed = [smallest_d_for_one_input(epsilon, delta) for epsilon in epsilons]
    printed = [d / printed_dimension(1, epsilon, delta) for d, epsilon in zip(needed, epsilons, strict=True)]
    corrected = [d / sufficient_dimension(1, epsilon, delta) for d, epsilon in zip(needed, epsilons, strict=True)]
    assert all(b > 2 * a for a, b in itertools.pairwise(printed))
    assert printed[-1] > 500
    assert all(0.1 < ratio < 1 for ratio in corrected)
    assert max(corrected) < 2 * min(corrected)


def test_one_input_needs_four_log_over_epsilon_squared():
    # P(χ²_d/d < 1 − ε) = exp(−dε²/4 (1 + O(ε)) + O(log)) as δ → 0: d ε²/(4 log(1/δ)) → 1 from below.
    ratios = [
        smallest_d_for_one_input(0.01, delta) * 1e-4 / (4 * math.log(1 / delta)) for delta in (1e-3, 1e-6, 1e-12)
    ]
    assert ratios == sorted(ratios)
    assert 0.6 < ratios[0] < ratios[-1] < 1


def test_lower_bound_for_many_inputs():
    # If δ < ½, d ≥ (1−ε)(n − 5/3)/(9ε²) (docs/kernels.md). Just below it, isometry fails more often than not.
    rng, n, epsilon, draws = np.random.default_rng(4), 40, 0.1, 200
    d = math.floor((1 - epsilon) * (n - 5 / 3) / (9 * epsilon**2))
    successes = sum(proposition_4_5(wishart_root(n, d, rng), epsilon) for _ in range(draws))
    assert successes == 0


def test_ten_times_the_printed_dimension_fails_and_the_corrected_one_holds():
    # n = 20, ε = 0.01, δ = 0.1: even with the constant 10 the printed d fails in every draw; at the corrected d,
    # more than 60 failures in 200 draws would have probability < 1e-14 if the proposition holds.
    n, epsilon, delta, draws, rng = 20, 0.01, 0.1, 200, np.random.default_rng(5)
    printed = math.ceil(10 * printed_dimension(n, epsilon, delta))
    assert not any(proposition_4_5(wishart_root(n, printed, rng), epsilon) for _ in range(draws))
    corrected = sufficient_dimension(n, epsilon, delta)
    failures = sum(not proposition_4_5(wishart_root(n, corrected, rng), epsilon) for _ in range(draws))
    assert stats.binom.sf(60, draws, delta) < 1e-12
    assert failures <= 60


@pytest.mark.parametrize("epsilon", [0.02, 0.1])
def test_smallest_dimension_lies_between_the_limits(epsilon):
    # The threshold is near the limit law's 4n/ε² and below what Davidson–Szarek certifies; 30 % covers n = 40.
    found = smallest_dimension(40, epsilon, 0.5, np.random.default_rng(6), draws=100, resolution=0.02)
    assert found.frequency >= 0.5 > found.frequency_below
    assert found.d - found.below <= 0.02 * found.d
    assert 0.7 <= found.d / (40 * limiting_aspect_ratio(epsilon)) <= 1.3
    assert found.d < sufficient_dimension(40, epsilon, 0.5)


def test_smallest_dimension_takes_any_sampler():
    orthonormal = lambda n, d, rng: np.eye(n, d)  # noqa: E731
    assert smallest_dimension(3, 0.1, 0.1, np.random.default_rng(7), draws=1, sampler=orthonormal).d == 3


@pytest.mark.parametrize("edge", [5, 137, 1000])
def test_the_smallest_dimension_is_exact_where_the_resolution_is(edge):
    """From d = edge on every second draw is orthonormal: a share of ½, which is enough for δ = ½."""
    turns = itertools.count()

    def sampler(n, d, rng):
        return np.eye(n, d) if d >= edge and next(turns) % 2 else np.zeros((n, d))

    found = smallest_dimension(4, 0.1, 0.5, np.random.default_rng(0), draws=2, resolution=1e-9, sampler=sampler)
    assert (found.d, found.below, found.frequency, found.frequency_below) == (edge, edge - 1, 0.5, 0.0)
    coarse = smallest_dimension(4, 0.1, 0.5, np.random.default_rng(0), draws=2, resolution=0.2, sampler=sampler)
    assert coarse.below < edge <= coarse.d
    assert coarse.d - coarse.below <= max(1, 0.2 * coarse.d)


def test_same_seed_same_dimension():
    first, second = (smallest_dimension(4, 0.3, 0.1, np.random.default_rng(8), draws=50) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_proposition_3_3_gamma_stays_away_from_zero(activation):
    # x ~ N(0, I_d/d), d = 3n: γ does not shrink as n grows fourfold (it concentrates: 20 % is ten times its
    # spread), and is certified; with d = n/2 it is smaller (the linear part of ψ contributes nothing to λ_min).
    gammas = {}
    for n, d in [(20, 60), (80, 240), (80, 40)]:
        kernels = random_gammas(n, d, activation, 3, np.random.default_rng(n + d))
        assert all(kernel.certified for kernel in kernels)
        gammas[n, d] = min(kernel.gamma for kernel in kernels)
    assert gammas[80, 240] > 0.6 * gammas[20, 60]
    assert gammas[80, 40] < 0.5 * gammas[80, 240]


@pytest.mark.parametrize(
    "function, arguments, message",
    [
        (sufficient_dimension, (0, 0.1, 0.1), "n: expected an integer >= 1"),
        (sufficient_dimension, (5, 0.5, 0.1), "epsilon: expected a finite number > 0 and < 0.5"),
        (printed_dimension, (5, 0.1, 0.0), "delta: expected a finite number > 0 and < 1"),
        (proposition_4_5, ([[1.0]], 0.7), "epsilon: expected"),
        (isometry, ([1.0],), "X: expected an array with 2 axes"),
    ],
)
def test_bad_arguments_are_named(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)
