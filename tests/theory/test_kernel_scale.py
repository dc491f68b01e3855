"""Kernels of inputs of any size, and of ψ that states too little or the wrong thing: right, or not certified."""

import math
import time
import warnings

import numpy as np
import own_psi
import pytest

from fa_ref.activations import ACTIVATIONS, Activation
from theory.kernels import eigenvalue_ceiling, eigenvalue_floor, mean_kernel
from theory.kernels.eigenvalues import spectral_bound
from theory.kernels.moments import second_moments
from theory.kernels.quadrature import BLOCK, Integrand, Rows

SCALES = [1e-323, 1e-310, 1e-170, 1e-155, 1e-150, 1e-80, 1e-10, 1e78, 1e150]
PAIR = np.array([[1.0, 0.0], [0.6, 0.8]])


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", ["identity", "relu"])
@pytest.mark.parametrize("scale", SCALES)
def test_a_homogeneous_psi_scales(name, scale):
    kernel, unit = mean_kernel(scale * PAIR, name), mean_kernel(PAIR, name)
    with np.errstate(under="ignore"):
        assert (np.abs(kernel.G - scale * scale * unit.G) <= kernel.error + scale * scale * unit.error * 2).all()
    assert kernel.certified is (scale >= 1e-155)
    assert kernel.parallel == ()
    assert kernel.gamma_lower <= 1.0000001 * scale * (scale * unit.gamma)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("scale", [1e-155, 1e-10, 1e78])
def test_equal_rows_are_never_certified(name, scale):
    kernel = mean_kernel([[scale, 0.0], [scale, 0.0]], name)
    assert not kernel.certified
    assert kernel.parallel == ((0, 1),)
    for values in (kernel.G, kernel.Theta, kernel.error, kernel.Theta_error):
        assert not np.isnan(values).any()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("rows", [[[0.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0], [1e-300, 0.0]]])
def test_zero_rows_warn_of_nothing(name, rows):
    kernel = mean_kernel(rows, name)
    at_0 = ACTIVATIONS[name](0.0) ** 2
    assert abs(kernel.G[0, 0] - at_0) <= kernel.error[0, 0] + 1e-16
    assert not kernel.certified or at_0 > 0


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_rows_of_very_different_sizes(name):
    kernel = mean_kernel([[1e-100, 0.0], [1.0, 1.0], [1e100, 1e100]], name)
    assert np.isfinite(kernel.G).all()
    assert np.isfinite(kernel.Theta).all()
    assert (1, 2) in kernel.parallel


@pytest.mark.parametrize("X", [[[1e155]], [[1e308, 1e308]], [[1.3e154, 1.3e154]]])
def test_kernels_beyond_the_largest_float_are_refused_in_words(X):
    with pytest.raises(ValueError, match="X: expected rows"):
        mean_kernel(X, "relu")


@pytest.mark.parametrize("square", [1e-310, 1e-160, 1e15, 4e15, 1e18, 1e300])
def test_erf_saturates_without_nan(square):
    K = square * np.array([[1.0, 1.0], [1.0, 1.0]])
    moments = second_moments(K, "erf")
    truth = 2 / math.pi * (math.asin(1 / (1 + 1 / (2 * square))) if square > 1e-100 else 2 * square)
    assert moments.rigorous
    assert (np.abs(moments.values - truth) <= moments.error + 1e-15 * truth).all()
    assert (moments.values <= 1.0).all()


@pytest.mark.parametrize("K", [[[1e-160, 5e-161], [5e-161, 1e-160]], [[1e300, 0.0], [0.0, 1e-300]], [[5e-324]]])
def test_a_covariance_of_any_size_is_one(K):
    assert second_moments(K, "relu").rigorous


def test_gamma_of_kinked_psi_is_below_the_truth():
    """Leaky ReLU on two rows at 90°, both norms 1: Ḡ = [[½(1 + a²), (1−a)²/2π], …]."""
    kernel = mean_kernel(np.eye(2), own_psi.leaky_relu(0.1))
    truth = 0.5 * 1.01 - 0.81 / (2 * math.pi)
    assert 0.9 * truth < kernel.gamma_lower <= truth
    assert not kernel.rigorous  # nothing is known of the modulus of ψ′


def test_digits_that_psi_loses_are_in_the_bound():
    """1/(1 + e^−z) − ½ at z ~ 10⁻⁶ is right to 10⁻¹⁰ of itself only."""
    X = 1e-6 * PAIR
    kernel, exact = mean_kernel(X, own_psi.centred_sigmoid()), X @ X.T / 16
    assert (np.abs(kernel.G - exact) <= kernel.error + 1e-12 * np.abs(exact)).all()
    assert kernel.rigorous
    assert np.abs(kernel.error / exact).min() > 1e-10  # 2⁻⁵³·8 of ψ ~ 10⁻⁷, and the probes of any bound


def test_a_psi_of_unknown_accuracy_has_no_bound():
    psi = own_psi.softsign(B0=1.0, B1=1.0, B2=2.0, smooth=False, rounding=math.inf)
    kernel = mean_kernel(PAIR, psi)
    assert not kernel.rigorous
    assert not kernel.certified


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_psi_that_is_not_a_number_where_it_is_needed_is_named(bad):
    psi = Activation("holes", lambda z: z if abs(z) < 40.0 else bad, lambda _: 1.0, B1=1.0)
    assert mean_kernel(PAIR, psi).certified
    with pytest.raises(ValueError, match="activation: expected holes and its derivative to be finite numbers, got"):
        mean_kernel(10 * PAIR, psi)


def test_no_bound_exceeds_what_is_trivially_true():
    """tanh at σ = 10¹⁰: the quadrature knows nothing, |E ψψ| ≤ 1 does."""
    moments = second_moments(1e20 * (PAIR @ PAIR.T), "tanh")
    assert moments.rigorous
    assert (moments.error <= 2.0).all()


@pytest.mark.parametrize("exponent", [-320, -300, -160, 0, 160, 300])
def test_eigenvalue_bounds_at_any_scale(exponent):
    A = 10.0**exponent * np.array([[2.0, 1.0], [1.0, 2.0]])
    low, high = A[0, 0] - A[0, 1], A[0, 0] + A[0, 1]
    assert eigenvalue_floor(A) <= low
    assert eigenvalue_ceiling(A) >= high
    slack = 1e-13 * high + 1e-322
    assert eigenvalue_floor(A) >= low - slack
    assert eigenvalue_ceiling(A) <= high + slack


@pytest.mark.parametrize("exponent", [-315, -200, 0, 200, 300])
def test_errors_move_eigenvalues_by_their_norm(exponent):
    """All ones: norm n by row sums and by Frobenius. At 10⁻²⁰⁰ the squares underflow, at 10²⁰⁰ they overflow."""
    E = np.full((3, 3), 10.0**exponent)
    assert 3 * E[0, 0] <= spectral_bound(E) <= 3.000001 * E[0, 0] + 1e-322
    assert spectral_bound(np.diag([1.0, 2.0])) == pytest.approx(2.0)  # row sums are sharper
    A = np.diag([1.0, 2.0, 3.0]) * 10.0**exponent * 10
    assert eigenvalue_floor(A, E) <= A[0, 0] - 3 * E[0, 0]
    assert eigenvalue_ceiling(A, E) >= A[2, 2] + 3 * E[0, 0]


def test_eigenvalue_bounds_of_what_is_not_a_matrix_of_numbers():
    for bad in (math.nan, math.inf):
        A = np.array([[1.0, bad], [bad, 1.0]])
        assert eigenvalue_floor(A) == -math.inf
        assert eigenvalue_ceiling(A) == math.inf
        assert eigenvalue_floor(np.eye(2), np.abs(A)) == -math.inf
    assert eigenvalue_floor(np.zeros((2, 2))) == 0.0


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_largest_eigenvalue_is_below_its_bound(name):
    X = np.random.default_rng(5).normal(size=(6, 4))
    kernel = mean_kernel(X, name)
    top = float(np.linalg.eigvalsh(kernel.G)[-1])
    assert top <= kernel.lambda_max_upper <= top * (1 + 1e-9)


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
def test_no_sum_has_subnormal_terms(name, derivative):
    """sech² is 10⁻³⁰⁰ at z = 345, and sums of such terms take most of the time; what is dropped is charged."""
    rows = Rows(Integrand.of(ACTIVATIONS[name], derivative), np.array([1e-3, 1.0, 500.0]))
    sizes, largest = np.abs(rows.values), np.abs(rows.values).max(axis=1, keepdims=True)
    assert ((sizes == 0) | (sizes >= 1e-120 * largest)).all()
    exact = Integrand.of(ACTIVATIONS[name], derivative).evaluated(rows.sigma, rows.nodes)
    lost = np.sqrt((exact - rows.values) ** 2 @ rows.weight)
    assert (lost <= 1.01 * rows.dropped).all()
    assert (rows._evaluation() >= 1.01 * rows.dropped).all()


def test_no_order_is_computed_where_the_nodes_are_too_far_apart():
    far = Rows(Integrand.of(ACTIVATIONS["tanh"], False), np.array([1e70, 1e78]))
    near = Rows(Integrand.of(ACTIVATIONS["tanh"], False), np.array([1.0, 1e78]))
    assert far.orders == BLOCK < near.orders


@pytest.mark.nightly
def test_a_table_that_was_not_standardised_takes_seconds_and_is_certified():
    """A hundred rows of norm 180 to 440 at correlations up to 0.997, as of raw measurements."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.7, 1.4, size=(100, 1)) * (280.0 + 55.0 * rng.standard_normal((100, 10))) / np.sqrt(10)
    begun = time.process_time()
    kernel = mean_kernel(X, "tanh")
    assert time.process_time() - begun < 60  # seconds; 6 were seen, and 130 before
    assert kernel.certified
