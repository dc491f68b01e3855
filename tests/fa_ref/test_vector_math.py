"""tanh and the sigmoid in vector form, against 60 decimal digits."""

import decimal
import os
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from fa_ref._support.vectors import AVX512, Vectors, widest_vectors
from fa_ref.activations import ACTIVATIONS
from fa_ref.engines.gram import vector_math

decimal.getcontext().prec = 60
ENDS = {np.float64: (746.0, 1.0e-300), np.float32: (104.0, 1.0e-37)}
PADDING = 16  # numbers in the longest vector


def compiled(function):
    """A function of two arrays that applies this one to every vector of the first."""

    @intrinsic
    def over(_context, z, out):
        def codegen(context, builder, signature, args):
            vectors = Vectors(builder, context, signature.args[0].dtype)
            arrays = [
                context.make_array(kind)(context, builder, value)
                for kind, value in zip(signature.args, args, strict=True)
            ]
            size = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
            with cgutils.for_range_slice(builder, size.type(0), size, size.type(vectors.width), inc=True) as (i, _):
                source, target = (builder.gep(array.data, [i]) for array in arrays)
                function(vectors.load(source)).store(target)
            return context.get_dummy_value()

        return types.none(z, out), codegen

    @njit
    def apply(z, out):
        widest_vectors()
        over(z, out)

    def padded(z, out):
        whole = np.zeros(-(-z.size // PADDING) * PADDING, dtype=z.dtype)
        whole[: z.size] = z
        values = np.empty_like(whole)
        apply(whole, values)
        out[:] = values[: z.size]

    return padded


tanhs, sigmoids = compiled(vector_math.tanh_by_quotient), compiled(vector_math.sigmoid)
TANHS = [tanhs, compiled(vector_math.tanh_by_table)] if AVX512 else [tanhs]


def exact_tanh(z):
    if abs(z) < 1e-12:  # z − z³/3 to 24 more digits than the 60 would leave of 1 − q
        return Decimal(z) - Decimal(z) ** 3 / 3
    q = (-2 * abs(Decimal(z))).exp()
    return ((1 - q) / (1 + q)).copy_sign(Decimal(z))


def exact_sigmoid(z):
    q = (-abs(Decimal(z))).exp()
    return 1 / (1 + q) if z >= 0 else q / (1 + q)


def points(real, rng):
    """Spread over the whole range: uniform, logarithmic, near the seams, and subnormal results."""
    end, tiny = ENDS[real]
    k = rng.integers(-64, 64, 2000)
    seams = (k + rng.choice([0.0, 0.5], 2000)) * np.log(2.0) / rng.choice([1.0, 2.0], 2000)
    parts = [
        rng.uniform(-1, 1, 4000), rng.uniform(-23, 23, 4000),
        rng.uniform(-end, end, 2000), rng.uniform(-end, -0.9 * end, 1000),
        rng.choice([-1.0, 1.0], 2000) * np.exp(rng.uniform(np.log(tiny), np.log(end), 2000)), seams,
        rng.uniform(2.0**-9, 2.0**-5, 8000),  # next to the first numbers of the table
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
@pytest.mark.parametrize("function, exact", [*((tanh, exact_tanh) for tanh in TANHS), (sigmoids, exact_sigmoid)])
def test_the_error_is_two_units_at_most(real, function, exact, rng):
    with np.errstate(all="ignore"):
        assert worst_error(function, exact, points(real, rng)) <= 2.0


def test_the_loops_own_tanh_is_as_good(rng):
    """A polynomial up to 0.55, its own exponential beyond: on both sides of the seam, and everywhere."""
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
@pytest.mark.parametrize("tanh", TANHS)
def test_the_ends(real, tanh):
    z = np.array([0.0, np.inf, -np.inf, np.nan, 1e30, -1e30], dtype=real)
    t, s = np.empty_like(z), np.empty_like(z)
    tanh(z, t)
    sigmoids(z, s)
    np.testing.assert_array_equal(t, np.array([0, 1, -1, np.nan, 1, -1], dtype=real))
    np.testing.assert_array_equal(s, np.array([0.5, 1, 0, np.nan, 1, 0], dtype=real))


@pytest.mark.skipif(not AVX512, reason="expected AVX-512")
def test_no_float32_leads_beyond_one():
    """All of them from 4 to where tanh no longer changes: 1 − ψ² stays positive or zero."""
    z = np.arange(np.float32(4).view(np.int32), np.float32(9.3).view(np.int32), dtype=np.int32).view(np.float32)
    t = np.empty_like(z)
    TANHS[-1](z, t)
    assert t.max() == 1.0
    assert np.abs(t - np.tanh(z.astype(np.float64))).max() <= 2 * np.spacing(np.float32(0.99))


@pytest.mark.parametrize("real", [np.float64, np.float32])
@pytest.mark.parametrize("tanh", TANHS)
def test_tanh_is_odd_rises_and_stays_within_one(tanh, real, rng):
    """Up to two units: between neighbours too, on both sides of every seam of the tables."""
    quarters = 2.0 ** (np.arange(28) // 4) * (1 + np.arange(28) % 4 / 4)
    seams = np.concatenate([(np.arange(2440) + 0.5) / 128, np.sqrt(quarters - 1)])
    seams = seams.astype(real)
    z = np.sort(np.concatenate([rng.uniform(0, 20, 40_000).astype(real), seams, np.nextafter(seams, real(0))]))
    up, down = np.empty_like(z), np.empty_like(z)
    tanh(z, up)
    tanh(-z, down)
    assert np.array_equal(up, -down)
    assert (np.diff(up) >= -2 * np.spacing(up[1:])).all()
    assert up.max() == 1.0


@pytest.mark.parametrize(
    "machine", [{"NUMBA_ENABLE_AVX": "0"}, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}]
)
def test_what_numba_compiles_for_decides(machine):
    code = "from fa_ref._support.vectors import AVX512; assert not AVX512"
    subprocess.run([sys.executable, "-c", code], env=os.environ | machine, check=True)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "machine", [{"NUMBA_ENABLE_AVX": "0"}, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}]
)
def test_another_machine_takes_the_same_steps(machine):
    code = (
        "import numpy as np; from fa_ref import Network, Problem, train\n"
        "rng = np.random.default_rng(0)\n"
        "problem = Problem(rng.standard_normal((7, 9)), rng.standard_normal(7))\n"
        "network, engines = Network.gaussian(50, 9, rng), ('loops', 'gram')\n"
        "for name in ('relu', 'tanh', 'sigmoid'):\n"
        "    a, b = (train(problem, network, name, engine=e, eta=1e-2, steps=50).residuals for e in engines)\n"
        "    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)\n"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | machine, check=True)
