"""The limit of dropout at t = τp against what is known of it in closed form, and as a sheet with two controls."""

import numpy as np
import pytest

from fa_ref import Problem, Setting, schedules
from theory.limits.dropout import dropout_limit
from validation.beyond.dropout import dropout_alignment, dropout_clock

RATE = 0.5  # κ = 1


def setting_of(name, *, n=4, eta=0.2, **options):
    return Setting(Problem(np.eye(n), 0.5 * (-1.0) ** np.arange(n)), None, name, eta=eta, **options)


@pytest.mark.parametrize("n", [1, 4])
def test_it_begins_with_the_square_of_time(n):
    """Linear, K = I: E bβ = n (ηκτ)² + O(τ³), since d‖z‖²/dτ = −2ηκ bβ‖z‖² and dβ/dτ = −ηκ‖z‖²β."""
    eta, s = 1e-3, 0.02
    limit = dropout_limit(setting_of("identity", n=n, eta=eta), RATE, [s / eta], units=2**16)
    # The next order is a relative 2s(n + 2) of it, the noise of the masks a relative η.
    allowed = n * s**2 * (2 * s * (n + 2) + 10 * eta) + 2 * limit.error[0]
    assert abs(limit.alignment[0] - n * s**2) < allowed
    assert allowed < n * s**2


def test_it_ends_where_the_conserved_quantity_says(rng):
    """Linear, K = I, small η: ‖z‖² − 2bβ is conserved, so a unit ends with β = 0 or with z = 0."""
    n, eta = 2, 2e-3
    late = dropout_limit(setting_of("identity", n=n, eta=eta), RATE, [20.0 / eta], units=2**13)
    b, beta, z = rng.standard_normal((3, 10**5, n))
    x = np.maximum(b[:, 0] * beta[:, 0] - 0.5 * np.sum(z**2, axis=1), 0.0)
    expected = x.mean() / np.sqrt(np.mean((x / b[:, 0]) ** 2))
    assert late.alignment[0] == pytest.approx(expected, abs=2 * late.error[0] + 10 * eta)
    assert expected > 0.3


def test_it_depends_on_the_inputs_and_not_on_the_targets():
    tau = [2.0, 4.0]
    one, other = (
        Setting(Problem(np.eye(3), y), None, "relu", eta=0.2) for y in ([1.0, 1.0, 1.0], [-3.0, 0.0, 2.0])
    )
    np.testing.assert_array_equal(*(dropout_limit(s, RATE, tau, units=4096).alignment for s in (one, other)))
    wide = Setting(Problem(2.0 * np.eye(3), [1.0, 1.0, 1.0]), None, "relu", eta=0.2)
    assert np.abs(dropout_limit(wide, RATE, tau, units=4096).alignment - 0.05).max() > 0.02


@pytest.mark.parametrize("name", ["identity", pytest.param("relu", marks=pytest.mark.nightly)])
def test_networks_tend_to_it_on_the_clock_t_over_p(name):
    setting, tau, widths = setting_of(name), [2.0, 4.0], [50, 200, 800]
    law = dropout_clock(setting, RATE, tau, narrowest=50).judge(widths, range(6), confidence=0.99)
    assert law.status != "violated", law  # at these widths and draws the decay is seen, but not at this level
    assert law.exponent.slope < -0.25, law
    clock = dropout_clock(setting, RATE, tau, narrowest=50, power=0.5).judge(widths, range(3), confidence=0.95)
    assert clock.status == "violated", clock
    misread = dropout_clock(setting, RATE, tau, narrowest=50, misread=2.0).judge(widths, range(3), confidence=0.95)
    assert misread.status == "violated", misread


def test_wide_networks_of_one_seed_are_nested_and_repeat():
    setting = setting_of("relu")
    first, again = (dropout_alignment(setting, RATE, [0.0, 1.0], 30, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"activation": "tanh"}, (0.5, [1.0]), "activation: expected identity or relu"),
        ({"ridge": schedules.constant(0.1)}, (0.5, [1.0]), "setting: expected no penalty"),
        ({"rule": "bp"}, (0.5, [1.0]), "setting: expected no penalty and rule fa"),
        ({"eta": 3.0}, (0.5, [1.0]), "eta: expected a step at which the residual settles"),
        ({}, (0.0, [1.0]), "rate: expected"),
        ({}, (0.5, [1.0, 1.0]), "tau: expected times"),
        ({}, (0.5, [-1.0]), "tau: expected times"),
    ],
)
def test_bad_input_is_refused_by_name(change, arguments, message):
    with pytest.raises(ValueError, match=message):
        dropout_limit(setting_of("identity").replace(**change), *arguments, units=256)
