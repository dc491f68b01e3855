"""The conservation law on random runs, at every unit and step; what breaks it is seen."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fa_ref import Activation
from tests.validation.beyond.test_learned import random_setting
from validation.beyond.conservation import CLAIM, DEFECT, sides
from validation.beyond.weights import WeightRecord
from validation.judge.claims import HOLDS, NOT_APPLICABLE, VIOLATED

LEAKY = Activation(
    "leaky", lambda z: z if z > 0.0 else 0.1 * z, lambda z: 1.0 if z > 0.0 else 0.1, B1=1.0, smooth=False
)


def random_record(seed, activation, *, steps=25, rule="fa"):
    return WeightRecord.of(random_setting(seed, activation, rule), steps)


@pytest.mark.parametrize("activation", ["identity", "relu", LEAKY], ids=["identity", "relu", "leaky"])
def test_it_holds_at_every_unit_and_step_of_random_runs(activation):
    """Sixty-seven runs of each: two hundred in all."""
    judged = 0
    for seed in range(67):
        verdict = CLAIM.judge(random_record(seed, activation))
        assert verdict.status == HOLDS, (seed, verdict.failing)
        judged += sum(int(part.judged.sum()) for part in verdict.inequalities)
    assert judged > 50000


@pytest.mark.parametrize("activation", ["tanh", "softplus", "sigmoid"])
def test_a_smooth_activation_has_the_predicted_defect_and_no_other(activation):
    """Negative control: the law is not for it, fails without the defect, and holds with it."""
    for seed in range(10):
        run = random_record(seed, activation)
        assert CLAIM.judge(run).status == NOT_APPLICABLE
        assert CLAIM.without("|ψ(z) − ψ′(z)z|/|z|").judge(run).status == VIOLATED
        assert DEFECT.judge(run).status == HOLDS


def test_backpropagation_and_a_changed_digit_are_found():
    run = random_record(1, "relu")
    back = random_record(1, "relu", rule="bp")
    assert CLAIM.judge(back).status == NOT_APPLICABLE
    assert CLAIM.without("rule is fa").judge(back).status == VIOLATED
    beta = run.beta.copy()
    beta[7, 0] *= 1.0 + 1e-9
    assert CLAIM.judge(dataclasses.replace(run, beta=beta)).status == VIOLATED


def test_rounding_is_bounded_and_not_by_much_more_than_it_is():
    used = []
    for seed in range(20):
        hidden, output, rounding = sides(random_record(seed, "identity"))
        used.append(np.max(np.abs(hidden - output) / rounding))
    assert 1e-3 < max(used) < 1


def test_the_page_shows_its_example_and_its_verdicts(capsys):
    root = Path(__file__).parents[3] / "docs"
    source = (root / "examples" / "theorem" / "your_theorem.py").read_text()
    assert "examples/theorem/your_theorem.py" in (root / "your_theorem.md").read_text()
    sheet = source[source.index("class Conservation") : source.index("problem, network")].strip().splitlines()
    assert len(sheet) <= 30
    exec(compile(source, "your_theorem.py", "exec"), {"__name__": "example"})
    relu, tanh = capsys.readouterr().out.splitlines()
    assert relu.strip() == "relu holds"
    assert tanh.startswith("tanh not applicable")
