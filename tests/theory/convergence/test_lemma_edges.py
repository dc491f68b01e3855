"""Lemmas and levels where a term rarely matters: products that underflow, what is not known, edges of widths."""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from own_psi import sine

from fa_ref import Network, Problem, Setting, schedules
from theory.convergence import levels, theorem_3_2, theorem_4_3, widths_3_2
from theory.convergence.lemmas_sharper import FirstOrder, linear_responses

pytestmark = pytest.mark.usefixtures("one_thread")

CLOSE = {"rel": 1e-9, "abs": 0.0}


def lemmas(X, activation, form, ridge=None, p=30, eta=0.1):
    X = np.asarray(X, dtype=float)
    problem = Problem(X, 0.3 * (-1.0) ** np.arange(len(X)))
    network = Network.gaussian(p, X.shape[1], np.random.default_rng(0))
    setting = Setting(problem, network, activation, eta=eta, ridge=ridge or schedules.zero())
    return (theorem_4_3 if activation == "identity" else theorem_3_2).drifts(setting, form=form)


def underflows(lemmas):
    return [margin.met for margin in lemmas.hypotheses() if "underflows" in margin.name]


# --- products that underflow


@pytest.mark.parametrize("form", theorem_3_2.FORMS)
def test_where_r_squared_chi_to_the_fourth_is_no_float_nothing_is_claimed(form):
    """At ‖X‖ = 10⁻⁶⁰ that product is 10⁻³⁶⁰, though χ⁴ and λ_min(G(0)) ≈ 10⁻¹²⁰ are floats."""
    assert underflows(lemmas(np.eye(2), "tanh", form)) == []
    assert underflows(lemmas(1e-40 * np.eye(2), "tanh", form)) == []
    assert underflows(lemmas(1e-60 * np.eye(2), "tanh", form)) == [False]


@pytest.mark.parametrize("form", theorem_3_2.FORMS)
def test_without_inputs_the_products_are_0_and_right(form):
    """At X = 0 no unit moves by more than β's own step, and sigmoid's G = ¼ is definite for one sample."""
    still = lemmas([[0.0]], "sigmoid", form)
    assert underflows(still) == []
    assert all(margin.met for margin in still.hypotheses())
    assert still.weight(1.0) == still.G(1.0) == still.H(1.0) == 0.0


@pytest.mark.parametrize("form", theorem_4_3.FORMS)
def test_where_the_gram_matrix_nearly_underflows_nothing_is_claimed(form):
    assert underflows(lemmas(1e-140 * np.eye(2), "identity", form)) == []
    assert underflows(lemmas(1e-148 * np.eye(2), "identity", form)) == [False]


# --- what is not known


@pytest.mark.parametrize("unknown", [("G",), ("H",), ("G", "H")])
@pytest.mark.parametrize("ridge", [schedules.zero(), schedules.cutoff(0.3, 5)])
def test_without_the_matrices_their_norms_decide(unknown, ridge):
    """λ_min(G(t) + c H(0)) ≥ (√g₀ − δ)² − h₀ then: the other splittings of Lemma 4 are no better."""
    measured = lemmas(np.eye(2), "tanh", "first-order", ridge).instance
    first = FirstOrder(replace(measured, **dict.fromkeys(unknown)))
    assert first.start() == pytest.approx(measured.g_low - measured.h_norm, **CLOSE)
    for U in (1e-3, 0.02):
        delta = math.sqrt(measured.b_square / measured.p) * U  # B1 = χ = 1
        lowest = (math.sqrt(measured.g_low) - delta) ** 2 - measured.h_norm
        expected = lowest - first.H(U) - first.remainder(U, 0.4)
        assert first.floor(U, 0.4) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("unknown", [("G",), ("H",), ("G", "H")])
def test_the_second_order_is_the_first_where_the_matrices_are_not_known(unknown):
    second = lemmas(np.eye(2), "tanh", "second-order")
    measured = second.instance
    second = replace(second, instance=replace(measured, **dict.fromkeys(unknown)))
    U, size = 0.02, 0.4
    delta = math.sqrt(measured.b_square / measured.p) * U
    expected = (math.sqrt(measured.g_top) + delta) ** 2 + measured.h_norm + second.H(U)
    assert second.ceiling(U, size) == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize("unknown", ["B2", "B3"])
def test_there_is_no_second_order_without_the_bounds_that_it_rests_on(unknown):
    setting = Setting(
        Problem(np.eye(2), [0.3, -0.3]),
        Network.gaussian(30, 2, np.random.default_rng(0)),
        sine(1.0, **{unknown: math.inf}),
        eta=0.1,
    )
    assert linear_responses(setting) == (math.inf, math.inf)


# --- η Σ ‖e‖² of a linear network


def test_squares_of_residuals_sum_to_at_most_size_times_their_sum():
    """The gain 2 − ηa of a contracting run is one only for ηa < 1, a = size/U; η Σ‖e‖² ≤ size·U holds always."""
    sharper = lemmas(np.diag([1.0, 1.3]), "identity", "sharper", eta=0.5)
    i, size = sharper.instance, 0.7
    for U, gain in ((4.0, 2 - 0.5 * 0.7 / 4.0), (0.5, 2 - 0.5 * 0.7 / 0.5), (0.35, 1.0), (0.2, 1.0), (0.05, 1.0)):
        for form, divisor in ((sharper, gain), (sharper.for_any_run(), 1.0)):
            moved = sharper.pull + i.b_square * 0.5 * sharper.M * size * U / divisor
            expected = sharper.overlap - moved / (2 * i.p)
            assert form.lowest_overlap(U, size) == pytest.approx(expected, rel=1e-12, abs=1e-15)


# --- levels, in fifty digits


def exceeds(sign, p, n, B0, scale, level, delta):
    """Whether matrix Chernoff gives λ_max(G(0)) > level (sign 1), or < level (sign −1), more than δ."""
    with mpmath.workdps(50):
        share = mpmath.mpf(float(p)) * scale / (n * mpmath.mpf(B0) ** 2)
        epsilon = sign * (mpmath.mpf(level) / scale - 1)
        if epsilon <= 0:
            return True
        x = 1 + sign * epsilon
        exponent = x * mpmath.log(x) - sign * epsilon if x > 0 else mpmath.mpf(1)
        return n * mpmath.exp(-share * exponent) > delta


def test_levels_of_kernels_are_on_the_safe_side_of_their_equations():
    """Judged by the bound itself, not by the root that a search for it found; and no more than 10⁻⁸ beyond it."""
    rng, seen = np.random.default_rng(0), 0
    for _ in range(150):
        n, p = int(rng.integers(1, 30)), int(10 ** rng.uniform(4, 12))
        B0, gamma, delta = rng.uniform(0.3, 2), rng.uniform(0.01, 0.08), float(10 ** rng.uniform(-4, -0.1))
        low, high = (level(p, n, B0, gamma, delta) for level in (levels.gram_low_level, levels.gram_high_level))
        assert low == 0 or not exceeds(-1, p, n, B0, gamma, low, delta)
        assert high == n * B0**2 or not exceeds(1, p, n, B0, gamma, high, delta)
        if low > 0 and high < n * B0**2:
            seen += 1
            assert exceeds(-1, p, n, B0, gamma, low * (1 + 1e-8), delta)
            assert exceeds(1, p, n, B0, gamma, high * (1 - 1e-8), delta)
    assert seen > 50


def test_the_lowest_level_at_the_edge_of_the_widths_that_have_one():
    """p there is log(n/δ) nB0²/γ to the last digits; the answer is 0 or nearly so, and always one."""
    rng, seen = np.random.default_rng(0), {True: 0, False: 0}
    for _ in range(2000):
        n, delta, B0 = int(rng.integers(1, 40)), 10 ** rng.uniform(-4, -0.01), rng.uniform(0.3, 2)
        gamma = 10 ** rng.uniform(-3, 0)
        for excess in (0.0, 1e-11, 2.86e-11, *(2.8631e-11 + 2e-16 * rng.integers(-9, 9, 3)), 1e-9):
            p = math.log(n / delta) * n * B0**2 / gamma * (1 + excess)
            low = levels.gram_low_level(p, n, B0, gamma, delta)
            assert 0 <= low < 1e-8 * gamma
            seen[low > 0] += 1
    assert min(seen.values()) > 500


def test_no_level_exceeds_what_bounded_features_allow():
    """λ_max(G) ≤ tr G ≤ n B0² always, and where λ_max(Ḡ) is as good as 0 the search has nothing else."""
    for top in (0.0, 5e-324, 1e-300):
        assert levels.gram_high_level(10, 3, 2.0, top, 0.1) == 12.0
    assert levels.gram_high_level(10**6, 3, 2.0, 0.1, 0.1) < 0.11


# --- widths


def test_an_impossible_width_is_not_searched(monkeypatch):
    """ψ with a kink or without B0, or Σ λ = ∞: known before the mean kernel, which may be costly, is computed."""

    def refuse(*_):
        raise AssertionError("computed")

    monkeypatch.setattr(widths_3_2, "mean_kernel", refuse)
    problem = Problem(np.eye(2), [1.0, -1.0])
    for psi, ridge in (("relu", None), ("softplus", None), ("tanh", schedules.constant(1e-9))):
        assert widths_3_2.sufficient_width(problem, psi, eta=0.01, delta=0.1, ridge=ridge) is None
    with pytest.raises(AssertionError, match="computed"):
        widths_3_2.sufficient_width(problem, "tanh", eta=0.01, delta=0.1)


def test_the_widest_width_is_still_searched():
    assert widths_3_2.smallest_width(lambda p: p >= widths_3_2.WIDEST, start=5**18) == widths_3_2.WIDEST == 10**18
    assert widths_3_2.smallest_width(lambda p: p > widths_3_2.WIDEST, start=5**18) is None
    assert widths_3_2.smallest_width(lambda p: False) is None
    assert widths_3_2.smallest_width(lambda p: True) == 1
    assert widths_3_2.smallest_width(lambda p: p >= 7, start=10) == 10
