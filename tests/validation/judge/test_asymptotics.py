"""Every law is approached by paired networks of growing width, and none is if its number is 5 % wrong.

Intervals are at confidence 1 − 1e-6 under the usual assumptions; seeds are fixed, so a verdict here does not vary.
"""

import numpy as np
import pytest

from fa_ref import Problem, schedules
from fa_ref.data import gaussian_inputs, isometric_inputs
from validation.beyond.limits import fixed_time, theta_limit, with_cutoff, without_ridge
from validation.judge.asymptotics import AsymptoticClaim

PROBLEM = Problem(gaussian_inputs(4, 8, np.random.default_rng(3), scale=8**-0.5), [1.0, -1.0, 1.0, 1.0])
ISOMETRIC = Problem(isometric_inputs(3, 4, np.random.default_rng(0), gamma=2.0), [1.0, -0.5, 2.0])


def nightly(name):
    return pytest.param(name, marks=pytest.mark.nightly)


@pytest.mark.parametrize("activation", ["relu", nightly("identity"), nightly("tanh")])
def test_residual_at_fixed_t(activation):
    widths, seeds, ridge = (400, 6400, 102400), range(8), schedules.constant(0.2)
    verdict = fixed_time(PROBLEM, activation, eta=0.3, ridge=ridge, steps=30).judge(widths, seeds)
    assert verdict.status == "holds", verdict
    wrong = fixed_time(PROBLEM, activation, eta=0.3, ridge=ridge, steps=30, misread=1.05).judge(widths, seeds)
    assert wrong.status == "violated", wrong


@pytest.mark.parametrize("activation", ["identity", "tanh", nightly("relu")])
def test_alignment_without_ridge(activation):
    widths, seeds = (400, 6400, 102400), range(16)
    verdict = without_ridge(PROBLEM, activation, eta=0.3, steps=40).judge(widths, seeds)
    assert verdict.status == "holds", verdict
    wrong = without_ridge(PROBLEM, activation, eta=0.3, steps=40, misread=1.05).judge(widths, seeds)
    assert wrong.status == "violated", wrong


def test_constant_of_theorem_4_6():
    widths, seeds = (100, 3200, 102400), range(16)
    verdict = with_cutoff(2.0, 3.0, ISOMETRIC, eta=0.05, tail=120).judge(widths, seeds)
    assert verdict.status == "holds", verdict
    wrong = with_cutoff(2.0, 3.0, ISOMETRIC, eta=0.05, tail=120, misread=1.05).judge(widths, seeds)
    assert wrong.status == "violated", wrong


@pytest.mark.parametrize("activation", ["relu", nightly("tanh")])
def test_alignment_at_theta(activation):
    widths, seeds, ridge, theta = (200, 1600, 12800), range(8), schedules.constant(0.4), [6.0, 12.0]
    verdict = theta_limit(PROBLEM, activation, eta=0.3, ridge=ridge, theta=theta).judge(widths, seeds)
    assert verdict.status == "holds", verdict
    wrong = theta_limit(PROBLEM, activation, eta=0.3, ridge=ridge, theta=theta, misread=1.05).judge(widths, seeds)
    assert wrong.status == "violated", wrong


def decaying(exponent, offset=0.0, spread=1.0):
    def deviation(p, seed):
        return offset + spread * np.random.default_rng([p, seed]).standard_normal() * p**exponent

    return AsymptoticClaim("noise", "", "", deviation, -0.5, 0.05)


def test_what_each_verdict_takes():
    widths, seeds = (10**2, 10**4, 10**6), range(16)
    assert decaying(-0.5).judge(widths, seeds)
    assert decaying(-1.0).judge(widths, seeds).status == "holds"  # faster than claimed
    assert decaying(-0.05).judge(widths, seeds).status == "violated"  # slower, by its exponent
    assert decaying(-0.5, offset=0.03).judge(widths, seeds).status == "violated"
    assert decaying(-0.5, spread=40.0).judge(widths, seeds).status == "undecided"  # the limit to ±0.4 at best
    assert "exponent" in str(decaying(-0.5).judge(widths, seeds))
    with pytest.raises(ValueError, match="widths: expected at least three"):
        decaying(-0.5).judge((100, 400), seeds)
    with pytest.raises(ValueError, match="deviation: expected finite"):
        AsymptoticClaim("", "", "", lambda p, seed: np.nan, -0.5, 0.1).judge(widths, seeds)
