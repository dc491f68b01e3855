"""Conditions with margins: every relation means what it says, and a truth value says what was decided."""

import math

import pytest

from theory.margins import Certificate, Margin, failing

CASES = [  # value, threshold, and what ≥, ≤, > and < make of them
    (1.0, 2.0, (False, True, False, True)),
    (2.0, 2.0, (True, True, False, False)),
    (3.0, 2.0, (True, False, True, False)),
    (math.inf, 2.0, (True, False, True, False)),
    (-math.inf, 2.0, (False, True, False, True)),
    (math.nan, 2.0, (False, False, False, False)),
]


@pytest.mark.parametrize(("value", "threshold", "expected"), CASES)
def test_each_relation_means_what_it_says(value, threshold, expected):
    for spellings, met in zip((("≥", ">="), ("≤", "<="), (">",), ("<",)), expected, strict=True):
        for relation in spellings:
            margin = Margin("m", value, threshold, relation)
            assert margin.met is met
            assert bool(margin) is met
            assert margin.relation == spellings[0]
            assert (margin.slack >= 0) is (met or (value == threshold))
            assert str(margin) == f"m = {value:.3g} {spellings[0]} 2: {'met' if met else 'not met'}"


@pytest.mark.parametrize("relation", ["=", "==", "=>", "=<", "", "at least", "≧", None, 1])
def test_a_relation_that_is_none_of_these_is_refused(relation):
    with pytest.raises(ValueError, match="relation: expected one of"):
        Margin("m", 1.0, 2.0, relation)


def test_what_is_only_measured_has_no_truth_value():
    measured = Margin("p/n", 3.0)
    assert measured.met is None
    assert math.isnan(measured.slack)
    with pytest.raises(ValueError, match="p/n: expected a threshold"):
        bool(measured)
    with pytest.raises(ValueError, match="p/n"):
        all([Margin("m", 1.0, 0.0), measured])


def test_what_fails_is_told_in_words():
    margins = [Margin("a", 1.0, 2.0), Margin("b", 1.0, 2.0, "<"), Margin("c", 1.0)]
    assert failing(margins) == "a = 1 ≥ 2: not met"
    assert failing(margins[1:]) == ""


def test_a_certificate_is_true_where_it_proves_a_rate():
    met, missed = Margin("a", 3.0, 2.0), Margin("a", 1.0, 2.0)
    assert Certificate("Theorem", 0.5, (met,))
    assert not Certificate("Theorem", None, (missed,))
    assert Certificate("Theorem", None, (missed,)).why == "a = 1 ≥ 2: not met"


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_certificate_refuses_a_rate_that_is_none(rate):
    with pytest.raises(ValueError, match="rate: expected a positive number or None"):
        Certificate("Theorem", rate)


def test_a_certificate_refuses_a_rate_against_its_own_conditions():
    with pytest.raises(ValueError, match="rate: expected None, since a = 1 ≥ 2: not met"):
        Certificate("Theorem", 0.5, (Margin("a", 1.0, 2.0),))
