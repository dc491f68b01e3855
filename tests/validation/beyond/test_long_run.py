"""The laws of the long run under a constant penalty: networks follow them, and not others 2 % away."""

import numpy as np
import pytest

from fa_ref import Problem, schedules
from validation.beyond.long_run import relu_in_the_long_run, tanh_in_the_long_run
from validation.judge.claims import HOLDS, VIOLATED

#: Sheet, y, λ, η and the times: ηλ_max(G) is 1.4 at the last one of ReLU.
CASES = [
    (relu_in_the_long_run, [40.0, -40.0], 0.5, 0.005, [1000, 4000, 16_000, 32_000]),
    (tanh_in_the_long_run, [3.0, -2.0], 1.0, 0.3, [300, 1000, 3000, 10_000]),
]


@pytest.mark.parametrize("measure", ["alignment", "loss"])
@pytest.mark.parametrize(("sheet", "y", "lam", "eta", "times"), CASES, ids=["relu", "tanh"])
def test_networks_follow_the_law_and_no_other(sheet, y, lam, eta, times, measure):
    problem, given = Problem(np.eye(2), y), {"eta": eta, "ridge": schedules.constant(lam)}
    verdict = sheet(problem, measure, **given).judge(times, range(2), confidence=0.99)
    assert verdict.status == HOLDS, verdict
    assert np.abs(verdict.deviations[-2:]).max() < 0.01  # within 1 % at θ ≥ 10⁴
    for misread in (0.98, 1.02):
        wrong = sheet(problem, measure, **given, misread=misread).judge(times, range(2), confidence=0.99)
        assert wrong.status == VIOLATED, wrong


def test_beyond_the_edge_of_stability_there_is_no_law():
    """η(λ + λ_max(G)) passes 2: the run diverges or dies, and is not passed over."""
    steep = relu_in_the_long_run(Problem(np.eye(2), [40.0, -40.0]), "loss", eta=0.05, ridge=schedules.constant(0.5))
    with pytest.raises(ValueError, match="expected"):
        steep.judge([100, 1000, 4000], range(2))
