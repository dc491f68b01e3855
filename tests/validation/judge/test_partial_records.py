"""What is said of a run of which some measures are missing at some steps is true: a gap refutes nothing."""

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from validation.beyond import nonlinear_alignment
from validation.judge.record import missing, reference_run
from validation.theorems import alignment_bound, definition_4_1, theorem_3_2, theorem_4_6

GAPS = [3, 4, 17]


def record_with_gaps(run, names, gaps=GAPS):
    """The run's arrays as from elsewhere, with NaN at some records of some measures."""
    measures = {name: values.copy() for name, values in run.measures.items()}
    for name in names:
        measures[name][gaps] = np.nan
    return Trajectory.recorded(run.setting, run.times, run.residuals, measures=measures)


@pytest.fixture(scope="module")
def run():
    network = Network.gaussian(2000, 3, np.random.default_rng(0))
    return reference_run(Setting(Problem(np.eye(3), [1.0, -1.0, 1.0]), network, eta=0.1), 40)


@pytest.fixture(scope="module")
def penalised(run):
    ridge = schedules.cutoff(0.5, 20)
    return reference_run(run.setting.replace(activation="identity", ridge=ridge), 40)


def test_movement_is_judged_where_it_was_recorded(run):
    names = ("scaled_weight_movement", "beta_movement")
    verdict = theorem_3_2.CLAIM.judge(record_with_gaps(run, names))
    assert verdict.status == "holds"
    assert {i.name: i.times.size for i in verdict.inequalities} == {"(3.1)": 40, "(3.2) W": 37, "(3.2) β": 37}
    for name, measure in zip(("(3.2) W", "(3.2) β"), names, strict=True):
        assert (
            f"{name}: not judged: {measure} is no number at 3 of 40 steps, first at t = 3" in verdict.why_unjudged
        )


def test_a_violation_beside_a_gap_is_seen(run):
    record = record_with_gaps(run, ("scaled_weight_movement",))
    record.measures["scaled_weight_movement"][30] = 1e6
    verdict = theorem_3_2.CLAIM.decided().judge(record)
    assert verdict.status == "violated"
    assert "t = 30" in verdict.worst_words


def test_a_tolerance_that_needs_every_record_is_not_made_of_some(run):
    """Rounding adds up over all steps, so a gap in the weights' size leaves it unknown, not infinite."""
    verdict = theorem_3_2.CLAIM.judge(record_with_gaps(run, ("weight_square",)))
    assert verdict.status == "holds"
    assert "(3.2) W: not judged: weight_square is no number at 3 of 41 records" in verdict.why_unjudged
    assert "rounding alone" not in verdict.why_unjudged


def test_the_cosine_bounds_are_judged_where_cosines_were_recorded(run, penalised):
    for sheet, record, name in (
        (alignment_bound.CLAIM, run, "|cos∠(b, β)|"),
        (theorem_4_6.CLAIM, penalised, None),
        (theorem_4_6.REMARK, penalised, None),
        (definition_4_1.claim(-0.9, -1), run, "cos∠(b, β) ≥ c"),
    ):
        spoiled = record_with_gaps(record, ("alignment",), [3, 25])
        verdict, whole = sheet.judge(spoiled), sheet.judge(record)
        assert verdict.status == whole.status
        assert "alignment is no number at " in verdict.why_unjudged
        assert not any(np.isnan(i.lhs).any() or np.isnan(i.rhs).any() for i in verdict.inequalities)
        assert (
            name is None or f"{name}: not judged: alignment is no number at 2 of 41 steps" in verdict.why_unjudged
        )


def test_a_cosine_that_we_measured_and_that_does_not_exist_aligns_with_nothing():
    """With b = 0 there is no angle: of our own run NaN says so, and Definition 4.1 does not hold."""
    network = Network(np.ones((2, 1)), np.ones(2), np.zeros(2))
    run = train(Setting(Problem([[1.0]], [1.0]), network, "tanh", eta=0.1), steps=3)
    assert np.isnan(run.alignment).all()
    assert definition_4_1.claim(0.1, 0).judge(run).status == "violated"


@pytest.mark.parametrize("sheet", [nonlinear_alignment.RIDGE_REGRESSION, nonlinear_alignment.UNDER_RIDGE])
@pytest.mark.parametrize("names", [("alignment",), ("beta_norm",), ("alignment", "beta_norm")])
def test_nonlinear_alignment_neither_fails_nor_breaks_on_gaps(sheet, names):
    network = Network.gaussian(4000, 2, np.random.default_rng(0))
    ridge = schedules.cutoff(1.0, 30)
    whole = train(Setting(Problem(np.eye(2), [1.0, 1.0]), network, "tanh", eta=0.3, ridge=ridge), steps=40)
    verdict = sheet.judge(record_with_gaps(whole, names))
    assert verdict.status == sheet.judge(whole).status == "holds"
    assert any(name in verdict.why_unjudged for name in names)


def test_what_is_missing_is_said_as_it_is(run):
    gaps = record_with_gaps(run, ("beta_norm",))
    assert missing(gaps, "beta_norm") == ""
    assert missing(gaps, throughout=("beta_norm",)) == "beta_norm is no number at 3 of 41 records"
    assert missing(record_with_gaps(run, ("beta_norm",), slice(None)), "beta_norm") == "beta_norm not recorded"
    bare = Trajectory.recorded(run.setting, run.times, run.residuals)
    assert missing(bare, "alignment", throughout=("beta_norm",)) == "alignment, beta_norm not recorded"
