"""The table of constants: proved values bound the observed ones, and vacuous lines say so."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting
from theory.convergence.constants import constants_table, observed_constants

PAIR = Problem(np.eye(2), [1.0, -1.0])


def by_name(table, source):
    return {line.name: line for line in table if line.source == source}


def test_proved_constants_exceed_observed_ones():
    table = constants_table(PAIR, "tanh", eta=0.05)
    gamma = next(line.value for line in table if line.name == "γ")
    network = Network.gaussian(2000, 2, np.random.default_rng(0))
    seen = observed_constants(Setting(PAIR, network, "tanh", eta=0.05), gamma=gamma, steps=400)
    for form in ("explicit", "first-order"):
        proved = by_name(table, f"Theorem 3.2, {form}")
        for name, value in seen.items():
            assert 0 < value < proved[name].value
            assert proved[name].vacuous == 0.0


def test_linear_table_has_the_budget():
    proved = by_name(constants_table(PAIR, "identity", eta=1e-3, p=10**6), "Theorem 4.3, sharper")
    assert proved["a"].value > 0.9
    assert 0.3 < proved["c_S"].value < 0.55  # below its limit √(8/27), docs/linear.md, section 6
    assert proved["p*"].value < 1000


def test_the_problem_itself_comes_first():
    X = np.diag([1.0, 1.5])
    for activation, gamma, top, B in (
        ("identity", 1.0, 2.25, (math.inf, 1.0, 0.0)),
        ("erf", None, None, (1.0, 2 / math.sqrt(math.pi), math.sqrt(8 / (math.pi * math.e)))),
    ):
        table = constants_table(Problem(X, [0.3, -0.1]), activation, eta=1e-3, p=100)
        found = {line.name: line.value for line in table if line.kind == "problem"}
        assert [line.kind for line in table[: len(found)]] == ["problem"] * 7
        if gamma is None:  # E erf(√K s)² = (2/π) arcsin(2K/(1 + 2K)), and 0 off the diagonal
            gamma, top = (2 / math.pi * math.asin(2 * K / (1 + 2 * K)) for K in (1.0, 2.25))
        expected = {"γ": gamma, "λ_max(Ḡ)": top, "R": 1.5, "χ": 1.5}
        expected |= dict(zip(("B0", "B1", "B2"), B, strict=True))
        assert found == pytest.approx(expected, rel=1e-9, abs=0.0)
        assert found["γ"] <= gamma
        assert found["λ_max(Ḡ)"] >= top


def test_observed_constants_by_hand():
    """Two units, one sample, one step: W, β and the cosine of t = 1 from Algorithm 1; at p = 1 √log p is 0."""
    problem, eta = Problem([[2.0]], [1.0]), 0.1
    network = Network([[0.5]] * 2, [0.3, -0.1], [1.5, 0.5])
    e = (0.3 * 1.0 - 0.1 * 1.0) / math.sqrt(2) - 1  # ψ = z = 1 for both
    moved_w = [eta / math.sqrt(2) * b * e * 2 for b in (1.5, 0.5)]
    moved_beta = eta / math.sqrt(2) * e
    beta = [0.3 - moved_beta, -0.1 - moved_beta]
    cosines = [(1.5 * u + 0.5 * v) / math.hypot(1.5, 0.5) / math.hypot(u, v) for u, v in ((0.3, -0.1), beta)]
    seen = observed_constants(Setting(problem, network, "identity", eta=eta), gamma=4.0, steps=1)
    assert seen["c₁"] == pytest.approx(max(map(abs, moved_w)) * 4 * math.sqrt(2 / math.log(2)), rel=1e-12, abs=0.0)
    assert seen["c₂"] == pytest.approx(abs(moved_beta) * 4 * math.sqrt(2), rel=1e-12, abs=0.0)
    assert seen["c"] == pytest.approx(max(map(abs, cosines)) * math.sqrt(2), rel=1e-12, abs=0.0)
    one = Setting(problem, Network([[0.5]], [0.3], [1.5]), "identity", eta=eta)
    assert math.isnan(observed_constants(one, gamma=4.0, steps=1)["c₁"])


def test_vacuous_lines_are_marked_with_their_factor():
    # At the sharper theorem's own width |cos| ≤ 1 is all that the movement bound leaves.
    table = constants_table(PAIR, "identity", eta=1e-3)
    line = by_name(table, "Theorem 4.3, sharper")["c"]
    assert line.vacuous >= 1
    wide = by_name(constants_table(PAIR, "identity", eta=1e-3, p=10**7), "Theorem 4.3, sharper")["c"]
    assert wide.vacuous == 0.0
    assert wide.value * 2 / math.sqrt(10**7) < 1


@pytest.mark.parametrize(
    "problem, activation",
    [
        (PAIR, "relu"),
        (Problem([[1.0, 0.0], [1.0, 0.0]], [1.0, 1.0]), "tanh"),
        (Problem([[1.0], [2.0]], [1.0, 0.0]), "identity"),
    ],
)
def test_no_constants_without_the_hypotheses(problem, activation):
    lines = [line for line in constants_table(problem, activation, eta=0.01) if line.kind == "proved"]
    assert {line.name for line in lines} == {"p*"}
    assert all(math.isnan(line.value) and line.note for line in lines)


@pytest.mark.parametrize("X", [[[1.0], [2.0]], [[1.0, 2.0], [2.0, 4.0]], [[2e-154, 0.0], [2e-154, 2e-163]]])
def test_no_width_suffices_where_the_gram_matrix_is_singular(X):
    """More samples than inputs, rows on a line, or σ_min(X)² below every float though X has full rank."""
    for line in constants_table(Problem(X, [1e-3, 0.0]), "identity", eta=0.01):
        if line.name == "p*":
            assert math.isnan(line.value)
            assert "γ = λ_min(K) = 0 to rounding" in line.note
    steep = constants_table(Problem(np.eye(2), [1.0, 0.0]), "identity", eta=4.0)
    assert all("step-size clause" in line.note for line in steep if line.name == "p*")


def test_narrow_networks_have_no_rate_and_the_reason():
    for line in constants_table(PAIR, "tanh", eta=0.01, p=500):
        if line.name == "a":
            assert math.isnan(line.value)
            assert line.note
