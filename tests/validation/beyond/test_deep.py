"""Deep networks follow Ḡ_L under both kinds of feedback alignment, and not under backpropagation."""

import numpy as np
import pytest

from fa_ref import Problem, schedules
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
