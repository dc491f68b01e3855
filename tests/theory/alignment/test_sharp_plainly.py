"""Theorem C′ against its formula written out again, and what the sharp bounds leave for rounding."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from oracles import naive_alignment

from fa_ref import Network, Problem, Setting, schedules
from fa_ref.activations import ACTIVATIONS
from theory.alignment.nonlinear import closed, levels, sharp
from theory.alignment.nonlinear.majorants import COLUMNS, majorants
from theory.alignment.nonlinear.measuring import measure
from theory.precision import EPS

ENDLESS = replace(ACTIVATIONS["tanh"], B3=math.inf)
#: X, y, ψ, λ, η, p, T.
CASES = [
    ([[1.0, 0.1], [0.0, 0.9]], [1.0, 0.7], "tanh", 1.0, 0.3, 100_000, 70),
    ([[1.0]], [1.0], "tanh", 0.5, 0.4, 40_000, 60),
    ([[1.0]], [1.0], ENDLESS, 0.5, 0.4, 400_000, 180),
    ([[0.5]], [0.3], "identity", 0.3, 0.6, 50_000, 150),
    ([[1.0]], [0.5], "softplus", 1.0, 0.3, 200_000, 80),
]


def measured(X, y, psi, lam, eta, p, seed=3):
    network = Network.gaussian(p, len(X[0]), np.random.default_rng(seed))
    return measure(Setting(Problem(X, y), network, psi, eta=eta, ridge=schedules.constant(lam)))


def worse(entries):
    """The same, with what is small at the start made large enough to be seen."""
    return replace(
        entries, tau_G=entries.tau_G + 0.1, tau_Theta_least=entries.tau_Theta_least + 0.2, m0=entries.m0 + 0.01,
        rest_norm=1.1 * entries.rest_norm, start_rest=entries.start_rest - 0.3, m0_rest=entries.m0_rest + 0.05,
        theta_rest=1.2 * entries.theta_rest, overlap=entries.overlap + 2.0, q_rest=1.3 * entries.q_rest,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[2]!s:.8}-{case[5]}")
def test_theorem_c_prime_is_what_it_says(case):
    *given, T = case
    data, own = measured(*given)
    positive = 0
    for entries in (own, worse(own), replace(worse(own), s_plus=100.0)):
        at = majorants(data, entries, T)
        assert at.valid == T
        found = {name: float(getattr(at, name)[T]) for name in COLUMNS}
        for residual in (0.0, 0.01, 0.1):
            bound = sharp.after_cutoff(data, entries, T, residual)
            reached, length, U, rate = naive_alignment.after_the_cutoff(data, entries, found, T, residual)
            assert pytest.approx(reached, rel=1e-6, abs=1e-9) == bound.P
            assert pytest.approx(length, rel=1e-7, abs=0.0) == bound.S + bound.X
            assert bound.rate == pytest.approx(rate, rel=1e-7, abs=0.0)
            assert bound.residual == found["residual"]
            assert U * bound.rate == pytest.approx(bound.residual, rel=1e-6, abs=0.0)
            assert bound.steepness == pytest.approx(found["m_norm"] / found["g"], rel=1e-12, abs=0.0)
            assert bound.flatness == pytest.approx(found["g"] ** -0.5, rel=1e-12, abs=0.0)
            assert [margin.met for margin in bound.margins] == [True, True, True, reached > 0]
            if reached > 0:
                positive += 1
                assert bound.cosine == pytest.approx(reached / length / math.sqrt(entries.b2), rel=1e-5, abs=0.0)
            else:
                assert bound.cosine == -math.inf
    assert positive > 0


def test_after_the_cutoff_nothing_is_said_where_a_condition_fails():
    *given, T = CASES[0]
    data, entries = measured(*given)
    assert sharp.after_cutoff(data, entries, T).cosine > -1
    for change in ({"g0": 0.0}, {"s_plus": math.inf}, {"m0": 1e3}, {"h0": 1e3}):
        silent = sharp.after_cutoff(data, replace(entries, **change), T)
        assert silent.cosine == -math.inf
        assert not silent
    assert sharp.after_cutoff(replace(data, eta=0.9), entries, T).cosine == -math.inf  # η(λ + σ²) > 1


@pytest.mark.parametrize("k", [1, 10**3, 10**6])
def test_what_is_left_of_the_start_is_never_counted_with_more_than_its_share(k):
    """With 1 − ηλ = k·10⁻¹⁰ the computed (1 − ηλ)^t is above the true one by 2·10⁻⁶ of itself, and more."""
    data, entries = measured(*CASES[1][:-1])
    data = replace(data, eta=(1 - k * 1e-10) / data.lam)
    entries = replace(entries, sigma0=1e-7, g0=0.0)
    keep = 1 - Fraction(data.eta) * Fraction(data.lam)
    for overlap in (1.5, -1.5):
        signed = replace(entries, overlap=overlap)
        found = majorants(data, signed, 3)
        counted = sharp._reached(data, signed, replace(found, projection=0.0 * found.projection))
        for t in range(found.valid + 1):
            assert Fraction(counted[t]) <= Fraction(overlap) * keep**t
            assert abs(counted[t] - overlap * float(keep) ** t) <= 1e-3 / k * (t + 1) * 1.5


def test_a_bound_is_short_of_its_quotient_by_its_rounding():
    data, entries = measured(*CASES[0][:-1])
    found = majorants(data, entries, 70)
    bounds, reached = sharp.cosines(data, entries, 70, found), sharp._reached(data, entries, found)
    positive = reached > 0
    assert positive.sum() > 20
    quotient = reached[positive] / (math.sqrt(entries.b2) * found.beta_norm[positive])
    assert (bounds[positive] < quotient * (1 - 32 * EPS)).all()
    assert (bounds[positive] > quotient * (1 - 128 * EPS)).all()
    assert (bounds[~positive] == -math.inf).all()
    short = replace(data, eta=1.0)  # η(λ + σ²) > 1 from the start
    assert (sharp.cosines(short, entries, 5)[1:] == -math.inf).all()


def test_the_spread_of_a_gram_matrix_is_an_upper_bound():
    assert levels._spread(Problem([[3.0]], [1.0])) > 81.0  # K² = 81, exactly
    assert levels._spread(Problem([[3.0]], [1.0])) < 81.0 * (1 + 1e-11)


def test_without_an_interpolant_the_length_is_that_of_the_data():
    """S⁺ = Y/√g where that is less."""
    *given, T = CASES[1]
    data, entries = measured(*given)
    g = float(majorants(data, entries, T).g[T])
    assert data.Y / math.sqrt(g) == sharp.after_cutoff(data, replace(entries, s_plus=1e6), T).S


@pytest.mark.parametrize("order", [1, 2])
def test_a_bound_in_closed_form_states_its_conditions(order):
    """(C1), (C2), (C3) and the numerator, with g between 0 and 1."""
    data, entries = measured([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0], "tanh", 1.0, 0.3, 10**6)
    bound, g = closed.after_cutoff(data, entries, 200, order), closed.along(data, entries, 200, order).g
    named = {margin.name: (margin.relation, margin.threshold, margin.met) for margin in bound.margins}
    assert named == {
        "η(λ + σ²)": ("≤", 1.0, True), "ν/√p": ("≤", 0.5, True), "g": (">", 0.0, True),
        "τ₊(2E_T/g)": ("≤", g / 2, True), "P/√b₂ − X": ("≥", 0.0, bool(bound)),
    }  # fmt: skip
    assert 0 < g < 1
