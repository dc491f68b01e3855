"""Sheets of a constant penalty hold where they should, and fail under their negative controls."""

import dataclasses

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules
from fa_ref.data import gaussian_inputs
from validation.beyond.constant_ridge import NO_STATIONARY_POINT, beyond_the_edge, on_the_plateau
from validation.beyond.limits import linear_theta_limit
from validation.beyond.weights import WeightRecord
from validation.judge.claims import HOLDS, NOT_APPLICABLE, VIOLATED

RIDGE = schedules.constant(0.4)
PROBLEM = Problem(gaussian_inputs(3, 6, np.random.default_rng(3), scale=0.6), [1.0, -0.3, 2.0])


def record(activation, *, ridge=RIDGE, steps=150, rule="fa", seed=0, p=80):
    network = Network.gaussian(p, PROBLEM.d, np.random.default_rng(seed))
    return WeightRecord.of(Setting(PROBLEM, network, activation, eta=0.1, ridge=ridge, rule=rule), steps)


@pytest.mark.parametrize("activation", ["tanh", "softplus", "identity", "sigmoid"])
def test_no_run_stands_still(activation):
    verdict = NO_STATIONARY_POINT.judge(record(activation))
    assert verdict.status == HOLDS
    assert verdict.inequalities[0].judged.all()


def test_what_does_stand_still_is_not_covered_or_refutes():
    run = record("tanh")
    assert NO_STATIONARY_POINT.judge(record("relu")).status == NOT_APPLICABLE  # ψ′ = 0 on dead units
    assert NO_STATIONARY_POINT.judge(record("tanh", ridge=schedules.cutoff(0.4, 20))).status == NOT_APPLICABLE
    # a trainer whose weights stop although the penalty acts: the record is refuted
    stopped = dataclasses.replace(run, W=np.repeat(run.W[:1], 151, 0), beta=np.repeat(run.beta[:1], 151, 0))
    assert NO_STATIONARY_POINT.judge(stopped).status == VIOLATED


def test_the_bound_is_not_slack_by_more_than_it_is_said_to_be():
    """Negative control: the left side times twice the smallest slack fails."""
    inequality = NO_STATIONARY_POINT.judge(record("tanh", steps=400, p=1000)).inequalities[0]
    ratio = inequality.rhs / inequality.lhs
    assert 1 <= ratio.min() < 3
    assert (2 * ratio.min() * inequality.lhs > inequality.rhs).any()


def test_weights_are_needed():
    run = record("tanh", steps=3)
    parts = {
        part.name: getattr(run, part.name)
        for part in dataclasses.fields(run)
        if part.name not in ("W", "beta", "b")
    }
    bare = type(run).__mro__[1](**parts)
    assert NO_STATIONARY_POINT.judge(bare).status == "vacuous"
    assert "weights were not recorded" in str(NO_STATIONARY_POINT.judge(bare).left_out[0])


PLATEAU = Problem(np.eye(3), [1.0, -1.0, 0.5]), {"eta": 0.3, "ridge": schedules.constant(1.0), "unit": 4.0}


def test_plateau_of_linear_networks_is_reached_like_one_over_root_p():
    problem, given = PLATEAU
    widths, certain = [10**3, 10**4, 10**5, 10**6, 10**7], {"confidence": 0.9999}
    verdict = on_the_plateau(problem, "identity", **given).judge(widths, range(8), **certain)
    assert verdict.status == HOLDS, verdict
    wrong = on_the_plateau(problem, "identity", **given, misread=1.02).judge(widths, range(8), **certain)
    assert wrong.status == VIOLATED


def test_plateau_of_tanh_networks_is_told_from_another():
    problem, given = PLATEAU
    widths, certain = [100, 400, 1600], {"confidence": 0.9999}
    assert on_the_plateau(problem, "tanh", **given).judge(widths, range(8), **certain).status != VIOLATED
    wrong = on_the_plateau(problem, "tanh", **given, misread=1.2).judge(widths, range(8), **certain)
    assert wrong.status == VIOLATED


def test_linear_networks_diverge_at_the_edge():
    problem, given = Problem(np.eye(5), [1.0, -1.0, 1.0, 1.0, -1.0]), {"eta": 0.1, "ridge": schedules.constant(0.3)}
    widths = [10**4, 10**5, 10**6]
    verdict = beyond_the_edge(problem, **given).judge(widths, range(4), confidence=0.999)
    assert verdict.status == HOLDS, verdict
    assert (
        beyond_the_edge(problem, **given, misread=1.05).judge(widths, range(4), confidence=0.999).status == VIOLATED
    )


def test_linear_theta_limit_is_approached_with_exponent_one_half():
    given, widths = {"eta": 0.1, "ridge": RIDGE, "theta": 20.0}, [10**4, 10**5, 10**6, 10**7]
    verdict = linear_theta_limit(PROBLEM, **given).judge(widths, range(8), confidence=0.9999)
    assert verdict.status == HOLDS, verdict
    assert -0.5 in verdict.exponent
    wrong = linear_theta_limit(PROBLEM, **given, misread=1.02).judge(widths, range(8), confidence=0.9999)
    assert wrong.status == VIOLATED
