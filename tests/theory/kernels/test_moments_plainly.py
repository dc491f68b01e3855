"""Closed forms of Gaussian moments and the bounds of their errors, written out again one entry at a time."""

import math

import numpy as np
import pytest

from fa_ref.activations import ACTIVATIONS
from theory.kernels.moments import Covariance, second_moments

U, TINIEST = 2.0**-53, 2.0**-1074
K = np.array([[1.0, 0.4, -0.9], [0.4, 2.25, 0.5], [-0.9, 0.5, 4.0]])
CASES = [("identity", False), ("identity", True), ("relu", False), ("relu", True), ("erf", False), ("erf", True)]


def value(psi, derivative, a, c, b):
    """E g(u)g(v) for variances a and b and covariance c."""
    rho = c / math.sqrt(a * b)
    theta = math.acos(max(-1.0, min(1.0, rho)))
    return {
        ("identity", False): lambda: c,
        ("identity", True): lambda: 1.0,
        ("relu", False): lambda: math.sqrt(a * b) * (math.sin(theta) + (math.pi - theta) * rho) / (2 * math.pi),
        ("relu", True): lambda: (math.pi - theta) / (2 * math.pi),
        ("erf", False): lambda: 2 / math.pi * math.asin(2 * c / math.sqrt((1 + 2 * a) * (1 + 2 * b))),
        ("erf", True): lambda: 4 / math.pi / math.sqrt((1 + 2 * a) * (1 + 2 * b) - 4 * c * c),
    }[psi, derivative]()


def conditioning(slope, sigma, norm, kappa, same):
    """K off by κ√(K_ii K_jj): ρ by 2κ (not on the diagonal), σ by κ/2 of itself, each times its derivative."""
    (s, t), (m, n) = sigma, norm
    move = kappa / 2
    m, n = m + 2 * slope * move * s, n + 2 * slope * move * t  # the norms may have moved, too
    through_rho = 0.0 if same else 2 * kappa * slope**2 * s * t
    return 1.01 * (through_rho + slope * (move * s * n + move * t * m))


def error(psi, derivative, i, j, kappa):
    a, c, b = K[i, i], K[i, j], K[j, j]
    s, t, rho = math.sqrt(a), math.sqrt(b), c / math.sqrt(a * b)
    kappa += 8 * U
    if (psi, derivative) == ("relu", True):  # θ between arccos(ρ ± 2.02κ)
        if i == j:
            return 0.0
        ends = math.acos(min(1.0, rho + 2.02 * kappa)), math.acos(max(-1.0, rho - 2.02 * kappa))
        return max(math.acos(rho) - ends[0], ends[1] - math.acos(rho)) / (2 * math.pi) + 4 * U
    slope = {
        ("identity", False): 1.0, ("identity", True): 0.0, ("relu", False): 1.0,
        ("erf", False): 2 / math.sqrt(math.pi),
        ("erf", True): 2 / math.sqrt(math.pi) * math.sqrt(2 / math.e),  # sup|erf″|, at z² = ½
    }[psi, derivative]  # fmt: skip
    own = [math.sqrt(value(psi, derivative, x, x, x)) for x in (a, b)]
    if (psi, derivative) == ("erf", False):
        x = 2 * c / math.sqrt((1 + 2 * a) * (1 + 2 * b))
        widths = [2 * v / math.sqrt((1 + 2 * v) * (1 + 2 * v)) for v in (a, b)]

        def within(slack):
            ends = math.asin(max(-1.0, x - slack)), math.asin(min(1.0, x + slack))
            return 2 / math.pi * max(ends[1] - math.asin(x), math.asin(x) - ends[0])

        rounding = within(12 * U * abs(x)) + 4 * U * abs(2 / math.pi * math.asin(x))
        moved = within(2.02 * kappa * math.sqrt(widths[0] * widths[1]) + 12 * U * abs(x))
        return rounding + min(conditioning(slope, (s, t), own, kappa, i == j), moved)
    return 8 * U * own[0] * own[1] + conditioning(slope, (s, t), own, kappa, i == j)


@pytest.mark.parametrize(("psi", "derivative"), CASES)
@pytest.mark.parametrize("kappa", [0.0, 1e-6, 4e-3])
def test_values_and_errors_are_those_derived(psi, derivative, kappa):
    found = second_moments(K, psi, derivative=derivative, covariance_error=kappa)
    assert found.method == "closed form"
    assert found.rigorous
    for i in range(3):
        for j in range(3):
            exact = value(psi, derivative, K[i, i], K[i, j], K[j, j])
            assert found.values[i, j] == pytest.approx(exact, rel=1e-13, abs=0.0)
            assert abs(found.values[i, j] - exact) <= found.error[i, j] + 8 * U * abs(exact)
            # what is below rounding moves the error of 10⁻¹⁵ or so by a hundredth of itself
            room = 1e-6 if kappa else 0.05
            assert found.error[i, j] == pytest.approx(error(psi, derivative, i, j, kappa), rel=room, abs=0.0)


@pytest.mark.parametrize(("psi", "derivative"), CASES)
def test_a_covariance_off_by_kappa_is_covered(psi, derivative):
    rng, kappa = np.random.default_rng(0), 4e-3
    found, scale = second_moments(K, psi, derivative=derivative, covariance_error=kappa), np.sqrt(np.diag(K))
    most = 0.0
    for _ in range(200):
        sign = np.triu(rng.choice([-1.0, 1.0], (3, 3)))
        moved = K + kappa * np.outer(scale, scale) * (sign + np.triu(sign, 1).T)
        other = second_moments(moved, psi, derivative=derivative).values
        assert (np.abs(other - found.values) <= found.error).all()
        with np.errstate(invalid="ignore", divide="ignore"):
            most = max(most, float(np.nanmax(np.abs(other - found.values) / found.error)))
    assert most > 0.2 or (derivative and psi == "identity")


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_values_do_not_depend_on_the_size_but_as_they_should(size):
    """ReLU is homogeneous; erf is 2z/√π where z is small and the sign where it is large."""
    scaled = size * K
    relu, step = second_moments(scaled, "relu"), second_moments(scaled, "relu", derivative=True)
    for i in range(3):
        for j in range(3):
            args = K[i, i], K[i, j], K[j, j]
            assert relu.values[i, j] / size == pytest.approx(value("relu", False, *args), rel=1e-12, abs=0.0)
            assert step.values[i, j] == pytest.approx(value("relu", True, *args), rel=1e-12, abs=0.0)
            erf = second_moments(scaled, "erf").values[i, j]
            if size < 1:
                assert erf / size == pytest.approx(4 / math.pi * K[i, j], rel=1e-12, abs=0.0)
            else:
                corner = 2 / math.pi * math.asin(K[i, j] / math.sqrt(K[i, i] * K[j, j]))
                assert erf == pytest.approx(corner, rel=1e-6, abs=0.0)


def test_a_row_of_zeros_has_the_moments_of_zero():
    found = second_moments([[0.0, 0.0], [0.0, 1.0]], "relu", derivative=True)
    assert found.values[0].tolist() == [0.0, 0.0]
    assert found.error[0].tolist() == [0.0, 0.0]
    for psi, own in (("relu", 0.5), ("erf", 2 / math.pi * math.asin(2 / 3))):
        found = second_moments([[0.0, 0.0], [0.0, 1.0]], psi)
        assert found.values.tolist() == [[0.0, 0.0], [0.0, pytest.approx(own, rel=1e-14, abs=0.0)]]
        assert found.error[0, 0] < 1e-300


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 0.0]], "K: expected a square matrix"),
        ([[-1e-300, 0.0], [0.0, 1.0]], "got K_ii = -1e-300"),
        ([[1.0, 0.5 + 1.2e-10], [0.5, 1.0]], "not symmetric"),
        ([[1.0, 1.0 + 1.2e-10], [1.0 + 1.2e-10, 1.0]], "K_ij| > sqrt"),
        ([[1e-300, 1e-150 * (1 + 1e-9)], [1e-150 * (1 + 1e-9), 1.0]], "K_ij| > sqrt"),
    ],
)
def test_what_is_no_covariance_is_refused(matrix, message):
    with pytest.raises(ValueError) as caught:
        second_moments(matrix, "relu")
    assert message in str(caught.value)


def test_what_rounding_can_make_of_a_covariance_is_taken():
    almost = second_moments([[1.0, 0.5 + 0.8e-10], [0.5, 1.0]], "identity")
    assert almost.values[1, 0] == 0.5
    edge = second_moments([[1.0, 1.0 + 0.8e-10], [1.0 + 0.8e-10, 1.0]], "relu", derivative=True)
    assert edge.values[0, 1] == 0.5
    with pytest.raises(ValueError, match="covariance_error: expected"):
        second_moments(K, "relu", covariance_error=0.005)


def test_methods_are_those_that_exist():
    with pytest.raises(ValueError, match="method: expected one that exists for tanh, got 'closed form'"):
        second_moments(K, "tanh", method="closed form")
    with pytest.raises(ValueError, match="method: expected one that exists"):
        second_moments(K, "relu", method="series")
    assert second_moments(K, "relu", method="closed form").method == "closed form"
    for psi, derivative, rigorous in (("erf", False, True), ("tanh", True, True), ("relu", True, False)):
        found = second_moments(K, psi, derivative=derivative, method="expansion")
        assert (found.method, found.rigorous) == ("expansion", rigorous)
        if psi == "erf":
            closed = second_moments(K, psi, derivative=derivative)
            assert (np.abs(found.values - closed.values) <= found.error + closed.error).all()


@pytest.mark.parametrize(("psi", "sup"), [("tanh", 1.0), ("erf", 2 / math.sqrt(math.pi))])
def test_an_expansion_is_charged_with_the_error_of_its_covariance(psi, sup):
    """As a closed form is: the rest of its error is far below."""
    exact, off = (second_moments(K, psi, method="expansion", covariance_error=kappa) for kappa in (0.0, 1e-4))
    norm = np.sqrt(np.diag(exact.values))
    for i in range(3):
        for j in range(3):
            sigma = math.sqrt(K[i, i]), math.sqrt(K[j, j])
            moved = conditioning(sup, sigma, (norm[i], norm[j]), 1e-4 + 8 * U, i == j)
            assert off.error[i, j] == pytest.approx(moved, rel=1e-6, abs=0.0)


def test_correlations_of_a_scaled_matrix():
    found = Covariance.of_scaled(
        np.array([[4.0, 3.0], [3.0, 9.0]]),
        np.array([2.0, 3.0]),
        K=K[:2, :2],
        sigma=np.array([5.0, 7.0]),
        kappa=0.25,
    )
    assert found.rho.tolist() == [[1.0, 0.5], [0.5, 1.0]]
    assert found.sigma.tolist() == [5.0, 7.0]
    assert found.kappa == 0.25 + 8 * U
    zero = Covariance.of_scaled(np.zeros((2, 2)), np.array([0.0, 1.0]), K=K[:2, :2], sigma=np.ones(2), kappa=0.0)
    assert zero.rho.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    beyond = Covariance.of_scaled(np.full((2, 2), -1.5), np.ones(2), K=K[:2, :2], sigma=np.ones(2), kappa=0.0)
    assert beyond.rho.tolist() == [[1.0, -1.0], [-1.0, 1.0]]


def test_every_named_activation_is_known_with_a_bound():
    for name in ACTIVATIONS:
        for derivative in (False, True):
            found = second_moments(K, name, derivative=derivative)
            assert found.rigorous
            assert found.error.max() < 1e-12


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_step_of_parallel_samples_is_off_by_a_root_of_kappa(sign):
    """θ = 0 or π exactly, and up to arccos(1 − 2.02κ) from there."""
    found = second_moments([[1.0, sign], [sign, 1.0]], "relu", derivative=True, covariance_error=1e-4)
    assert found.values[0, 1] == max(sign, 0.0) / 2
    expected = math.acos(1 - 2.02 * (1e-4 + 8 * U)) / (2 * math.pi) + 4 * U
    assert found.error[0, 1] == pytest.approx(expected, rel=1e-9, abs=0.0)
    assert found.rigorous
