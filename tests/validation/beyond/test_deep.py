"""Deep networks follow Ḡ_L under both kinds of feedback alignment, and not under backpropagation."""

import numpy as np
import pytest

from fa_ref import Network, Problem, Trajectory, schedules, train
from fa_ref.deep import DeepNetwork
from validation import theorem_3_2
from validation.beyond import deep


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return Problem(rng.standard_normal((3, 4)) / 2.0, rng.standard_normal(3))


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_the_residual_follows_the_last_layers_kernel(problem, rule):
    ridge = schedules.constant(0.1)
    claim = deep.fixed_time(problem, 2, "tanh", eta=0.3, steps=20, rule=rule, ridge=ridge, widest=256)
    verdict = claim.judge([16, 64, 256], range(8), confidence=0.999)
    assert verdict.status != "violated"
    assert verdict.exponent.slope < -0.25


def test_backpropagation_does_not(problem):
    claim = deep.fixed_time(problem, 2, "tanh", eta=0.3, steps=20, rule="bp", widest=256)
    assert claim.judge([16, 64, 256], range(8), confidence=0.999).status == "violated"


def test_a_misread_kernel_is_refuted(problem):
    claim = deep.fixed_time(problem, 2, "tanh", eta=0.3, steps=20, widest=256, misread=2.0)
    assert claim.judge([16, 64, 256], range(8), confidence=0.999).status == "violated"


def record(L, rule, p=300, **changes):
    rng = np.random.default_rng(L)
    problem = Problem(rng.standard_normal((3, 6)) / np.sqrt(6.0), rng.standard_normal(3))
    network = DeepNetwork.gaussian(L=L, p=p, d=6, rng=rng)
    return deep.DeepRecord.of(problem, network, "tanh", **{"eta": 0.3, "steps": 60, "rule": rule, **changes})


@pytest.mark.parametrize("L", [1, 2, 3, 4])
@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_theorem_3_2_holds_at_depth_at_its_certified_rate(L, rule):
    verdict = deep.CLAIM.judge(record(L, rule))
    assert verdict.status == "holds", str(verdict)
    assert verdict.inequalities[0].judged.all()


def test_at_depth_one_it_is_theorem_3_2():
    """The same rate, hypotheses and verdict as the sheet of the paper's theorem."""
    run = record(1, "fa")
    start = DeepNetwork.gaussian(L=1, p=300, d=6, rng=_after_the_problem())
    setting = run.setting.replace(network=Network(start.W, start.beta, start.b[-1]))
    paper = theorem_3_2.judge(train(setting, steps=60))
    ours, theirs = deep.CLAIM.judge(run).inequalities[0], paper.inequalities[0]
    np.testing.assert_allclose(ours.lhs, theirs.lhs, rtol=1e-10)
    np.testing.assert_allclose(ours.rhs, theirs.rhs, rtol=1e-10)


def _after_the_problem():
    rng = np.random.default_rng(1)
    rng.standard_normal((3, 6)), rng.standard_normal(3)
    return rng


@pytest.mark.parametrize("L", [1, 2, 3, 4])
def test_theorem_3_2_at_depth_fails_at_a_misread_rate_and_speaks_of_no_other_rule(L):
    """Eight times γ_L/4 is twice the rate of the slowest direction: refuted, once the open width is dropped."""
    run = record(L, "fa", steps=150)
    assert deep.DeepTheorem32(misread=8.0).judge(run).status == "undecided"
    assert deep.DeepTheorem32(misread=8.0).decided().judge(run).status == "violated"
    assert deep.CLAIM.judge(record(L, "bp")).status == "not applicable"
    assert deep.CLAIM.judge(record(L, "fa", ridge=schedules.constant(0.1))).status == "not applicable"


def test_theorem_3_2_at_depth_needs_its_width_and_its_step():
    assert deep.CLAIM.decided().judge(record(3, "fa", p=2)).status == "violated"
    large = record(2, "fa", eta=8.0)
    assert deep.CLAIM.judge(large).status in ("not applicable", "diverged")
    assert deep.CLAIM.without("ηnB0²", "the run stays finite").decided().judge(large).status == "violated"
    bare = Trajectory.recorded(large.setting.replace(eta=0.1), [0, 1], large.residuals[:2])
    assert deep.CLAIM.judge(bare).status == "vacuous"


@pytest.mark.nightly
@pytest.mark.parametrize("L", [2, 3])
@pytest.mark.parametrize("rule", ["fa", "dfa", "bp"])
def test_the_exponent_is_one_half(L, rule):
    rng = np.random.default_rng(0)
    problem = Problem(rng.standard_normal((5, 8)) / np.sqrt(8.0), rng.standard_normal(5))
    claim = deep.fixed_time(problem, L, "tanh", eta=0.3, steps=60, rule=rule)
    verdict = claim.judge([100, 200, 400, 800, 1600], range(6), confidence=0.99)
    if rule == "bp":
        assert verdict.status == "violated"
    else:
        assert verdict.exponent.low <= -0.5 <= verdict.exponent.high
