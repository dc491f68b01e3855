"""Gaussian moments: closed form, expansion, plane quadrature and Monte Carlo agree within bounds."""

import math

import numpy as np
import pytest
from own_psi import copy_of, softsign
from scipy import integrate, special

from fa_ref.activations import ACTIVATIONS, Activation
from theory.kernels.moments import second_moments
from theory.kernels.quadrature import Integrand, Rows, _hermite_block
from theory.precision import UNIT_ROUNDOFF

SMOOTH = ["identity", "tanh", "sigmoid", "erf", "softplus"]
COMPLEX = {
    "identity": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: 0.25 / np.cosh(z / 2) ** 2),
    "erf": (special.erf, lambda z: 2 / math.sqrt(math.pi) * np.exp(-z * z)),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
}


def covariance(seed, n=12, d=9, size=1.0, hard=True):
    """K of random inputs of the given norm², with equal, opposite, collinear and nearly parallel rows."""
    X = np.random.default_rng(seed).normal(size=(n, d)) * math.sqrt(size / d)
    if hard:
        X[1], X[3], X[5], X[7] = X[0], -X[2], X[4] + 1e-3 * X[5], 1.5 * X[6]
    return X @ X.T


def rotated_trapezoid(psi, K, nodes=1500, reach=9.5):
    """E ψ(u)ψ(v) from the definition, u = σ_u s, v = σ_v(ρs + √(1−ρ²)t), on a grid in (s, t)."""
    s, h = np.linspace(-reach, reach, nodes, retstep=True)
    w = np.exp(-s * s / 2) * h / math.sqrt(2 * math.pi)
    rho = K[0, 1] / math.sqrt(K[0, 0] * K[1, 1])
    inner = np.array([w @ psi(math.sqrt(K[1, 1]) * (rho * x + math.sqrt(1 - rho * rho) * s)) for x in s])
    return float(np.sum(w * psi(math.sqrt(K[0, 0]) * s) * inner))


@pytest.mark.parametrize("name", SMOOTH)
def test_strips_bound_the_activation_on_the_complex_strip(name):
    strip = ACTIVATIONS[name].strip
    psi, dpsi = COMPLEX[name]
    x, y = np.linspace(-30, 30, 3001)[:, None], np.linspace(-strip.width, strip.width, 101)
    assert (np.abs(psi(x + 1j * y)) <= strip.offset + strip.growth * np.abs(x)).all()
    assert (np.abs(dpsi(x + 1j * y)) <= strip.slope).all()


@pytest.mark.parametrize("size", [1e-4, 1.0, 150.0, pytest.param(1e4, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", ["identity", "erf"])
def test_expansion_meets_closed_form(name, derivative, size):
    K = covariance(1, size=size)
    closed = second_moments(K, name, derivative=derivative)
    series = second_moments(K, name, derivative=derivative, method="expansion")
    assert closed.method == "closed form"
    assert series.method == "expansion"
    assert series.rigorous
    assert (np.abs(closed.values - series.values) <= closed.error + series.error).all()


@pytest.mark.parametrize("size", [1.0, 150.0])
def test_expansion_of_relu_holds_its_weaker_bound(size):
    # Nothing but |ψ′| ≤ 1 is used, so the bound is of the order of the step.
    K = covariance(2, size=size)
    closed, series = (second_moments(K, "relu", method=m) for m in ("closed form", "expansion"))
    assert series.rigorous
    assert (np.abs(closed.values - series.values) <= closed.error + series.error).all()
    assert series.error.max() < 0.05 * size


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("size, rho", [(1.0, 0.3), (1.0, -0.999), (150.0, 0.1), (150.0, 0.98), (150.0, -0.9999)])
def test_expansion_meets_two_dimensional_quadrature(name, derivative, size, rho):
    K = size * np.array([[1.0, rho * 0.8], [rho * 0.8, 0.64]])
    psi = ACTIVATIONS[name].derivative if derivative else ACTIVATIONS[name]
    result = second_moments(K, name, derivative=derivative)
    # The grid's discretisation error is below exp(−2π·(0.45π)/(σh)) ψ² < 1e-20 at σ = 12.25, h = 0.0127, its
    # truncation below 1e-19·ψ²; what is left is the rounding of 3000 additions, of terms that add up to `scale`.
    scale = math.sqrt(result.values[0, 0] * result.values[1, 1])
    slack = 3000 * UNIT_ROUNDOFF * scale
    assert abs(rotated_trapezoid(psi, K) - result.values[0, 1]) <= result.error[0, 1] + slack
    assert result.error.max() <= 1e-11 * (1 + result.values.max())


def test_nearly_a_step_against_adaptive_quadrature():
    # scipy's adaptive rule, one variable integrated after the other; its own error estimate is added.
    K = np.array([[150.0, 120.0], [120.0, 150.0]])
    rho, rest = 0.8, 0.6

    def inner(s):
        kink = -rho * s / rest
        integrand = lambda t: math.tanh(math.sqrt(150) * (rho * s + rest * t)) * math.exp(-t * t / 2)  # noqa: E731
        parts = [(-10.0, kink), (kink, 10.0)] if abs(kink) < 10 else [(-10.0, 10.0)]
        return sum(integrate.quad(integrand, *part, epsabs=1e-12, limit=200)[0] for part in parts)

    outer = lambda s: math.tanh(math.sqrt(150) * s) * math.exp(-s * s / 2) * inner(s) / (2 * math.pi)  # noqa: E731
    halves = [integrate.quad(outer, *part, epsabs=1e-10, limit=200) for part in [(-10, 0), (0, 10)]]
    value, estimate = sum(h[0] for h in halves), sum(h[1] for h in halves)
    result = second_moments(K, "tanh")
    assert estimate < 1e-8
    assert abs(value - result.values[0, 1]) <= result.error[0, 1] + estimate + 1e-11


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_monte_carlo_agrees(name, derivative):
    # 21 entries × 12 cases, each a mean of 200000 draws within 6.5 standard errors: false alarms < 252·8e-11.
    draws, psi = 200_000, ACTIVATIONS[name]
    K = covariance(3, n=6, d=4, size=4.0, hard=False)
    values, vectors = np.linalg.eigh(K)
    u = (vectors * np.sqrt(np.maximum(values, 0))) @ np.random.default_rng(4).normal(size=(6, draws))
    values = psi.derivative(u) if derivative else psi(u)
    result = second_moments(K, name, derivative=derivative)
    for i in range(6):
        for j in range(i + 1):
            product = values[i] * values[j]
            bound = 6.5 * product.std() / math.sqrt(draws) + result.error[i, j] + 1e-9
            assert abs(product.mean() - result.values[i, j]) <= bound


def test_closed_forms_at_known_points():
    # cos θ = ½: arc-cosine of order 1 is (√3/2 + (2π/3)/2)/2π, of order 0 is (2/3)/2; arcsine has argument ½.
    K = np.array([[1.0, 0.5], [0.5, 1.0]])
    relu, step = second_moments(K, "relu"), second_moments(K, "relu", derivative=True)
    erf, slope = second_moments(K / 0.5 / 2 * 2, "erf"), second_moments(K, "erf", derivative=True)
    expected = [
        (relu, (math.sqrt(3) / 2 + math.pi / 3) / (2 * math.pi)),
        (step, 1 / 3),
        (erf, 2 / math.pi * math.asin(2 / 5)),
        (slope, 4 / math.pi / math.sqrt(8)),
    ]
    for result, value in expected:
        assert abs(result.values[0, 1] - value) <= result.error[0, 1]
        assert result.error.max() < 1e-13


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("derivative", [False, True])
def test_error_covers_a_perturbed_covariance(name, derivative):
    # The answer for K must be within error of the answer for any K′ that `covariance_error` allows.
    # Parallel pairs, where θ is most sensitive, may only come apart: |K′_ij| ≤ √(K′_ii K′_jj).
    kappa, K = 1e-6, covariance(5, size=2.0)
    scale = np.sqrt(np.multiply.outer(np.diag(K), np.diag(K)))
    result = second_moments(K, name, derivative=derivative, covariance_error=kappa)
    unaware = second_moments(K, name, derivative=derivative)
    rng, noticed = np.random.default_rng(6), False
    for _ in range(10):
        noise = np.tril(rng.choice([-1.0, 1.0], size=K.shape))
        other = K + 0.99 * kappa * scale * (noise + np.tril(noise, -1).T)
        limit = np.sqrt(np.multiply.outer(np.diag(other), np.diag(other)))
        other = np.clip(other, -limit, limit)
        assert (np.abs(other - K) <= kappa * scale).all()
        moved = second_moments(other, name, derivative=derivative)
        assert (np.abs(moved.values - result.values) <= result.error + moved.error).all()
        noticed |= bool((np.abs(moved.values - result.values) > unaware.error + moved.error).any())
    # Negative control: without `covariance_error` the difference is noticed (ψ′ = 1 alone cannot move).
    assert noticed or (name == "identity" and derivative)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_zero_and_single_rows(rows):
    K = np.zeros((rows, rows))
    K[0, 0] = 1.0
    for name in sorted(ACTIVATIONS):
        result = second_moments(K, name)
        assert np.isfinite(result.values).all()
        if rows > 1:
            assert abs(result.values[1, 1] - ACTIVATIONS[name](0.0) ** 2) <= result.error[1, 1] + 1e-15


def test_users_activation_with_bounds_is_rigorous():
    K = covariance(8, n=4, size=1.0, hard=False)
    bounded = second_moments(K, softsign(B0=1.0, B1=1.0, B2=2.0))
    assert bounded.rigorous
    assert bounded.error.max() < 1e-3
    # Reference: the plane rule, whose error for |ψ″| ≤ 2 is below (h²/12)(2 + 4 + 2)·2 < 2.2e-4 at h = 0.0127.
    value = rotated_trapezoid(softsign(), K[:2, :2])
    assert abs(value - bounded.values[0, 1]) <= bounded.error[0, 1] + 2.2e-4


@pytest.mark.parametrize("bounds", [1, 2, 3])
def test_smooth_bound_holds_without_a_strip(bounds):
    # tanh known by its derivatives' bounds only, against tanh on its strip; more bounds, more digits.
    tanh, K = ACTIVATIONS["tanh"], covariance(9, size=2.0)
    known = {f"B{j}": getattr(tanh, f"B{j}") for j in range(bounds + 1)}
    plain = second_moments(K, copy_of("tanh", **known))
    exact = second_moments(K, "tanh")
    assert plain.rigorous
    assert (np.abs(plain.values - exact.values) <= plain.error + exact.error).all()
    independent = np.abs(K) < 0.9 * np.sqrt(np.multiply.outer(np.diag(K), np.diag(K)))
    assert plain.error[independent].max() < (0, 1e-2, 1e-4, 1e-6)[bounds]


@pytest.mark.nightly
def test_no_counterexample_to_the_bounds():
    # erf has a closed form: 300 random covariances, norms from 0.01 to 60, angles down to 1e-8.
    rng = np.random.default_rng(10)
    for _ in range(300):
        sigma = 10 ** rng.uniform(-2, 1.8, size=3)
        u, v = rng.normal(size=(2, 3))
        X = np.array([u, u + 10 ** rng.uniform(-8, 1) * v, -v])
        X *= (sigma / np.linalg.norm(X, axis=1))[:, None]
        for derivative in (False, True):
            closed = second_moments(X @ X.T, "erf", derivative=derivative)
            series = second_moments(X @ X.T, "erf", derivative=derivative, method="expansion")
            assert (np.abs(closed.values - series.values) <= closed.error + series.error).all(), X


def test_unknown_activation_gets_an_estimate_and_says_so():
    K = covariance(8, n=4, hard=False)
    unknown, bounded = second_moments(K, softsign()), second_moments(K, softsign(B0=1.0, B1=1.0, B2=2.0))
    assert not unknown.rigorous
    assert np.isfinite(unknown.error).all()
    assert (np.abs(unknown.values - bounded.values) <= bounded.error).all()


def test_a_false_strip_is_caught():
    # Negative control: claim that tanh is analytic on |Im z| ≤ 1500; the step is then too long for
    # tanh(100 s), whose poles are at ±iπ/200, and the "bound" fails.
    false = Rows(
        Integrand(name="tanh", function=ACTIVATIONS["tanh"], sup=(1.0, 1.0), width=1500.0, offset=1.0),
        np.array([100.0]),
    )
    truth = Rows(Integrand.of(ACTIVATIONS["tanh"], derivative=False), np.array([100.0]))
    assert abs(false.square[0] - truth.square[0]) > 10 * (false.square_error[0] + truth.square_error[0])


def test_hermite_functions_against_scipy():
    nodes = np.linspace(-13, 13, 53)
    weight = np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)
    table, previous, current = np.empty((60, nodes.size)), np.zeros_like(nodes), weight.copy()
    _hermite_block(0, nodes, previous, current, table)
    for k in range(60):
        expected = special.eval_hermitenorm(k, nodes) / math.sqrt(math.factorial(k)) * weight
        # The allowance of `Rows`, 8 roundings per step in L²(φ), doubled for scipy's own recurrence.
        assert (np.abs(table[k] - expected) <= 16 * (k + 1) * UNIT_ROUNDOFF * np.sqrt(weight)).all()


@pytest.mark.nightly
def test_hermite_recurrence_against_ball_arithmetic():
    # All orders in use, at 6000 bits: the recurrence's error stays below its allowance of 8 roundings a step.
    flint = pytest.importorskip("flint")
    flint.ctx.prec = 6000
    for s in (0.0, 0.125, 1.0, 3.0, 7.5, 13.0):
        nodes = np.array([s])
        weight = np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)
        table, previous, current = np.empty((1 << 14, 1)), np.zeros(1), weight.copy()
        _hermite_block(0, nodes, previous, current, table)
        back, h = flint.arb(0), (-(flint.arb(s) ** 2) / 2).exp() / (2 * flint.arb.pi()).sqrt()
        for k in range(1 << 14):
            difference = abs(float(flint.arb(float(table[k, 0])) - h))
            assert difference <= 8 * (k + 1) * UNIT_ROUNDOFF * math.sqrt(weight[0])
            back, h = h, (flint.arb(s) * h - flint.arb(k).sqrt() * back) / flint.arb(k + 1).sqrt()


@pytest.mark.parametrize(
    "K, arguments, message",
    [
        ([[1.0, 2.0]], {}, "K: expected a square matrix"),
        ([[1.0, 2.0], [2.0, 1.0]], {}, "K: expected a covariance matrix"),
        ([[1.0, 0.5], [0.4, 1.0]], {}, "K: expected a covariance matrix"),
        ([[-1.0]], {}, "K: expected a covariance matrix"),
        ([[1.0]], {"method": "closed form"}, "method: expected one that exists for tanh"),
        ([[1.0]], {"method": "magic"}, "method: expected one that exists for tanh, got 'magic'"),
        ([[1.0]], {"covariance_error": -1.0}, "covariance_error: expected a finite number >= 0"),
    ],
)
def test_bad_arguments_are_named(K, arguments, message):
    with pytest.raises(ValueError, match=message):
        second_moments(K, "tanh", **arguments)


def test_a_namesake_gets_no_closed_form():
    other = Activation("relu", softsign().psi, softsign().dpsi, B0=1.0, B1=1.0, B2=2.0)
    assert second_moments([[1.0]], other).method == "expansion"
