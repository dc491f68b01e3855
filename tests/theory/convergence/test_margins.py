"""Conditions with margins: every relation means what it says, and a truth value says what was decided."""

import math
import sys

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
            words = f" {spellings[0]} 2: met" if met else f", not {spellings[0]} 2"
            assert str(margin) == f"m = {value:.3g}{words}"


FACTORS = [  # larger side, smaller side of the condition, and how many times the larger one holds the smaller one
    (3.0, 2.0, 1.5),
    (1.0, 2.0, 0.5),
    (-1.0, 2.0, 0.0),  # missed by more than any factor
    (0.0, 2.0, 0.0),
    (1.0, 0.0, math.inf),
    (0.0, 0.0, math.nan),
    (-1.0, 0.0, math.nan),
    (1.0, -2.0, math.nan),
    (-1.0, -2.0, math.nan),
    (math.inf, -2.0, math.nan),
]


@pytest.mark.parametrize(("over", "under", "factor"), FACTORS)
def test_a_factor_is_a_quotient_where_the_signs_give_one(over, under, factor):
    for relation in ("≥", ">"):
        assert Margin("m", over, under, relation).factor == pytest.approx(factor, abs=0.0, nan_ok=True)
    for relation in ("≤", "<"):
        assert Margin("m", under, over, relation).factor == pytest.approx(factor, abs=0.0, nan_ok=True)
    assert math.isnan(Margin("m", over).factor)


@pytest.mark.parametrize("wrong", [None, "1", 1j, [1.0]])
def test_what_is_no_real_number_is_refused(wrong):
    with pytest.raises(TypeError, match="value: expected a real number for m, got"):
        Margin("m", wrong, 1.0)
    if wrong is not None:
        with pytest.raises(TypeError, match="threshold: expected a real number for m, got"):
            Margin("m", 1.0, wrong)


def test_how_a_condition_reads():
    assert str(Margin.fact("ψ is odd", True)) == "ψ is odd: yes"
    assert str(Margin("p/n", 12.34)) == "p/n = 12.3 (measured)"
    assert str(Margin("B0", 1.0, sys.float_info.max, "≤")) == "B0 = 1 (finite): met"
    assert str(Margin("B0", math.inf, sys.float_info.max, "≤")) == "B0 = inf, not finite"


@pytest.mark.parametrize("relation", ["=", "==", "=>", "=<", "", "at least", "≧", None, 1, [], {}])
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
    assert failing(margins) == "a = 1, not ≥ 2"
    assert failing(margins[1:]) == ""


def test_a_certificate_is_true_where_it_proves_a_rate():
    met, missed = Margin("a", 3.0, 2.0), Margin("a", 1.0, 2.0)
    assert Certificate("Theorem", 0.5, (met,))
    assert not Certificate("Theorem", None, (missed,))
    assert Certificate("Theorem", None, (missed,)).why == "a = 1, not ≥ 2"


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_certificate_refuses_a_rate_that_is_none(rate):
    with pytest.raises(ValueError, match="rate: expected a positive number or None"):
        Certificate("Theorem", rate)


def test_a_certificate_refuses_a_rate_against_its_own_conditions():
    with pytest.raises(ValueError, match="rate: expected None, since a = 1, not ≥ 2"):
        Certificate("Theorem", 0.5, (Margin("a", 1.0, 2.0),))


def test_how_a_certificate_reads():
    met, missed, measured = Margin("a", 3.0, 2.0), Margin("b", 1.0, 2.0), Margin("c", 1.0)
    proved = Certificate("Theorem 0", 0.5, (met, measured))
    line = "Theorem 0: ‖e‖ contracts at the proved rate a = 0.5"
    assert proved.line == line
    assert repr(proved) == f"<Certificate: {line}>"
    assert str(proved) == f"{line}\n  a = 3 ≥ 2: met\n  c = 1 (measured)"
    none = Certificate("Theorem 0", None, (met, measured, missed, met))
    reason = "Theorem 0: no rate is proved: b = 1, not ≥ 2"
    assert str(none).splitlines() == [
        reason, "  b = 1, not ≥ 2", "  a = 3 ≥ 2: met", "  c = 1 (measured)", "  a = 3 ≥ 2: met",
    ]  # fmt: skip
    assert none._repr_html_().index("b = 1") < none._repr_html_().index("a = 3")
    assert Certificate("Theorem 0", None).line == "Theorem 0: no rate is proved: no reason was recorded"


def test_a_certificate_of_many_conditions_reads_in_ten_lines():
    margins = tuple(Margin(f"m{k}", 1.0, 0.0) for k in range(9))
    assert len(str(Certificate("Theorem 0", 0.5, margins)).splitlines()) == 10
    longer = str(Certificate("Theorem 0", 0.5, (*margins, Margin("m9", 1.0, 0.0)))).splitlines()
    assert len(longer) == 10
    assert longer[-1] == "  and 2 more"
