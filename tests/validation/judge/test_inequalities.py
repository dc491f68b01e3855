"""A comparison says what it means, refuses what it cannot mean, and names a step that failed."""

import math
from dataclasses import replace

import numpy as np
import pytest

from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.verdicts import Verdict


def test_lists_are_compared_entry_by_entry():
    assert Inequality("x", [0, 1], [1, 2], [2, 3], [0, 0]).holds
    assert not Inequality("x", [0, 1], [1, 4], [2, 3], [0, 0]).holds
    assert Inequality("x", range(3), 1, [2, 3, 4], 0.0).lhs.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"times": [0, 1, 2]}, ValueError, "lhs: expected 3 numbers, one for each step, got shape"),
        ({"lhs": [1.0]}, ValueError, "lhs: expected 2 numbers"),
        ({"rhs": [[1.0], [2.0]]}, ValueError, "rhs: expected 2 numbers"),
        ({"tolerance": [0.0] * 3}, ValueError, "tolerance: expected 2 numbers"),
        ({"tolerance": [0.0, -1e-9]}, ValueError, "tolerance: expected numbers >= 0, got -1e-09"),
        ({"tolerance": math.nan}, ValueError, "tolerance: expected numbers >= 0, got nan"),
        ({"lhs": [1j, 0]}, TypeError, "lhs: expected real numbers, got entries of type complex128"),
        ({"rhs": ["1", "2"]}, TypeError, "rhs: expected real numbers"),
        ({"lhs": np.ma.masked_array([1.0, 2.0], [0, 1])}, TypeError, "lhs: expected an array without a mask"),
        ({"times": [0.0, 0.5]}, TypeError, "times: expected integers in one row"),
        ({"times": [[0, 1]]}, TypeError, "times: expected integers in one row"),
        ({"times": np.ma.masked_array([0, 1], [0, 1])}, TypeError, "times: expected an array without a mask"),
        ({"ceiling": math.nan}, ValueError, "ceiling: expected a finite number"),
    ],
)
def test_what_it_cannot_mean_is_refused(change, error, message):
    parts = {"name": "x", "times": [0, 1], "lhs": [1.0, 2.0], "rhs": [2.0, 3.0], "tolerance": 0.0}
    with pytest.raises(error, match=message):
        Inequality(**{**parts, **change})


def test_it_keeps_its_own_numbers():
    rhs = np.ones(2)
    inequality = Inequality("x", [0, 1], 0.5, rhs, 0.0)
    rhs[:] = 0.0
    assert inequality.holds
    with pytest.raises(ValueError, match="read-only"):
        inequality.rhs[0] = 0.0
    assert not replace(inequality, rhs=rhs).holds


def test_the_witness_is_a_step_that_failed():
    """Step 1 has the smaller margin and passes, within its tolerance."""
    inequality = Inequality("x", np.arange(2), [1.0, 1.9e-9], [0.9, 1e-9], [1e-3, 0.95e-9])
    assert inequality.failed.tolist() == [True, False]
    assert inequality.margins[1] < inequality.margins[0]
    assert inequality.worst == 0
    assert inequality.words(0) == "1 > 0.9"
    assert inequality.slack == pytest.approx(-1 / 9)


def test_the_witness_of_a_pass_is_the_smallest_margin_judged():
    inequality = Inequality("x", [0, 1, 2], [0.5, 0.9, 1e-12], [1.0, 1.0, 2e-13], 1e-12)
    assert inequality.holds
    assert inequality.judged.tolist() == [True, True, False]
    assert inequality.worst == 1


def test_a_passing_step_never_reads_as_a_falsehood():
    assert Inequality("x", [0], 5.9e-9, 4.0e-9, 2e-9).words(0) == (
        "5.9e-09 exceeds 4e-09 by 1.9e-09, within the 2e-09 of rounding"
    )
    assert Inequality("x", [0], 1.0, 1.0, 0.0).words(0) == "1 ≤ 1"
    beyond = Inequality("x", [0], 1.0 + 3e-9, 1.0, 1e-9)
    assert beyond.words(0) == "1 exceeds 1 by 3e-09, beyond the 1e-09 of rounding"


@pytest.mark.parametrize(
    ("lhs", "rhs", "holds", "judged"),
    [
        (-2.0, -1.0, True, True),  # a negative right side can fail, and here it does not
        (-0.5, -1.0, False, True),
        (-1.0, 0.0, True, True),
        (1e-13, 0.0, True, False),  # hidden by rounding
        (-1e-13, 0.0, True, False),
        (0.5, -1e-13, False, False),
        (0.0, math.inf, True, False),  # cannot fail
        (math.inf, math.inf, True, False),
        (math.inf, 1.0, False, True),
        (math.nan, 1.0, False, True),
        (0.0, math.nan, False, False),
        (0.0, -math.inf, False, True),
    ],
)
def test_every_sign_of_a_right_side_is_judged_where_rounding_does_not_hide_it(lhs, rhs, holds, judged):
    inequality = Inequality("x", [0], lhs, rhs, 1e-12)
    assert (inequality.holds, bool(inequality.judged[0])) == (holds, judged)


def test_a_left_side_that_is_not_finite_fails_under_any_tolerance():
    for lhs in (math.inf, math.nan):
        inequality = Inequality("x", [0, 1], [0.5, lhs], 1.0, [0.0, math.inf])
        assert not inequality.holds
        assert inequality.worst == 1
        assert inequality.slack == -math.inf


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (([], [], [], 0.0), "no step recorded to compare"),
        (([0], 0.0, 1e-13, 1e-12), "rounding alone could hide a failure"),
        (([0], 0.5, 2.0, 0.0, 1.0), "the right side is nowhere below what the left side can be at all"),
        (([0], 0.5, 2.0, 0.0), ""),
    ],
)
def test_why_nothing_was_judged_is_said(parts, reason):
    assert Inequality("x", *parts).why_unjudged == reason


def test_it_has_no_truth_value():
    with pytest.raises(TypeError, match=r"has no truth value"):
        bool(Inequality("x", [0], 0.0, 1.0, 0.0))


def test_a_conclusion_left_out_says_why():
    assert str(Unjudged("(3.2) β", "beta_movement not recorded")) == (
        "(3.2) β: not judged: beta_movement not recorded"
    )


def test_a_verdict_names_an_inequality_that_fails_before_one_that_passes_with_less_room():
    fails = Inequality("fails", [0], 1.1, 1.0, 0.0)
    passes = Inequality("passes", [3], 1.9e-9, 1e-9, 0.95e-9)
    assert passes.holds
    assert passes.slack < fails.slack
    for parts in ((fails, passes), (passes, fails)):
        verdict = Verdict(claim="x", status="violated", hypotheses=(), inequalities=parts)
        assert verdict.tightest is fails
        assert verdict.worst_words == "fails at t = 0: 1.1 > 1"
