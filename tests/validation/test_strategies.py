"""Strategies give what they promise and shrink to small cases; assertions fail where they should."""

import subprocess
import sys
from dataclasses import replace

import naive
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from fa_ref import Network, Problem
from theory.kernels import empirical_G
from validation.errata.readings import ascend
from validation.judge.claims import Evidence
from validation.search.cases import Case
from validation.search.strategies import (
    KINDS,
    activations,
    assert_contracts,
    assert_holds,
    assert_scaling,
    cases,
    networks,
    problems,
    schedules,
)
from validation.theorems import explicit, theorem_3_2, theorem_4_3


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


@given(cases(activation=activations(bounded=True, smooth=True)))
@settings(max_examples=20)
def test_cases_train_and_keep_the_step_size(case):
    top = np.linalg.eigvalsh(empirical_G(case.problem.X, case.network, case.activation))[-1]
    assert case.eta * top == pytest.approx(0.5)
    assert case.eta * case.ridge.maximum < 0.5
    run = case.evidence()
    assert run.times[0] == 0
    assert run.diverged_at is not None or run.times[-1] == case.steps


@given(cases(kind="isometric"))
@settings(max_examples=20)
def test_the_explicit_sheet_holds_wherever_it_applies(case):
    claim, name = (explicit.LINEAR, "identity") if case.activation == "identity" else (explicit.NONLINEAR, "tanh")
    e = 1e-4 * case.problem.y + 1e-5
    problem = Problem(case.problem.X, case.network.output(case.problem.X, name) - e)
    near = Case(problem, case.network, name, case.eta / 4, np.zeros(0), case.steps)
    if all(margin.met for margin in claim.hypotheses(near.evidence())):
        assert_holds(claim, near.evidence())


@pytest.fixture(scope="module")
def wide():
    network = Network.gaussian(2000, 2, np.random.default_rng(0))
    return Case(Problem(np.eye(2), [1.0, -1.0]), network, "tanh", 0.1, steps=40)


def test_assert_holds_fails_on_a_violation_and_on_silence(wide):
    assert assert_holds(theorem_3_2.CLAIM, wide.evidence()).status == "holds"
    with pytest.raises(AssertionError, match=r"Theorem 3.2: undecided: \(3.1\) at t = \d+: .* > "):
        assert_holds(theorem_3_2.CLAIM, ascend(wide))
    with pytest.raises(AssertionError, match="not applicable: ψ linear"):
        assert_holds(theorem_4_3.CLAIM, wide.evidence())


def test_assert_contracts_and_scaling_fail_on_what_is_wrong():
    t = np.arange(100)
    assert assert_contracts(t, 0.9**t, 0.5, rate=0.2).slope == pytest.approx(0.2)
    with pytest.raises(AssertionError, match=r"rate: expected at least 0\.25, got 0\.2"):
        assert_contracts(t, 0.9**t, 0.5, rate=0.25)
    p = np.repeat(2.0 ** np.arange(6, 12), 3)
    values = p**-0.5 * (1 + 0.02 * np.random.default_rng(0).standard_normal(p.size))
    assert -0.5 in assert_scaling(p, values, -0.5)
    with pytest.raises(AssertionError, match="exponent: expected -1"):
        assert_scaling(p, values, -1.0)
    with pytest.raises(AssertionError, match="decide nothing"):
        assert_scaling(p[:4], values[:4], -0.5)


def test_only_the_strategies_need_hypothesis():
    modules = "claims, statistics, falsification, ablation, report, verification, theorems.errata"
    code = "import sys; from importlib import import_module\n"
    code += f"for name in '{modules}'.split(', '): import_module('validation.' + name)\n"
    code += "print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def elsewhere(case):
    """A trainer that shares nothing with the package."""
    start = case.network
    residuals, _, _ = naive.descend(
        case.problem.X, case.problem.y, start.W, start.beta, start.b, case.activation, case.eta,
        np.zeros(case.steps), case.steps,
    )  # fmt: skip
    return Evidence(case.problem, case.activation, case.eta, np.arange(case.steps + 1), residuals, start=start)


@given(cases(kind="isometric", activation=st.just("identity"), p=st.just(4000)))
@settings(max_examples=15)
def test_the_kit_judges_a_trainer_from_elsewhere(case):
    """Derandomised: the same fifteen examples on every run."""
    assert_holds(theorem_4_3.CLAIM, elsewhere(replace(case, lam=np.zeros(0))))
