"""Activations: values, derivatives, sup-norms, and a user's own."""

import math
import os
import subprocess
import sys

import naive
import numpy as np
import pytest

from fa_ref.activations import ACTIVATIONS, Activation, resolve
from fa_ref.activations.psi import decay

GRID = np.linspace(-30.0, 30.0, 60001)
SMOOTH = [a for a in ACTIVATIONS.values() if a.smooth]


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=lambda a: a.name)
def test_values_and_derivatives_match_the_oracle(activation):
    psi, dpsi = naive.PSI[activation.name]
    # Both sides are a few roundings away from the true value, which is of the size of z.
    np.testing.assert_allclose(activation(GRID), psi(GRID), rtol=8e-16 * 4, atol=1e-16)
    np.testing.assert_allclose(activation.derivative(GRID), dpsi(GRID), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("activation", SMOOTH, ids=lambda a: a.name)
def test_derivative_is_the_limit_of_fourth_order_differences(activation):
    z, h = np.linspace(-4, 4, 801), 1e-3
    psi = activation
    quotient = (8 * (psi(z + h) - psi(z - h)) - (psi(z + 2 * h) - psi(z - 2 * h))) / (12 * h)
    # Truncation is h⁴/30 · sup|ψ⁽⁵⁾| (below 60 for all of them), rounding 2·eps·|ψ|/h.
    np.testing.assert_allclose(activation.derivative(z), quotient, atol=60 * h**4 / 30 + 2e-16 * 5 / h * 2)


@pytest.mark.parametrize("activation", SMOOTH, ids=lambda a: a.name)
def test_sup_norms_bound_and_are_attained(activation):
    z = np.linspace(-12.0, 12.0, 240001)
    h = z[1] - z[0]
    orders = [activation(z), activation.derivative(z)]
    orders += [np.gradient(orders[1], h)]
    orders += [np.gradient(orders[2], h)]
    for bound, values in zip((activation.B0, activation.B1, activation.B2, activation.B3), orders, strict=True):
        top = np.abs(values[4:-4]).max()
        if math.isinf(bound):
            assert top > 11
        else:
            # Second differences of step 1e-4 carry about 1e-16/h² = 1e-8 of rounding and h² of truncation.
            assert top <= bound + 5e-7
            assert top >= bound * (1 - 1e-3)


def test_relu_is_not_smooth_and_has_no_second_bound():
    relu = resolve("relu")
    assert not relu.smooth
    assert math.isinf(relu.B2)
    assert relu.derivative([-1.0, 0.0, 1.0]).tolist() == [0.0, 0.0, 1.0]


def test_extreme_arguments_stay_finite():
    for activation in ACTIVATIONS.values():
        for value in (activation([-1e4, 1e4]), activation.derivative([-1e4, 1e4])):
            assert np.isfinite(value).all()


def test_a_wrong_derivative_is_refused():
    with pytest.raises(ValueError, match=r"cube\.dpsi: expected the derivative of psi"):
        Activation("cube", lambda z: z**3, lambda z: 2.0 * z**2)


@pytest.mark.parametrize(
    ("psi", "error"),
    [(3.0, TypeError), (lambda z: str(z), TypeError), (lambda z: z.no_such_thing(), TypeError)],
)
def test_what_is_not_a_scalar_function_is_refused(psi, error):
    with pytest.raises(error, match=r"odd\.psi: expected a function"):
        Activation("odd", psi, lambda _: 1.0)


def test_a_negative_bound_is_refused():
    with pytest.raises(ValueError, match="B0"):
        Activation("id", lambda z: 1.0 * z, lambda z: 1.0 + 0.0 * z, B0=-1.0)


def test_resolve_refuses_what_is_no_activation():
    with pytest.raises(TypeError, match="activation"):
        resolve(3)


def test_uncompiled_functions_give_the_same_bits():
    script = (
        "import numpy as np, hashlib\n"
        "from fa_ref.activations import ACTIVATIONS\n"
        "z = np.linspace(-9, 9, 2001)\n"
        "for a in ACTIVATIONS.values():\n"
        "    print(a.name, hashlib.sha256(a(z).tobytes() + a.derivative(z).tobytes()).hexdigest())\n"
    )
    outputs = [_run(script, disable) for disable in ("0", "1")]
    assert outputs[0] == outputs[1]
    assert outputs[0].count("\n") == len(ACTIVATIONS)


def test_a_float32_means_the_same_compiled_or_not():
    """Classifiers hand on numbers in float32: interpreted, they stay so unless ψ says otherwise."""
    script = (
        "import numpy as np\n"
        "from fa_ref.activations import ACTIVATIONS\n"
        "z = np.linspace(-6.0, 6.0, 49, dtype=np.float32)\n"
        "for a in ACTIVATIONS.values():\n"
        "    print(*(float(f(x)) for f in (a.psi, a.dpsi) for x in z))\n"
    )
    compiled, interpreted = (np.array(_run(script, disable).split(), dtype=float) for disable in ("0", "1"))
    assert compiled.size == 2 * 49 * len(ACTIVATIONS)
    np.testing.assert_allclose(interpreted, compiled, rtol=4e-6, atol=1e-7)


def test_a_decay_keeps_its_digits_and_what_is_not_a_number():
    """Within two units of the C library's exponential down to the smallest normal numbers."""
    w = np.concatenate([np.linspace(0.0, 700.0, 20001), [0.0, math.log(2) / 2, 707.9]])
    np.testing.assert_allclose([decay(x) for x in w], np.exp(-w), rtol=4.5e-16)
    assert decay(0.0) == 1.0
    assert decay(math.inf) == decay(1e9) < 1e-307
    for function in (decay, getattr(decay, "py_func", decay)):
        assert math.isnan(function(math.nan))


def _mine():
    return Activation("mine", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2, B0=1.0, B1=1.0)


@pytest.mark.parametrize("activation", [*ACTIVATIONS.values(), _mine()], ids=lambda a: a.name)
def test_entry_by_entry_gives_the_bits_of_the_scalar_functions(activation, rng):
    z = np.concatenate([rng.standard_normal((40, 7)), 9.0 * rng.standard_normal((40, 7)), np.full((1, 7), np.nan)])
    z[0] = [0.0, -0.0, np.inf, -np.inf, 0.55, np.nextafter(0.55, 0.0), 1e-300]
    slopes, values = z.copy(), np.empty_like(z)
    with np.errstate(all="ignore"):  # as in compiled code
        activation.entrywise(slopes, values)
        expected = activation(z), activation.derivative(z)
    assert (values.tobytes(), slopes.tobytes()) == tuple(part.tobytes() for part in expected)


def _run(script, disable_jit):
    environment = os.environ | {"NUMBA_DISABLE_JIT": disable_jit}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout
