"""Certificates in cases that can be worked out by hand, and what they do where nothing is known."""

import math
from dataclasses import replace
from fractions import Fraction

import flint
import numpy as np
import pytest

from fa_ref import Network, Problem, Setting
from fa_ref.activations import ACTIVATIONS
from theory.certificates import from_state as whole
from theory.certificates.alignment import Aligned, Direction, alignment_bounds, cosines, measure_aligned
from theory.certificates.balls import ENCLOSURES, enclose
from theory.certificates.definite import lambda_max_upper, lambda_min_lower
from theory.certificates.from_state import _decide, _extreme_eigenvalues, measure, proves
from theory.certificates.tubes import Drift, State, drift, upward
from theory.convergence.start import rounded

UP = 1 + 2.0**-30


def one_unit(kink=None):
    """ψ(z) = z at w = β = b = x = 1: it moves by at most U, Ψ and β with it."""
    one = np.ones((1, 1))
    return State(
        slope=one, curvature=0 * one, kink=kink, B1=1.0, B2=0.0, B3=0.0, K=one, lambda_max_K=1.0, sigma=1.0,
        b=np.ones(1), beta=np.ones(1),
    )  # fmt: skip


def present(low, high, residual, kink=None):
    from theory.certificates.balls import Enclosure

    return Enclosure(state=one_unit(kink), residual_norm=residual, lambda_min=low, lambda_max=high, aligned=None)


def test_what_is_rounded_is_raised_by_sixteen_roundings_a_term():
    assert upward() == upward(10, 20) == UP
    for terms in ((2**23,), (2**22, 2**24), (3, 2**30)):
        assert upward(*terms) == 1 + 16 * (sum(terms) + 64) * 2.0**-53


@pytest.mark.parametrize("U", [1e-3, 0.5, 7.0])
def test_the_drift_of_one_linear_unit_is_raised_by_that_much(U):
    moved = drift(one_unit(), U)
    for value, exact in (
        (moved.radius, U),
        (moved.psi, U),
        (moved.beta, (1 + U) * U),
        (moved.map, 3 * U + 2 * U * U),
    ):
        assert value / exact - 1 == pytest.approx(2.0**-30, rel=1e-5, abs=0.0)
    assert moved.kink == math.inf


def test_a_path_without_a_bound_has_no_tube():
    for U in (1e60, math.inf, math.nan):
        for kink, known in ((None, math.inf), (np.ones((1, 1)), 0.0)):
            moved = drift(one_unit(kink), U)
            assert (moved.map, moved.psi, moved.beta, moved.radius) == (math.inf,) * 4
            assert moved.kink == known


@pytest.mark.parametrize(
    ("low", "high", "eta"), [(0.0, 1.0, 0.5), (1.0, 2.0, 1.0), (-1.0, 1.0, 0.5), (1.0, 3.0, 1.0)]
)
def test_without_room_there_is_no_rate_and_no_drift(low, high, eta):
    """λ_min = 0, or ηλ_max = 2: nothing is left for a rate."""
    rate, margins, found = _decide(present(low, high, 1e-3), eta)
    assert rate is None
    assert [margin.name for margin in margins] == ["λ_min(A)", "η λ_max(A)"]
    assert margins[0].met == (low > 0)
    assert margins[1].value == eta * high
    assert found.map == math.inf


def test_the_largest_rate_of_one_linear_unit():
    """a + 3U + 2U² = λ_min at U = ‖e‖/a: a(a − λ)a + 3ea + 2e² = 0."""
    e, low = 1e-2, 1.0
    rate, margins, found = _decide(present(low, low, e), 0.1)
    roots = np.roots([1.0, -low, 3 * e, 2 * e * e])
    assert rate == pytest.approx(max(roots.real[np.abs(roots.imag) < 1e-12]), rel=1e-6, abs=0.0)
    U = e / rate
    assert found.map == pytest.approx(3 * U + 2 * U * U, rel=1e-8, abs=0.0)
    named = {margin.name: (margin.value, margin.threshold) for margin in margins}
    assert named["λ_min(A) − drift"] == pytest.approx((low - found.map, rate), rel=1e-12, abs=0.0)
    step, limit = named["η (λ_max(A) + drift + a)"]
    assert (step, limit) == (pytest.approx(0.1 * (low + found.map + rate), rel=1e-12, abs=0.0), 2.0)
    none, margins, found = _decide(present(low, low, 0.5), 0.1)
    assert none is None
    assert margins[-1].name == "drift at half the budget"
    assert margins[-1].value == found.map == drift(one_unit(), 1.0).map
    assert margins[-1].threshold == 0.5


def test_the_step_size_clause_counts_the_drift():
    """λ_max + a fits under 2/η, and with τ it does not."""
    now, tau = present(10.0, 10.0, 0.2), drift(one_unit(), 0.2).map
    assert proves(now, 2 / (11 + tau + 1e-6), 1.0)
    assert not proves(now, 2 / (11 + tau - 1e-6), 1.0)
    assert proves(present(1 + tau + 1e-6, 2.0, 0.2), 1e-3, 1.0)
    assert not proves(present(1 + tau - 1e-6, 2.0, 0.2), 1e-3, 1.0)
    assert not proves(now, 1e-3, 0.0)
    assert not proves(now, 1e-3, -1.0)


def test_a_matrix_that_is_not_finite_has_no_eigenvalues_to_rely_on():
    assert _extreme_eigenvalues(np.array([[1.0, math.nan], [math.nan, 1.0]])) == (-math.inf, math.inf)
    assert _extreme_eigenvalues(np.diag([1.0, 3.0, 2.0])) == pytest.approx((1.0, 3.0))


SETTING = Setting(
    Problem([[1.0, 0.0], [0.0, 2.0]], [0.1, -0.2]),
    Network([[1.0, -0.5], [0.3, 0.2], [-0.7, 1.1]], [0.5, -1.0, 2.0], [1.0, 3.0, -2.0]), "tanh", eta=0.125,
)  # fmt: skip


def test_a_certificate_states_its_hypotheses_and_its_step():
    proof = whole(SETTING)
    assert [margin.name for margin in proof.margins][:4] == ["sup |ψ′|", "sup |ψ″|", "λ_min(A)", "η λ_max(A)"]
    Z = SETTING.problem.X @ SETTING.start.W.T
    Psi, D = np.tanh(Z), 1 / np.cosh(Z) ** 2
    A = (Psi @ Psi.T + SETTING.problem.K * ((D * (SETTING.start.b * SETTING.start.beta)) @ D.T)) / 3
    assert proof.constants["step"] == pytest.approx(0.125 * np.linalg.eigvalsh(A)[-1], rel=1e-9, abs=0.0)
    assert proof.constants["b_norm"] == pytest.approx(math.sqrt(14.0), rel=1e-8, abs=0.0)
    assert proof.constants["beta_norm"] == pytest.approx(math.sqrt(5.25), rel=1e-8, abs=0.0)


# --- alignment


def test_both_intervals_are_those_of_the_theorem():
    """Now: ‖h‖ ≤ the drift of β, along b (push + δ)U. The limit: x is missed by (τU + defect)/λ_min."""
    centre, limit = (Direction(along=(x, x), across=(y, y)) for x, y in ((1.0, 0.5), (1.2, 0.7)))
    moved = Drift(map=0.3, psi=0.02, beta=0.2, radius=1.0, kink=math.inf)
    aligned = Aligned(now=centre, limit=limit, push=0.4, defect=0.05)
    U, sigma, low = 0.1, 1.5, 2.0
    always, final = alignment_bounds(aligned, moved, sigma=sigma, lambda_min=low, U=U)
    now = cosines(centre, reach=0.2, along=(0.4 + 0.02) * U)
    missed = (0.3 * U + 0.05) / low
    then = cosines(limit, reach=sigma * missed + 0.02 * U, along=0.4 * missed + 0.02 * U)
    assert always == pytest.approx(now, rel=1e-8, abs=0.0)
    assert final == pytest.approx((max(now[0], then[0]), min(now[1], then[1])), rel=1e-8, abs=0.0)
    assert always[0] < final[0]
    assert final[1] <= always[1]


def test_a_vector_whose_component_along_b_may_be_zero_has_the_other_as_its_length():
    centre = Direction(along=(-0.1, 0.1), across=(0.5, 0.6))
    assert cosines(centre, reach=0.55, along=0.1) == (-1.0, 1.0)
    low, high = cosines(centre, reach=0.45, along=0.45)
    assert -1 < low < 0 < high < 1


def test_a_vector_along_b_that_moves_across_it():
    """v = b̂, ‖h‖ ≤ ½ with at most 0.1 along b: the cosine falls to that of (0.9, 0.5), the tangent's is √¾."""
    low, high = cosines(Direction(along=(1.0, 1.0), across=(0.0, 0.0)), reach=0.5, along=0.1)
    assert low == pytest.approx(max(math.sqrt(0.75), 0.9 / math.hypot(0.9, 0.5)), rel=1e-12, abs=0.0)
    assert high == pytest.approx(1.0, rel=1e-12, abs=0.0)
    low, high = cosines(Direction(along=(-1.0, -1.0), across=(0.1, 0.1)), reach=0.2, along=0.2)
    assert low == pytest.approx(-1.0, rel=1e-12, abs=0.0)
    assert high < -0.9


def test_a_direction_that_is_not_known_exactly_counts_with_its_worst():
    """The most across b where the angle is acute, the least where it is obtuse."""
    for x, worst in ((1.0, 0.6), (-1.0, 0.5)):
        low, high = cosines(Direction(along=(x, x), across=(0.5, 0.6)), reach=0.0, along=0.0)
        assert low == pytest.approx(x / math.hypot(1.0, worst), rel=1e-12, abs=0.0)
        assert high == pytest.approx(x / math.hypot(1.0, 1.1 - worst), rel=1e-12, abs=0.0)


@pytest.mark.parametrize(("reach", "along"), [(0.5, 0.1), (0.3, 0.01), (0.5, 0.5), (0.25, 0.25)])
def test_a_lower_bound_of_a_cosine_is_below_it(reach, along):
    """Of b̂ moved by ``reach``: (1 − along)/√((1 − along)² + reach²), or √(1 − reach²), compared as rationals."""
    low, _ = cosines(Direction(along=(1.0, 1.0), across=(0.0, 0.0)), reach=reach, along=along)
    r, a = Fraction(reach), min(Fraction(along), Fraction(reach))
    square = max((1 - a) ** 2 / ((1 - a) ** 2 + r**2), 1 - r**2)
    assert Fraction(low) ** 2 < square
    assert float(square) - low**2 < 1e-13


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e160, 1e300])
def test_a_cosine_does_not_know_the_scale(scale):
    def at(scale):
        centre = Direction(along=(0.3 * scale, 0.4 * scale), across=(0.5 * scale, 0.6 * scale))
        return cosines(centre, reach=0.2 * scale, along=0.1 * scale)

    assert at(scale) == pytest.approx(at(1.0), rel=1e-12, abs=0.0)


def test_an_odd_psi_does_not_know_the_sign_of_a_unit():
    """−w, −β and −b give the same network: A, e and every ⟨b, ·⟩ are the same, with the same rounding."""
    flipped = Network(-SETTING.start.W, -SETTING.start.beta, -SETTING.start.b)
    plain, turned = (
        measure_aligned(rounded(each), each.start) for each in (SETTING, SETTING.replace(network=flipped))
    )
    assert plain == turned


def test_the_sign_of_the_targets_does_not_matter_to_what_rounding_does():
    """−β, −b and −y: A is the same, e and x change their signs, and what x misses is as large."""
    start = SETTING.start
    turned = SETTING.replace(
        problem=Problem(SETTING.problem.X, -SETTING.problem.y), network=Network(start.W, -start.beta, -start.b)
    )
    one, other = (measure_aligned(rounded(each), each.start) for each in (SETTING, turned))
    assert (one.defect, one.push) == (other.defect, other.push)
    assert one.limit == other.limit


@pytest.mark.parametrize("beta", [(0.5, -1.0, 2.0), (1e-9, -1.0, 2.0), (1e-12, 1e-12, -1e-12)])
def test_what_the_solution_misses_is_bounded_by_its_own_defect_and_a_few_roundings(beta):
    setting = SETTING.replace(network=Network(SETTING.start.W, beta, SETTING.start.b))
    now, eps = rounded(setting), 2.0**-52
    A, found = now.G + now.H, measure_aligned(now, setting.start).defect
    x = np.linalg.solve(A, now.e)
    plain = np.linalg.norm(now.e - A @ x) + (now.G_error + now.H_error) * np.linalg.norm(x)
    least, most = (
        plain + np.linalg.norm(k * eps * (np.abs(A) @ np.abs(x) + np.abs(now.e)) + now.e_error) for k in (3, 18)
    )
    assert least < found < most


@pytest.mark.parametrize("beta", [(0.5, -1.0, 2.0), (1e-9, -1.0, 2.0), (1e-12, 1e-12, -1e-12)])
def test_the_limit_is_known_to_a_few_roundings_of_each_sum(beta):
    """Between n and n + 16 roundings of |Ψ|ᵀ|x|/√p, and one or two of |β|, in each entry of β − Ψᵀx/√p."""
    start = Network(SETTING.start.W, beta, SETTING.start.b)
    now = rounded(SETTING.replace(network=start))
    found, eps, b = measure_aligned(now, start), 2.0**-52, start.b / np.linalg.norm(start.b)
    x = np.abs(np.linalg.solve(now.G + now.H, now.e))
    root, own = math.sqrt(3), now.psi_error.T @ x / math.sqrt(3)
    summed, beta = np.abs(now.Psi).T @ x / root, np.abs(start.beta)
    limit = np.abs(start.beta - now.Psi.T @ np.linalg.solve(now.G + now.H, now.e) / root)
    half = (found.limit.along[1] - found.limit.along[0]) / 2
    least = np.abs(b) @ (2 * eps * summed + own + eps * beta)
    most = np.abs(b) @ (18 * eps * summed + own + 3 * eps * beta + 2 * (3 + 20) * eps * limit)
    assert least < half < most * (1 + 1e-9)


# --- balls


@pytest.mark.parametrize("ball", [flint.arb(0, 1), flint.arb(0.5, 1), flint.arb(0)])
def test_the_slope_of_relu_across_its_kink_is_any_number_from_0_to_1(ball):
    value, slope = ENCLOSURES["relu"](ball)
    assert slope.contains(flint.arb(0))
    assert slope.contains(flint.arb(1))
    assert slope < 1 + 1e-9
    assert slope > -1e-9
    assert value.contains(flint.arb(0))
    assert value > -1e-9


def test_the_bounds_of_psi_are_raised_above_what_rounding_made_of_them():
    """erf′ ≤ 2/√π and |tanh″| ≤ 4/(3√3), which are no floats."""
    for psi, name, exact in (
        ("erf", "B1", 2 / flint.arb.pi().sqrt()), ("tanh", "B2", 4 / (3 * flint.arb(3).sqrt())),
        ("tanh", "B1", flint.arb(1)), ("tanh", "B3", flint.arb(2)),
    ):  # fmt: skip
        stated = getattr(enclose(SETTING.replace(activation=psi)).state, name)
        assert flint.arb(stated) > exact
        assert stated == pytest.approx(getattr(ACTIVATIONS[psi], name), rel=2.0**-38, abs=0.0)
        assert stated > getattr(ACTIVATIONS[psi], name)


def test_alignment_is_enclosed_around_what_it_is():
    start, found = SETTING.start, enclose(SETTING).aligned
    Z = SETTING.problem.X @ start.W.T
    Psi, D, b = np.tanh(Z), 1 / np.cosh(Z) ** 2, start.b / np.linalg.norm(start.b)
    A = (Psi @ Psi.T + SETTING.problem.K * ((D * (start.b * start.beta)) @ D.T)) / 3
    e = Psi @ start.beta / math.sqrt(3) - SETTING.problem.y
    limit = start.beta - Psi.T @ np.linalg.solve(A, e) / math.sqrt(3)
    for seen, v in ((found.now, start.beta), (found.limit, limit)):
        for value in seen.along:
            assert value == pytest.approx(b @ v, rel=1e-12, abs=0.0)
        for value in seen.across:
            assert value == pytest.approx(np.linalg.norm(v - (b @ v) * b), rel=1e-12, abs=0.0)
        assert seen.along[0] <= seen.along[1]
        assert seen.across[0] <= seen.across[1]
    assert found.push == pytest.approx(np.linalg.norm(Psi @ b) / math.sqrt(3), rel=1e-12, abs=0.0)
    assert 0 < found.defect < 1e-14
    measured = measure(SETTING).aligned
    assert measured.push == pytest.approx(found.push, rel=1e-12, abs=0.0)
    assert measured.limit.along[0] <= found.limit.along[0] <= found.limit.along[1] <= measured.limit.along[1]


def test_without_feedback_or_with_a_singular_matrix_no_direction_is_enclosed():
    without = replace(SETTING, network=Network(SETTING.start.W, SETTING.start.beta, np.zeros(3)))
    assert enclose(without).aligned is None
    assert measure(without).aligned is None
    dead = SETTING.replace(network=Network(np.zeros((3, 2)), np.zeros(3), np.ones(3)))
    assert enclose(dead).aligned is None
    assert measure(dead).aligned is None


@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 1e30])
def test_bounds_of_eigenvalues_are_relative(size):
    A = flint.arb_mat([[2.0 * size, size], [size, 2.0 * size]])
    room = 1e-12 * (size or 1.0)
    assert size - room < lambda_min_lower(A) < size or size == 0.0
    assert -room <= lambda_min_lower(A) <= size
    assert 3 * size <= lambda_max_upper(A) < 3 * size + 3 * room


def test_a_singular_matrix_of_any_size_has_bounds_near_zero():
    rng = np.random.default_rng(0)
    for n in (2, 3, 8):
        B = rng.integers(-9000, 9000, (n, n - 1)).astype(float)
        singular = flint.arb_mat((B @ B.T).tolist())  # integers: exact
        assert -1e-8 * np.sum(B * B) < lambda_min_lower(singular) < 0


@pytest.mark.parametrize("margin", [1e-11, 1e-9, 1e-6, 1e-3])
def test_balls_cost_no_more_than_the_next_margin(margin):
    """The identity in balls: λ_min ≥ 1 − ‖radii‖_F, of which the bound is short by its own margin at most."""
    radius = 0.9 * margin / math.sqrt(2)
    A = flint.arb_mat([[flint.arb(1, radius), 0], [0, flint.arb(1, radius)]])
    assert 1 - 1.1 * margin < lambda_min_lower(A) <= 1 - 0.89 * margin


def test_a_matrix_that_is_not_finite_has_no_bounds():
    A = flint.arb_mat([[flint.arb("inf"), 0], [0, 1]])
    assert lambda_min_lower(A) == -math.inf
    assert lambda_max_upper(A) == math.inf
    wide = flint.arb_mat([[flint.arb(1, 10), 0], [0, flint.arb(1, 10)]])
    assert lambda_min_lower(wide) == -math.inf


def test_a_named_psi_without_formulas_is_certified_by_its_constants_or_refused(monkeypatch):
    """As a user's own with the same constants is: one that is added to the names needs no formula at once."""
    from theory.certificates import balls, tubes

    rng = np.random.default_rng(3)
    setting = Setting(Problem(np.eye(3), rng.standard_normal(3)), Network.gaussian(400, 3, rng), "erf", eta=0.05)
    with_formula = measure(setting).state.curvature
    monkeypatch.delitem(tubes._CURVATURES, "erf")
    plain = measure(setting).state
    assert (plain.curvature == setting.activation.B2).all()
    assert (plain.curvature >= with_formula).all()
    assert plain.B3 == 0.0
    with pytest.raises(ValueError, match=r"rigorous: expected one of identity, .*, got 'erf'"):
        enclose(setting)
    monkeypatch.undo()
    monkeypatch.delitem(balls.ENCLOSURES, "erf")
    with pytest.raises(ValueError, match=r"rigorous: expected one of identity, .*, got 'erf'"):
        enclose(setting)
