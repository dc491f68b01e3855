"""The sheets of nonlinear alignment: they hold on runs, and fail on runs that are not what they say."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from validation.beyond.nonlinear_alignment import AFTER_CUTOFF, RIDGE_REGRESSION, UNDER_RIDGE

PROBLEM = Problem(np.eye(2), [1.0, 1.0])


def setting(name="tanh", p=4000, seed=0, *, ridge=None, eta=0.3, rule="fa"):
    network = Network.gaussian(p, 2, np.random.default_rng(seed))
    return Setting(PROBLEM, network, name, eta=eta, ridge=ridge or schedules.constant(1.0), rule=rule)


def recorded(run, **measures):
    """The same run with other measures."""
    changed = dict(run.measures) | measures
    return Trajectory.recorded(run.setting, run.times, run.residuals, measures=changed)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "relu", "identity"])
def test_theorem_a_holds_on_any_run_with_ridge(name):
    verdict = RIDGE_REGRESSION.judge(train(setting(name, 200), steps=40))
    assert verdict.status == "holds", str(verdict)


def test_theorem_a_is_judged_up_to_the_cutoff():
    run = train(setting(ridge=schedules.cutoff(1.0, 30), p=200), steps=60)
    verdict = RIDGE_REGRESSION.judge(run)
    assert verdict.status == "holds"
    assert verdict.inequalities[0].times[-1] == 31


def test_theorem_a_catches_cosines_of_another_algorithm():
    """The cosines of a run with λ = 3 as if they were those of λ = 1: wide networks are that well known."""
    ours = train(setting(p=5000), steps=60)
    other = train(setting(p=5000, ridge=schedules.constant(3.0), eta=0.3), steps=60)
    swapped = recorded(ours, alignment=other.measures["alignment"] + 0.3)
    assert RIDGE_REGRESSION.judge(swapped).status == "violated"


@pytest.mark.parametrize(
    "run",
    [
        lambda: train(setting(ridge=schedules.zero()), steps=5),
        lambda: train(setting(rule="bp"), steps=5),
        lambda: train(setting(ridge=schedules.exponential(1.0, tau=5.0)), steps=5),
    ],
)
def test_the_sheets_do_not_apply_to_other_runs(run):
    run = run()
    for claim in (RIDGE_REGRESSION, UNDER_RIDGE, AFTER_CUTOFF):
        assert claim.judge(run).status == "not applicable"


def test_large_steps_are_refused():
    assert RIDGE_REGRESSION.judge(train(setting("identity", 400, eta=0.9), steps=5)).status != "violated"
    steep = setting("tanh", 400, eta=0.7, ridge=schedules.constant(1.2))
    assert UNDER_RIDGE.judge(train(steep, steps=5)).status == "not applicable"


def test_theorem_b_holds_and_can_fail():
    run = train(setting(p=6000), steps=60)
    verdict = UNDER_RIDGE.judge(run)
    assert verdict.status == "holds"
    assert {each.name for each in verdict.inequalities if each.judged.any()} == {"‖e‖", "cos∠(b, β) ≥ bound"}
    worse = recorded(run, alignment=run.measures["alignment"] - 0.2)
    assert UNDER_RIDGE.judge(worse).status == "violated"


def test_theorem_c_holds_and_can_fail():
    run = train(setting(p=20_000, ridge=schedules.cutoff(1.0, 40)), steps=160)
    verdict = AFTER_CUTOFF.judge(run)
    assert verdict.status == "holds"
    assert {each.name for each in verdict.inequalities if each.judged.any()} == {"‖e‖", "cos∠(b, β) ≥ bound"}
    worse = recorded(run, alignment=np.where(run.times > 100, run.measures["alignment"] - 0.2, 0.9))
    assert AFTER_CUTOFF.judge(worse).status == "violated"


def test_theorem_c_says_nothing_of_narrow_networks():
    run = train(setting(p=200, ridge=schedules.cutoff(1.0, 10)), steps=60)
    assert AFTER_CUTOFF.judge(run).status == "not applicable"


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid"])
def test_both_sides_are_those_of_the_engines(name):
    from validation.beyond.cutoff_reversal import both_sides

    given = setting(name, 50, ridge=schedules.cutoff(1.0, 19))
    before, after, left = both_sides(given, 20, 30)
    run = train(given, steps=50)
    assert (before, after) == pytest.approx((run.alignment[20], run.alignment[50]), rel=1e-10)
    assert left == pytest.approx(run.residual_norms[-1] / np.linalg.norm(PROBLEM.y), rel=1e-8)


@pytest.mark.nightly
@pytest.mark.parametrize("p", [160_000, 320_000, 640_000])
def test_the_reversal_is_seen_in_networks(p):
    from validation.beyond.cutoff_reversal import REVERSED, network_sides

    problem, lam, eta = REVERSED
    sides = network_sides(problem, "tanh", lam, p, np.random.default_rng(p), eta=eta, pairs=3, tail=3000)
    assert sides.before > sides.before_error
    assert sides.after < -sides.after_error
    assert sides.residual < 2e-2


def test_the_sides_of_a_harmless_cutoff_agree_with_the_limit():
    from validation.beyond.cutoff_reversal import limit_sides, network_sides

    rng = np.random.default_rng(0)
    sides = network_sides(PROBLEM, "tanh", 1.0, 4000, rng, eta=0.3, pairs=3, tail=100)
    limit = limit_sides(PROBLEM, "tanh", 1.0, eta=0.3, particles=2048)
    assert math.copysign(1, sides.after) == math.copysign(1, limit.after) == 1
    assert abs(sides.before - limit.before) < 0.05
    assert replace(limit, p=None) == limit
