"""Enclosures contain the truth, and nothing is called positive definite that is not."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from own_psi import copy_of

from fa_ref import Network, Problem, Setting
from fa_ref.activations import ACTIVATIONS
from theory.certificates.balls import ENCLOSURES, Balls, enclose
from theory.certificates.definite import lambda_max_upper, lambda_min_lower, positive_definite
from theory.certificates.from_state import measure
from theory.certificates.tubes import curvature_formula


def test_a_singular_matrix_is_never_proved_definite():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 8):
        for _ in range(10):
            B = rng.integers(-9, 9, (n, n - 1)).astype(float) if n > 1 else np.zeros((1, 1))
            singular = flint.arb_mat((B @ B.T).tolist())  # integers: exact
            assert not positive_definite(singular)
            assert positive_definite(singular, -1e-12)
            assert lambda_min_lower(singular) < 0
            assert lambda_max_upper(-singular) > 0


def test_the_radius_of_a_ball_counts():
    wide = flint.arb_mat([[flint.arb(1, 0.5), 0], [0, flint.arb(1, 0.5)]])
    assert positive_definite(wide, 0.29)  # 1 − ‖radii‖_F = 1 − 0.7072
    assert not positive_definite(wide, 0.51)


def test_ill_conditioned_but_definite():
    n = 10
    hilbert = flint.arb_mat([[flint.arb(1) / (i + j + 1) for j in range(n)] for i in range(n)])
    assert positive_definite(hilbert, 1e-13)  # λ_min = 1.09·10⁻¹³
    assert not positive_definite(hilbert, 1.2e-13)


def test_eigenvalue_bounds_are_on_the_right_side_and_close():
    rng = np.random.default_rng(1)
    for n in (1, 4, 12):
        Q, values = np.linalg.qr(rng.standard_normal((n, n)))[0], np.sort(rng.standard_normal(n))
        exact = Q @ np.diag(values) @ Q.T
        A = flint.arb_mat(((exact + exact.T) / 2).tolist())
        low, high = lambda_min_lower(A), lambda_max_upper(A)
        assert low < values[0] + 1e-13 * n  # Q is orthogonal up to n·2⁻⁵² or so
        assert high > values[-1] - 1e-13 * n
        assert values[0] - low < 1e-10
        assert high - values[-1] < 1e-10


def test_a_product_of_intervals_contains_every_product():
    rng = np.random.default_rng(2)
    for scale in (1.0, 1e-180, 1e140):
        A, B = scale * rng.standard_normal((3, 7)), rng.standard_normal((7, 2))
        R, S = np.abs(A) * 10.0 ** rng.uniform(-18, -1, A.shape), 1e-9 * np.abs(B)
        product = Balls(A, R) @ Balls(B, S)
        for corner_A, corner_B in ((A + R, B + S), (A - R, B - S), (A, B), (A + R, B - S)):
            for i, j in np.ndindex(3, 2):
                true = sum(Fraction(x) * Fraction(y) for x, y in zip(corner_A[i], corner_B[:, j], strict=True))
                # the corners themselves are rounded: allow them one part in 2⁵²
                allowed = Fraction(product.rad[i, j]) * (1 + Fraction(1, 2**20)) + abs(true) / 2**50
                assert abs(true - Fraction(product.mid[i, j])) <= allowed


def test_matrix_products_without_radii_enclose_the_exact_value():
    rng = np.random.default_rng(3)
    A, B = rng.standard_normal((4, 50)), rng.standard_normal((50, 4))
    product = Balls.exact(A) @ Balls.exact(B)
    for i, j in np.ndindex(4, 4):
        true = sum(Fraction(x) * Fraction(y) for x, y in zip(A[i], B[:, j], strict=True))
        assert abs(true - Fraction(product.mid[i, j])) <= Fraction(product.rad[i, j])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_enclosures_of_the_activation(activation):
    psi, formula = ACTIVATIONS[activation], curvature_formula(ACTIVATIONS[activation])
    for z in (-30.0, -2.5, -1e-9, 1e-9, 0.3, 4.0, 40.0):
        ball = flint.arb(z, 1e-12)
        value, slope = ENCLOSURES[activation](ball)
        for point in (z - 1e-12, z, z + 1e-12):
            # the floating-point ψ is wrong by a few ulps of its arguments' size
            room = flint.arb(0, 1e-14 * (1 + abs(z)))
            assert (value + room).contains(flint.arb(psi.psi(point)))
            assert (slope + room).contains(flint.arb(psi.dpsi(point)))
            curve = formula(point, psi.psi(point), psi.dpsi(point))
            assert (formula(ball, value, slope) + room).contains(flint.arb(curve))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_enclosure_agrees_with_floating_point(activation):
    rng = np.random.default_rng(4)
    problem = Problem(rng.standard_normal((4, 6)), rng.standard_normal(4))
    network, psi = Network.gaussian(40, 6, rng), ACTIVATIONS[activation]
    proved, measured = (
        enclose(Setting(problem, network, psi, eta=0.1)),
        measure(Setting(problem, network, psi, eta=0.1)),
    )
    # both bound the same numbers from the same side, one by proof, one by an allowance of 10⁻¹³ of ‖G‖ + ‖H‖ < 10³
    for name in ("residual_norm", "lambda_min", "lambda_max"):
        assert getattr(proved, name) == pytest.approx(getattr(measured, name), abs=1e-8)
    for name in ("slope", "curvature", "K", "sigma", "lambda_max_K", "B1"):
        np.testing.assert_allclose(
            getattr(proved.state, name), getattr(measured.state, name), rtol=1e-9, atol=1e-12
        )


def test_a_users_activation_cannot_be_enclosed():
    mine = copy_of("tanh", called="tanh", B0=1.0, B1=1.0, B2=0.77)
    problem, network = Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0])
    with pytest.raises(ValueError, match="rigorous: expected one of"):
        enclose(Setting(problem, network, mine, eta=0.1))
