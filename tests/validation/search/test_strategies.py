"""Strategies give what they promise and shrink to small settings."""

import subprocess
import sys

import naive
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from fa_ref import Network, Problem, Setting, Trajectory
from theory.kernels import empirical_G
from validation.judge.assertions import assert_holds
from validation.judge.record import reference_run
from validation.search.strategies import KINDS, activations, networks, problems, schedules, training_settings
from validation.theorems import explicit, theorem_4_3


@pytest.mark.parametrize("kind", KINDS)
def test_problems_are_of_their_kind(kind):
    @given(problems(kind))
    def check(problem):
        ratio = problem.lambda_max / problem.lambda_min if problem.lambda_min > 0 else np.inf
        if kind == "isometric":
            assert ratio < 1 + 1e-9
        elif kind == "well-conditioned":
            assert ratio < 4 + 1e-9
        elif kind == "ill-conditioned":
            assert problem.n == 1 or ratio > 1e3
        elif kind == "tall":
            assert problem.n > problem.d
        else:
            assert (problem.spectral_norm < 3e-3) if kind == "tiny" else (problem.spectral_norm > 900)

    check()


def test_problems_shrink_to_multiples_of_the_identity():
    small = find(problems(), lambda problem: problem.n >= 2)
    assert small.X.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert small.y.tolist() == [1.0, 1.0]
    assert find(problems(), lambda problem: problem.n > problem.d).X.shape == (2, 1)


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="kind: expected one of"):
        find(problems("round"), lambda problem: True)


@given(schedules(0.7))
def test_schedules_stay_below_their_maximum(schedule):
    values = schedule.values(50)
    assert 0 <= values.min() <= values.max() <= 0.7
    assert values.sum() <= schedule.total * (1 + 1e-12)


@given(activations(bounded=True, smooth=True))
def test_activations_are_bounded_and_smooth(name):
    assert name in ("tanh", "sigmoid", "erf")


def test_a_claim_shrinks_to_a_readable_counterexample():
    """ "Every network is narrower than 8 units" is refuted by 8 units and the first seed."""
    found = find(networks(1), lambda network: network.p >= 8)
    assert found.digest() == Network.gaussian(8, 1, np.random.default_rng(0)).digest()


@given(training_settings(activation=activations(bounded=True, smooth=True)))
@settings(max_examples=20)
def test_settings_train_and_keep_the_step_size(setting):
    top = np.linalg.eigvalsh(empirical_G(setting.problem.X, setting.start, setting.activation))[-1]
    assert setting.eta * top == pytest.approx(0.5)
    assert setting.eta * setting.ridge.maximum < 0.5
    run = reference_run(setting, 20)
    assert run.times[0] == 0
    assert run.diverged_at is not None or run.times[-1] == 20


@given(training_settings(kind="isometric"))
@settings(max_examples=20)
def test_the_explicit_sheet_holds_wherever_it_applies(setting):
    linear = setting.activation.linear
    claim, name = (explicit.LINEAR, "identity") if linear else (explicit.NONLINEAR, "tanh")
    problem = setting.problem
    e = 1e-4 * problem.y + 1e-5
    near = Problem(problem.X, setting.start.output(problem.X, name) - e)
    run = reference_run(Setting(near, setting.start, name, eta=setting.eta / 4), 20)
    if all(margin.met for margin in claim.hypotheses(run)):
        assert_holds(claim, run)


def test_only_the_strategies_need_hypothesis():
    modules = "judge.assertions, judge.scaling, search.falsification, errata.ablation, statements"
    code = "import sys; from importlib import import_module\n"
    code += f"for name in '{modules}'.split(', '): import_module('validation.' + name)\n"
    code += "print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def elsewhere(setting, steps):
    """A trainer that shares nothing with the package."""
    problem, start = setting.problem, setting.start
    residuals, *_ = naive.descend(
        problem.X, problem.y, start.W, start.beta, start.b, setting.activation.name, setting.eta,
        np.zeros(steps), steps,
    )  # fmt: skip
    return Trajectory.recorded(setting, np.arange(steps + 1), residuals)


@given(training_settings(kind="isometric", activation=st.just("identity"), p=st.just(4000)))
@settings(max_examples=15)
def test_the_kit_judges_a_trainer_from_elsewhere(setting):
    """Derandomised: the same fifteen examples on every run."""
    assert_holds(theorem_4_3.CLAIM, elsewhere(setting.replace(ridge=None), 20))
