"""Limits and laws for numbers near both ends of the floats: the value, ∞ or NaN, and never an exception."""

import math

import numpy as np
import pytest

from fa_ref import Problem, schedules
from theory.alignment import no_alignment_coefficient, sharp_bracket, sharp_constant
from theory.limits import fixed_time_limit, linear_law, long_run, plateau, wide_prediction
from theory.limits.edge import small_step_edge_time


@pytest.mark.parametrize("lam", [1e-200, 1.0, 1e160, 1e200])
@pytest.mark.parametrize("y", [1e-100, 1.0, 1e100])
def test_the_plateau_is_that_of_one_sample(lam, y):
    """K = 4: ½(λy/(4 + λ))² and ½λy²/(4 + λ), where λ² and y² may be beyond floats."""
    found = plateau(Problem([[2.0]], [y]), "identity", schedules.constant(lam))
    e = y * (lam / (4.0 + lam))
    assert found.loss == pytest.approx(0.5 * e * e, rel=1e-12, abs=0.0)
    assert found.penalised == pytest.approx(0.5 * e * y, rel=1e-12, abs=0.0)


@pytest.mark.parametrize(("lam", "eta"), [(1e200, 1e-210), (1e-200, 1e100), (1.0, 1e-3)])
def test_the_laws_of_linear_networks_scale(lam, eta):
    """K = 4, y = 3: ỹ = 3/2, w³ = 4.5 ηλθ, loss ½(λ·(3/4)/w²)², and θ_c → (2/η)^{3/2} ỹ²/(3ηλ·27)."""
    problem, ridge, theta = Problem([[2.0]], [3.0]), schedules.constant(lam), 1e3 / (eta * lam)
    law = linear_law(problem, [theta], eta=eta, ridge=ridge)
    w = (4.5e3) ** (1 / 3)
    assert law.alignment[0] == pytest.approx(1 - 0.5 / w**2, rel=1e-12, abs=0.0)
    loss = math.exp(2 * (math.log(lam) + math.log(0.75) - 2 * math.log(w))) / 2 if lam < 1e150 else math.inf
    assert law.loss[0] == pytest.approx(loss, rel=1e-10, abs=0.0)
    logarithm = 1.5 * math.log(2 / eta) + math.log(2.25 / 81) - math.log(eta * lam)
    said = small_step_edge_time(problem, eta=eta, ridge=ridge)
    expected = math.exp(logarithm) if logarithm < 709 else math.inf
    assert said == pytest.approx(expected, rel=1e-10, abs=0.0)


@pytest.mark.parametrize(
    ("y", "psi"), [(1e-300, "identity"), (1e-170, "identity"), (1e100, "identity"), (1e-170, "tanh")]
)
def test_a_target_without_a_length_has_no_angle(y, psi):
    problem, ridge = Problem([[1.0]], [y]), schedules.constant(1.0)
    found = wide_prediction(problem, psi, [1e-150], eta=0.1, ridge=ridge)
    assert math.isnan(found.alignment[0]) or 0 <= found.alignment[0] <= 1


def test_a_bound_of_psi_beyond_floats_leaves_the_edge_unknown():
    from dataclasses import replace

    from fa_ref.activations import ACTIVATIONS

    wide = replace(ACTIVATIONS["tanh"], B0=1e200)
    told = long_run(Problem([[1.0]], [1.0]), wide, eta=0.1, ridge=schedules.constant(0.5))
    assert math.isnan(told.edge)


def test_the_constant_of_theorem_4_6_at_both_ends():
    """(1 + L)κ + κ³/3 = c_S ν: κ = c_Sν/(1 + L) where that is small, and cos → 1 where it is large."""
    assert sharp_constant(L=1e250, c_S=1e200, nu=1.0) == pytest.approx(1e-50, rel=1e-12, abs=0.0)
    assert sharp_constant(L=1.0, c_S=1e-300, nu=1.0) == pytest.approx(5e-301, rel=1e-12, abs=0.0)
    assert sharp_constant(L=1.0, c_S=1e200, nu=1e200) == 1.0
    for c_S in (1e-300, 1e-150, 1e-10):
        low, high = sharp_bracket(L=1.0, c_S=c_S, nu=1.0, epsilon=0.1)
        assert 0.43 < low / c_S < high / c_S < 0.58  # of orders 1/(2·1.1^{3/2}) and 1.1/1.91


@pytest.mark.parametrize("x", [1e-150, 1e-80, 1.0, 1e80, 1e150])
def test_the_law_without_a_penalty_does_not_know_the_scale_of_a_linear_problem(x):
    """½(n + yᵀK⁻¹y) with y of the size of X, and half of what each step takes at ηK = ½: 1 − (½)/(2 − ½) = 2/3."""
    problem = Problem([[3.0 * x, 0.0], [0.0, 2.0 * x]], [6.0 * x, 0.0])
    assert no_alignment_coefficient(problem, "identity") == pytest.approx(3.0, rel=1e-12, abs=0.0)
    one = Problem([[2.0 * x]], [2.0 * x])
    eta = 0.5 / (4.0 * x * x)
    assert no_alignment_coefficient(one, "identity", eta=eta) == pytest.approx(2 / 3, rel=1e-12, abs=0.0)


def test_a_step_beyond_the_edge_leads_beyond_floats():
    """1 − ηK = −10²⁰⁰: |mean| = 10⁰, 10²⁰⁰ and then no float."""
    found = fixed_time_limit(Problem([[1.0]], [1.0]), "identity", [0, 1, 2], eta=1e200)
    assert np.abs(found.means[:, 0]).tolist() == [1.0, 1e200, math.inf]
