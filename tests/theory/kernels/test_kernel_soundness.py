"""Entries of mean kernels against ninety digits: none outside its bound, whatever ψ, norms and angles."""

import math
from fractions import Fraction

import numpy as np
import own_psi
import pytest
from oracles import gaussian_moments as oracle

from fa_ref.activations import ACTIVATIONS
from theory.kernels import mean_kernel
from theory.kernels.eigenvalues import eigenvalue_floor
from theory.kernels.moments import second_moments
from theory.kernels.quadrature import Integrand, Rows

flint = pytest.importorskip("flint")
arb = flint.arb

CLOSED = {
    "identity": (ACTIVATIONS["identity"], oracle.identity),
    "relu": (ACTIVATIONS["relu"], oracle.relu),
    "erf": (ACTIVATIONS["erf"], oracle.erf),
    "own linear": (own_psi.copy_of("identity", B1=1.0, B2=0.0, B3=0.0), oracle.identity),
    "own relu": (own_psi.copy_of("relu", B1=1.0, smooth=False), oracle.relu),
    "own erf": (own_psi.copy_of("erf", B0=1.0, B1=1.13, B2=0.97, B3=2.26), oracle.erf),
    "leaky": (own_psi.leaky_relu(0.1), oracle.leaky(0.1)),
    "abs": (own_psi.absolute(), oracle.absolute),
    "sine": (own_psi.sine(), oracle.sine(1.0)),
    "tall sine": (own_psi.sine(100.0), oracle.sine(100.0)),
    "bump": (own_psi.bump(), oracle.bump),
}
SERIES = {
    "tanh": ACTIVATIONS["tanh"],
    "sigmoid": ACTIVATIONS["sigmoid"],
    "softplus": ACTIVATIONS["softplus"],
    "steep": own_psi.steep_tanh(3.0),
    "centred": own_psi.centred_sigmoid(),
}


@pytest.fixture(autouse=True)
def precision():
    before = flint.ctx.prec
    oracle.precise()
    yield
    flint.ctx.prec = before


def inputs(rng, n, low=-8.0, high=3.0):
    """Rows of all sizes, some equal, opposite, collinear, and nearly so at angles down to 10⁻¹⁰."""
    d = int(rng.integers(2, 7))
    X = rng.standard_normal((n, d))
    for i in range(1, n, 3):
        X[i] = rng.choice([-1.0, 1.0]) * X[i - 1] + 10 ** rng.uniform(-10, 0.5) * rng.standard_normal(d)
    for i in range(2, n, 7):
        X[i] = rng.choice([-1.0, 1.0, 0.5, 3.0]) * X[i - 1]
    return X * (10 ** rng.uniform(low, high, size=(n, 1)) / np.linalg.norm(X, axis=1, keepdims=True))


def exact(K):
    """K as a covariance of floats: pairs that rounding has made impossible are moved inside."""
    K = (K + K.T) / 2
    for i in range(len(K)):
        for j in range(i):
            while K[i, j] and Fraction(K[i, j]) ** 2 > Fraction(K[i, i]) * Fraction(K[j, j]):
                K[i, j] = K[j, i] = math.nextafter(K[i, j], 0.0)
    return K


def outside_of_moments(psi, truth, K):
    """(checked, outside) of the entries of ψ and ψ′ at a covariance of floats, as far as they have a bound."""
    balls, checked, outside = [[arb(x) for x in row] for row in K], 0, 0
    found = [second_moments(K, psi, derivative=derivative) for derivative in (False, True)]
    for i in np.flatnonzero(np.diag(K)):  # at variance 0 the slope of a kinked ψ is a convention
        for j in (j for j in range(i + 1) if K[j, j] > 0):
            values = truth(balls[i][i], balls[j][j], balls[i][j])
            for moments, value in zip(found, values, strict=True):
                if moments.rigorous:
                    checked += 1
                    outside += oracle.outside(moments.values[i, j], value, moments.error[i, j])
    return checked, outside


def outside_of_kernels(psi, truth, X):
    """The same for Ḡ and Θ̄ of inputs, whose exact inner products are the covariance; γ is held against them too."""
    kernel, n = mean_kernel(X, psi), len(X)
    rows = [[arb(x) for x in row] for row in X]
    K = [[sum((x * y for x, y in zip(u, v, strict=True)), arb(0)) for v in rows] for u in rows]
    checked, outside, G = 0, 0, np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            value, slope = truth(K[i][i], K[j][j], K[i][j])
            G[i, j] = G[j, i] = float(value.mid())
            pairs = [(kernel.G, kernel.error, value)] if kernel.gamma_lower > 0 or kernel.rigorous else []
            pairs += [(kernel.Theta, kernel.Theta_error, K[i][j] * slope)] if kernel.rigorous else []
            for computed, error, exactly in pairs:
                checked += 1
                outside += oracle.outside(computed[i, j], exactly, error[i, j])
    top = float(np.abs(G).max()) * n * 4e-16 * n + 1e-323 * n  # the truth is rounded, and its eigenvalues computed
    assert kernel.gamma_lower <= float(np.linalg.eigvalsh(G)[0]) + top
    assert kernel.lambda_max_upper >= float(np.linalg.eigvalsh(G)[-1]) - top or not kernel.rigorous
    return checked, outside


def closed(name, rng, matrices, n, low=-8.0, high=3.0):
    psi, truth = CLOSED[name]
    counts = []
    for k in range(matrices):
        X = inputs(rng, n, low, high)
        if k % 2:
            counts.append(outside_of_kernels(psi, truth, X))
        else:
            counts.append(outside_of_moments(psi, truth, exact(X @ X.T)))
    return np.sum(counts, axis=0)


@pytest.mark.parametrize("name", CLOSED)
def test_no_entry_with_a_closed_form_is_outside(name):
    checked, outside = closed(name, np.random.default_rng(1), matrices=2, n=8)
    assert outside == 0
    assert checked >= 36


@pytest.mark.parametrize("name", ["identity", "relu", "erf"])
@pytest.mark.parametrize("exponent", [-160.0, -150.0, -80.0, 78.0, 150.0])
def test_no_entry_is_outside_at_extreme_scales(name, exponent):
    oracle.precise(1500)  # determinants of 10³⁰⁰ cancel
    checked, outside = closed(name, np.random.default_rng(2), 2, 6, exponent - 1, exponent + 1)
    assert outside == 0
    assert checked >= 21


TINIEST = 5e-324


@pytest.mark.parametrize(("low", "high", "name"), [
    *((*ends, name) for ends in ((-170.0, -150.0), (-323.0, -290.0)) for name in ("identity", "relu", "erf")),
    *((-323.0, 150.0, name) for name in ("identity", "relu", "erf", "own linear", "tall sine")),
])  # fmt: skip
def test_no_entry_is_outside_where_products_of_norms_underflow(low, high, name):
    """Norms whose squares underflow beside norms whose squares do not: entries are subnormal, 0 or neither."""
    oracle.precise(2500)
    psi, truth = CLOSED[name]
    X = inputs(np.random.default_rng(11), 9, low, high)
    X[-2:] = [[TINIEST, *0 * X[0, 1:]], 3 * X[-3]]
    checked, outside = outside_of_kernels(psi, truth, X)
    assert outside == 0
    assert checked >= 90 or name == "own linear" or (name == "erf" and checked == 0)


@pytest.mark.parametrize("matrices", [3, pytest.param(28, marks=pytest.mark.nightly)])
def test_relu_with_norms_from_1e_170_to_1e_150(matrices):
    """3660 entries of Ḡ and Θ̄ a matrix, against ninety digits; a few hundred of them subnormal."""
    rng, subnormal, counts = np.random.default_rng(12), 0, []
    for _ in range(matrices):
        X = inputs(rng, 60, -170.0, -150.0)
        counts.append(outside_of_kernels(*CLOSED["relu"], X))
        G = mean_kernel(X, "relu").G
        subnormal += np.count_nonzero((G > 0) & (G < 2.0**-1022))
    checked, outside = np.sum(counts, axis=0)
    assert outside == 0
    assert checked == 3660 * matrices
    assert subnormal > 100 * matrices


def test_a_row_whose_square_underflows_has_a_norm_and_errors():
    """σ = 10⁻¹⁶⁵: the sum over the nodes rounds relative to ‖g‖ = σ, which the square of 10⁻³³⁰ does not show."""
    rows = Rows(Integrand.of(ACTIVATIONS["tanh"], False), np.array([1e-165, 1e-9]))
    assert rows.square[0] == 0.0
    np.testing.assert_allclose(rows.norm, rows.sigma, rtol=1e-12)
    relative = rows._rounding(np.zeros(1))[:, 0] / rows.sigma
    assert relative[0] == pytest.approx(relative[1], rel=1e-9, abs=0.0)


def scaled(g, sigma):
    factor = arb(sigma)
    return lambda s: g(factor * s)


def rows_of_series(names, sigmas, nodes, weights, orders):
    functions = []
    for name in names:
        for g in oracle.FUNCTIONS[name]:
            functions += [scaled(g, sigma) for sigma in sigmas]
    return oracle.coefficients(functions, nodes, weights, orders)


def outside_of_series(names, psis, sigmas, rho, rows):
    """Entries at given σ and |ρ| ≤ 0.9; the truth at the covariance of floats is that at its own correlations."""
    K = exact((rho + np.eye(len(sigmas))) * np.multiply.outer(sigmas, sigmas))
    n, checked, outside, at = len(sigmas), 0, 0, 0
    for name in names:
        for derivative in (False, True):
            moments = second_moments(K, psis[name], derivative=derivative)
            assert moments.rigorous
            for i in range(n):
                for j in range(i):
                    value = oracle.series(
                        rows[at + i], rows[at + j], arb(K[i, j]) / arb(sigmas[i]) / arb(sigmas[j])
                    )
                    checked += 1
                    outside += oracle.outside(moments.values[i, j], value, moments.error[i, j])
            at += n
    return checked, outside


def squares(rng, n, low, high):
    """σ whose squares are floats, and correlations up to 0.9."""
    sigmas = [float(np.float32(x)) for x in 10 ** rng.uniform(low, high, size=n)]
    rho = np.clip(np.tril(rng.uniform(-1, 1, size=(n, n)), -1), -0.9, 0.9)
    return sigmas, rho + rho.T


def test_no_entry_of_a_series_is_outside():
    rng, names = np.random.default_rng(3), ["tanh", "softplus", "centred"]
    sigmas, rho = squares(rng, 4, -3, 0.3)
    nodes, weights = oracle.trapezoid_nodes(step=2.0**-5)
    rows = rows_of_series(names, sigmas, nodes, weights, 300)
    checked, outside = outside_of_series(names, SERIES, sigmas, np.clip(rho, -0.75, 0.75), rows)
    assert (checked, outside) == (36, 0)


@pytest.mark.nightly
def test_a_hundred_thousand_entries_are_inside():
    """Closed forms at all scales, series with analytic ψ, softsign, and a clip; some minutes of one processor."""
    rng, counts = np.random.default_rng(10), []
    for name in CLOSED:
        counts.append(closed(name, rng, matrices=20 if name in ACTIVATIONS else 3, n=40))
    oracle.precise(1500)
    for exponent in (-160.0, -150.0, -80.0, -20.0, 20.0, 78.0, 150.0):
        for name in ("identity", "relu", "erf"):
            counts.append(closed(name, rng, 2, 10, exponent - 2, exponent + 2))
    softsign = {"softsign": own_psi.softsign(B0=1.0, B1=1.0, B2=2.0, smooth=False)}
    for psis, grid in ((SERIES, oracle.trapezoid_nodes()), (softsign, oracle.piecewise_nodes([]))):
        sigmas, rho = squares(rng, 16, -6, math.log10(12.0))
        rows = rows_of_series(list(psis), sigmas, *grid, 800)
        counts.append(np.array(outside_of_series(list(psis), psis, sigmas, rho, rows)))
    counts.append(np.array(outside_of_clip(rng)))
    checked, outside = np.sum(counts, axis=0)
    assert outside == 0
    assert checked >= 100_000


def outside_of_clip(rng, n=8):
    """A hard clip at 4: each row has its own kink, so its own nodes."""
    sigmas, rho = squares(rng, n, -0.5, 1.0)
    psi, _ = oracle.clip(4.0)
    rows = []
    for sigma in sigmas:
        nodes, weights = oracle.piecewise_nodes([4.0 / sigma])
        rows += oracle.coefficients([scaled(psi, sigma)], nodes, weights, 900)
    K = exact((rho + np.eye(len(sigmas))) * np.multiply.outer(sigmas, sigmas))
    moments, checked, outside = second_moments(K, own_psi.clip(4.0)), 0, 0
    assert moments.rigorous
    for i in range(n):
        for j in range(i):
            value = oracle.series(rows[i], rows[j], arb(K[i, j]) / arb(sigmas[i]) / arb(sigmas[j]))
            checked += 1
            outside += oracle.outside(moments.values[i, j], value, moments.error[i, j])
    return checked, outside


def test_the_oracle_is_right_where_both_of_its_ways_exist():
    """Control: erf by its series and by its closed form, to fifty digits."""
    nodes, weights = oracle.trapezoid_nodes(step=2.0**-5)
    rows = oracle.coefficients([lambda s: s.erf(), lambda s: (s / 2).erf()], nodes, weights, 200)
    series = oracle.series(rows[0], rows[1], arb(0.5))
    assert not oracle.outside(0.0, series - oracle.erf(arb(1), arb(0.25), arb(0.25))[0], 1e-40)


def test_an_entry_off_by_twice_its_bound_would_be_seen():
    K = exact(
        inputs(np.random.default_rng(4), 6, -1, 1) @ np.eye(1) if False else np.array([[1.0, 0.5], [0.5, 2.0]])
    )
    moments = second_moments(K, "erf")
    truth = oracle.erf(arb(1.0), arb(2.0), arb(0.5))[0]
    assert not oracle.outside(moments.values[0, 1], truth, moments.error[0, 1])
    assert oracle.outside(moments.values[0, 1] + 2 * moments.error[0, 1], truth, moments.error[0, 1])


def test_a_floor_is_below_eigenvalues_known_exactly():
    """aI + b·11ᵀ has the eigenvalues a and a + nb; scaled by every power of ten."""
    for n in (2, 7, 40):
        for exponent in (-310, -300, -160, -80, 0, 78, 150, 300):
            a, b = 3.0 * 10.0**exponent, 10.0**exponent
            A = np.diag(np.full(n, a + b)) + b * (1 - np.eye(n))
            smallest = Fraction(A[0, 0]) - Fraction(A[0, 1])
            floor = eigenvalue_floor(A)
            assert Fraction(floor) <= smallest
            assert floor >= float(smallest) * (1 - 1e-11)
            assert floor > 0
