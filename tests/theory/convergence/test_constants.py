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


def test_narrow_networks_have_no_rate_and_the_reason():
    for line in constants_table(PAIR, "tanh", eta=0.01, p=500):
        if line.name == "a":
            assert math.isnan(line.value)
            assert line.note
