"""tanh and the sigmoid in vector form, against 60 decimal digits."""

import decimal
from decimal import Decimal

import numpy as np
import pytest
from numba import njit

from fa_ref import vector_math
from fa_ref.activations import ACTIVATIONS

decimal.getcontext().prec = 60
ENDS = {np.float64: (746.0, 1.0e-300), np.float32: (104.0, 1.0e-37)}


@njit
def tanhs(z, out):
    for i in range(z.size):
        out[i] = vector_math.tanh(z[i])


@njit
def sigmoids(z, out):
    for i in range(z.size):
        out[i] = vector_math.sigmoid(z[i])


def exact_tanh(z):
    if abs(z) < 1e-12:  # z − z³/3 to 24 more digits than the 60 would leave of 1 − q
        return Decimal(z) - Decimal(z) ** 3 / 3
    q = (-2 * abs(Decimal(z))).exp()
    return ((1 - q) / (1 + q)).copy_sign(Decimal(z))


def exact_sigmoid(z):
    q = (-abs(Decimal(z))).exp()
    return 1 / (1 + q) if z >= 0 else q / (1 + q)


def points(real, rng):
    """Spread over the whole range: uniform, logarithmic, near the seams of the reduction, and subnormal results."""
    end, tiny = ENDS[real]
    k = rng.integers(-64, 64, 2000)
    seams = (k + rng.choice([0.0, 0.5], 2000)) * np.log(2.0) / rng.choice([1.0, 2.0], 2000)
    parts = [
        rng.uniform(-1, 1, 4000), rng.uniform(-23, 23, 4000),
        rng.uniform(-end, end, 2000), rng.uniform(-end, -0.9 * end, 1000),
        rng.choice([-1.0, 1.0], 2000) * np.exp(rng.uniform(np.log(tiny), np.log(end), 2000)), seams,
    ]  # fmt: skip
    return np.concatenate(parts).astype(real)


def worst_error(function, exact, z):
    """Largest error in units in the last place of the exact result."""
    out = np.empty_like(z)
    function(z, out)
    worst = 0.0
    for x, value in zip(z.tolist(), out.tolist(), strict=True):
        truth = exact(x)
        unit = float(np.spacing(z.dtype.type(abs(truth))))
        worst = max(worst, float(abs(Decimal(value) - truth) / Decimal(unit)))
    return worst


@pytest.mark.parametrize("real", [np.float64, np.float32])
@pytest.mark.parametrize("function, exact", [(tanhs, exact_tanh), (sigmoids, exact_sigmoid)])
def test_the_error_is_two_units_at_most(real, function, exact, rng):
    with np.errstate(all="ignore"):
        assert worst_error(function, exact, points(real, rng)) <= 2.0


def test_the_loops_own_tanh_is_as_good(rng):
    """A polynomial up to 0.55, one exponential beyond: on both sides of the seam, and everywhere."""
    z = np.concatenate([
        rng.uniform(0.5, 0.6, 4000), rng.uniform(-2.0, 2.0, 8000), rng.uniform(-22.0, 22.0, 4000),
        10.0 ** rng.uniform(-300.0, 0.0, 1000),
    ])  # fmt: skip

    def values(z, out):
        out[:] = ACTIVATIONS["tanh"](z)

    assert worst_error(values, exact_tanh, z) <= 2.0


def test_a_coarser_formula_is_caught(rng):
    @njit(error_model="numpy")
    def naive(z, out):
        for i in range(z.size):
            q = np.exp(2.0 * z[i])
            out[i] = (q - 1.0) / (q + 1.0)

    assert worst_error(naive, exact_tanh, rng.uniform(-1, 1, 1000)) > 2.0


@pytest.mark.parametrize("real", [np.float64, np.float32])
def test_the_ends(real):
    z = np.array([0.0, np.inf, -np.inf, np.nan, 1e30, -1e30], dtype=real)
    t, s = np.empty_like(z), np.empty_like(z)
    tanhs(z, t)
    sigmoids(z, s)
    np.testing.assert_array_equal(t, np.array([0, 1, -1, np.nan, 1, -1], dtype=real))
    np.testing.assert_array_equal(s, np.array([0.5, 1, 0, np.nan, 1, 0], dtype=real))


def test_the_width_is_that_of_the_argument():
    @njit
    def both(z):
        return vector_math.tanh(z), vector_math.sigmoid(z)

    for value in both(np.float32(0.3)):
        assert value == float(np.float32(value))
    for value in both(0.3):
        assert value != float(np.float32(value))


def test_python_is_told_to_compile():
    for function in (vector_math.tanh, vector_math.sigmoid):
        with pytest.raises(NotImplementedError, match="compiled code"):
            function(0.5)
