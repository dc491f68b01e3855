"""The errors of Hermite coefficients and moments equal their plain transcription from docs/kernels.md."""

import math

import numpy as np
import pytest
from oracles import quadrature as plain
from own_psi import bump, clip, copy_of, sine

from fa_ref.activations import ACTIVATIONS
from theory.kernels import quadrature
from theory.kernels.hermite import _add_block, mehler_sums
from theory.kernels.quadrature import BLOCK, Integrand, Rows

U = 2.0**-53


@pytest.fixture(autouse=True)
def _as_moments_calls_it():
    with np.errstate(all="ignore"):
        yield


#: Known by a strip, by derivatives, by one slope alone; of the package and of a user.
FUNCTIONS = [
    ("tanh", False), ("softplus", False), ("sigmoid", True), ("relu", False), (sine(1.7), False), (bump(), True),
    (clip(0.8), False), (copy_of("softplus", B1=1.0, B2=0.3, B3=0.2), False),
]  # fmt: skip


def a_row(psi, derivative, sigmas, monkeypatch):
    """Few nodes and orders, so that no bound is below rounding."""
    monkeypatch.setattr(quadrature, "WORK", 1e6)
    psi = ACTIVATIONS.get(psi, psi) if isinstance(psi, str) else psi
    g = Integrand.of(psi, derivative)
    if g.width == 0:
        monkeypatch.setattr(quadrature, "NODES", 1 << 9)
    rows = Rows(g, np.array(sigmas))
    at_0 = abs(float(g.function(np.zeros(1))[0]))
    strip = (g.width, g.offset, g.growth) if g.width > 0 else None
    return g, rows, strip, plain.envelope(g.sup, strip, at_0, g.rounding)


@pytest.mark.parametrize("psi, derivative", FUNCTIONS, ids=str)
def test_coefficients(psi, derivative, monkeypatch):
    sigmas = [0.0, 0.3, 1.0, 4.0]
    g, rows, strip, line = a_row(psi, derivative, sigmas, monkeypatch)
    assert g.envelope == pytest.approx(line, rel=1e-15, abs=0.0)
    L, M, h = float(rows.nodes[-1]), rows.nodes.size, rows.step
    assert 13 <= L < 13 + 2 * h
    norm = np.sqrt(rows.square)
    np.testing.assert_allclose(
        rows.square, (g.function(np.outer(sigmas, rows.nodes)) ** 2) @ rows.weight, rtol=1e-13
    )
    np.testing.assert_allclose(rows.weight.sum(), 1.0, rtol=1e-12)
    first = 0
    for a, delta in rows.blocks():
        for i, sigma in enumerate(sigmas):
            for j in (0, 1, 7, BLOCK - 1):
                expected = plain.coefficient(g.sup, strip, line, sigma, first + j, h, L, M, norm[i], g.rounding)
                # at σ = 0 it is a sum of a few terms, each rounded to a subnormal number
                assert delta[i, j] == pytest.approx(expected, rel=1e-9, abs=16 * 5e-324), (sigma, first + j)
        assert a.shape == (4, BLOCK)
        first += BLOCK
        if first >= 3 * BLOCK:
            break
    for i, sigma in enumerate(sigmas):
        expected = plain.square_discretisation(g.sup, strip, line, sigma, h, L)
        expected += plain.product(g.sup, (sigma, sigma), (norm[i], norm[i]), M, g.rounding)
        assert rows.square_error[i] == pytest.approx(expected, rel=1e-9, abs=0.0)
    ceiling = rows.ceiling()
    assert ceiling[1, 3] == pytest.approx((line[0] + line[1] * 0.3) * (line[0] + line[1] * 4.0), rel=1e-14, abs=0.0)


@pytest.mark.parametrize("psi, derivative", [FUNCTIONS[0], FUNCTIONS[1], FUNCTIONS[4]], ids=str)
def test_pairs(psi, derivative, monkeypatch):
    sigmas = [0.5, 1.0, 2.0]
    _, rows, *_ = a_row(psi, derivative, sigmas, monkeypatch)
    rho = np.array([[1.0, 0.3, -0.6], [0.3, 1.0, 0.9], [-0.6, 0.9, 1.0]])
    values, error = mehler_sums(rows, rho)
    blocks = list(rows.blocks())
    a, delta = (np.concatenate([block[k] for block in blocks], axis=1) for k in (0, 1))
    added = (2 * BLOCK + rows.orders // BLOCK) * U
    scale = np.sqrt(rows.square)
    tau = rows.square + rows.square_error + added * rows.square
    for i in range(3):
        for j in range(i):
            value, bound = plain.pair(
                rho[i, j], (a[i].tolist(), a[j].tolist()), (delta[i].tolist(), delta[j].tolist()),
                (tau[i], tau[j]), (scale[i], scale[j]), added, BLOCK,
            )  # fmt: skip
            assert values[i, j] == values[j, i] == pytest.approx(value, rel=1e-12, abs=0.0)
            # what is left, τ − Σ a², is a difference: a sum of some 2^14 terms in pairs is rounded 14 times
            slack = 14 * U * math.sqrt(tau[i] * tau[j])
            assert error[i, j] == error[j, i] == pytest.approx(bound, rel=1e-8, abs=slack)
    np.testing.assert_array_equal(np.diag(values), rows.square)
    np.testing.assert_array_equal(np.diag(error), rows.square_error)


def test_nearly_parallel_pairs_take_the_end(monkeypatch):
    g, rows, strip, line = a_row("tanh", False, [0.5, 2.0], monkeypatch)
    L, M, h, norm = float(rows.nodes[-1]), rows.nodes.size, rows.step, np.sqrt(rows.square)
    for gap in (1e-16, 1e-14, 1e-3):
        for sign in (1, -1):
            rho = np.array([[1.0, sign * (1 - gap)], [sign * (1 - gap), 1.0]])
            moments, error = rows.parallel(rho)
            s = rows.nodes
            exact = np.tanh(0.5 * s) * np.tanh(sign * 2.0 * s) @ rows.weight
            assert moments[1, 0] == pytest.approx(exact, rel=1e-13, abs=0.0)
            expected = 0.5 * 2.0 * g.sup[1] ** 2 * (1 - abs(rho[0, 1]) + U)
            expected += max(plain.square_discretisation(g.sup, strip, line, x, h, L) for x in (0.5, 2.0))
            expected += plain.product(g.sup, (0.5, 2.0), norm, M, g.rounding)
            assert error[1, 0] == pytest.approx(expected, rel=1e-9, abs=0.0)
            values, sharp = mehler_sums(rows, rho)
            assert sharp[1, 0] <= error[1, 0] * (1 + 1e-12)
            if gap < 1e-13:
                assert values[1, 0] == moments[1, 0]
    far = np.array([[1.0, 0.98], [0.98, 1.0]])
    assert (rows.parallel(far)[1] == math.inf).all()


def test_the_step_is_fine_enough_and_has_few_bits():
    for name in ("tanh", "softplus", "sigmoid"):
        for sigma in (0.01, 1.0, 12.0):
            g = Integrand.of(ACTIVATIONS[name], False)
            h = quadrature._step(g, np.array([sigma]), 1 << 14)
            mantissa = math.frexp(h)[0] * 2**20
            assert mantissa == int(mantissa)
            assert h <= math.pi / (math.sqrt(1 << 14) + 1) * (1 + 2**-19)
            strip = (g.width, g.offset, g.growth)
            worst = max(plain.analytic(strip, sigma, k, h) for k in (0, 100, (1 << 14) - 1))
            assert worst < 1e-17 * (g.offset + g.growth * sigma) * 10


@pytest.mark.parametrize(("before", "taken"), [(0.01, 4), (0.31, 2)])
def test_a_block_adds_terms_until_the_rest_is_below_what_is_known(before, taken):
    """The rest is |ρ^k| √τ_i √τ_j = |ρ^k|·6, and four times the error so far is enough."""
    a, delta = np.array([[1.0, -2.0, 0.5, 3.0], [0.7, 1.1, -0.4, 2.0]]), np.full((2, 4), 0.1)
    values, error, power = np.zeros((2, 2)), np.full((2, 2), before), np.full((2, 2), 0.8)
    active, rho = np.tril(np.ones((2, 2), dtype=bool), -1), np.full((2, 2), 0.5)
    _add_block(0, 2, 5, a, delta, rho, np.array([2.0, 3.0]), np.ones(2), power, active, values, error)
    terms = [0.8 * 0.5**k * a[0, k] * a[1, k] for k in range(taken)]
    slack = [
        0.8 * 0.5**k * (0.1 * abs(a[0, k]) + 0.1 * abs(a[1, k]) + 0.01 + (9 + k) * U * abs(a[0, k] * a[1, k]))
        for k in range(taken)
    ]
    rest = 0.8 * 0.5**taken * 6 if taken < 4 else 0.0
    assert values[1, 0] == pytest.approx(sum(terms), rel=1e-14, abs=0.0)
    assert error[1, 0] == pytest.approx(before + sum(slack) + rest, rel=1e-14, abs=0.0)
    assert active[1, 0] == (taken == 4)
    assert power[1, 0] == pytest.approx(0.8 * 0.5**taken, rel=1e-15, abs=0.0)


@pytest.mark.parametrize("other", [0.0, 3.0])
def test_what_underflows_in_a_term_is_off_by_the_least_number(other):
    a, values, error = np.array([[other], [0.0]]), np.zeros((2, 2)), np.zeros((2, 2))
    active = np.tril(np.ones((2, 2), dtype=bool), -1)
    ones = np.ones((2, 2))
    _add_block(0, 2, 0, a, np.zeros((2, 1)), ones, np.ones(2), np.ones(2), ones.copy(), active, values, error)
    assert error[1, 0] == (1 + other) * 2.0**-1074
