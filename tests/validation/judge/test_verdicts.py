"""What a verdict says of itself: what fails comes first, nothing is left out, and no more than ten lines."""

import json
import math

import pytest

from theory.margins import Margin
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.verdicts import Verdict

MET, MISSED, MEASURED = Margin("η", 0.5, 1.0, "≤"), Margin("λ", 3.0, 1.0, "≤"), Margin("pγ²", 0.25)
PASSES, FAILS = Inequality("passes", [3, 4], [1.0, 1.5], 2.0, 0.0), Inequality("fails", [7], 3.0, 2.0, 0.0)
HIDDEN, GONE = Inequality("hidden", [0], 0.0, 1e-13, 1e-12), Unjudged("gone", "weights were not recorded")


def verdict(status="violated", hypotheses=(MET, MISSED, MEASURED), inequalities=(PASSES, FAILS, HIDDEN)):
    return Verdict(claim="X", status=status, hypotheses=hypotheses, inequalities=inequalities, left_out=(GONE,))


ROWS = [
    ("condition", "λ = 3, not ≤ 1"),
    ("inequality", "fails, t = 7: 3 > 2"),
    ("inequality", "passes, t = 4: 1.5 ≤ 2"),
    ("inequality", "hidden, no step could be judged"),
    ("not judged", "gone: weights were not recorded"),
    ("condition", "η = 0.5 ≤ 1: met"),
    ("condition", "pγ² = 0.25 (measured)"),
]


def test_what_fails_comes_first_and_everything_is_said():
    lines = str(verdict()).splitlines()
    assert lines == ["X: violated: fails at t = 7: 3 > 2", *(f"  {name}: {said}" for name, said in ROWS)]


def test_at_most_ten_lines_are_printed():
    nine, ten = ([Margin(f"h{k}", 1.0, 0.0) for k in range(count)] for count in (9, 10))
    whole = str(Verdict(claim="X", status="holds", hypotheses=tuple(nine), inequalities=())).splitlines()
    assert len(whole) == 10
    assert whole[-1] == "  condition: h8 = 1 ≥ 0: met"
    short = str(Verdict(claim="X", status="holds", hypotheses=tuple(ten), inequalities=())).splitlines()
    assert len(short) == 10
    assert short[-1] == "  and 2 more"


def test_a_notebook_shows_the_line_and_every_row():
    html = verdict()._repr_html_()
    assert html.startswith("<b>X: violated: fails at t = 7: 3 &gt; 2</b><table>")
    assert html.count("<tr>") == len(ROWS)
    for name, said in ROWS:
        assert f">{name}</th>" in html
        assert f">{said.replace('>', '&gt;')}</td>" in html


@pytest.mark.parametrize("status", ["not applicable", "diverged", "vacuous"])
def test_the_line_of_what_was_not_decided_names_the_hypotheses_that_fail(status):
    assert verdict(status).line == f"X: {status}: λ = 3, not ≤ 1"
    assert verdict(status, hypotheses=(MET,)).line == f"X: {status}: fails at t = 7: 3 > 2"


@pytest.mark.parametrize("status", ["holds", "undecided", "violated"])
def test_the_line_of_what_was_decided_names_the_closest_comparison(status):
    assert verdict(status).line == f"X: {status}: fails at t = 7: 3 > 2"


@pytest.mark.parametrize("status", ["violated", "undecided"])
@pytest.mark.parametrize("parts", [(), (HIDDEN,), (PASSES,)])
def test_a_failure_without_an_inequality_that_fails_is_a_divergence(status, parts):
    assert verdict(status, inequalities=parts).worst_words == "the run diverged"


def test_where_nothing_was_judged_the_reasons_are_given():
    said = verdict("vacuous", hypotheses=(), inequalities=(HIDDEN,))
    assert said.unjudged == ("hidden", "gone")
    reasons = "hidden: not judged: rounding alone could hide a failure; gone: not judged: weights were not recorded"
    assert said.why_unjudged == said.worst_words == reasons
    silent = Verdict(claim="X", status="vacuous", hypotheses=(), inequalities=())
    assert silent.worst_words == "no conclusion could be stated"


def test_the_record_for_machines_has_every_number():
    found, nan = json.loads(json.dumps(verdict().to_dict())), pytest.approx(math.nan, nan_ok=True)
    assert found == {
        "claim": "X", "status": "violated", "inequality": "fails", "slack": -0.5, "worst_step": 7,
        "conclusions_held": False,
        "hypotheses": [
            {"name": "η", "value": 0.5, "relation": "≤", "threshold": 1.0, "met": True},
            {"name": "λ", "value": 3.0, "relation": "≤", "threshold": 1.0, "met": False},
            {"name": "pγ²", "value": 0.25, "relation": "≥", "threshold": None, "met": None},
        ],
        "inequalities": [
            {"name": "passes", "holds": True, "slack": 0.25, "judged": 2, "of": 2},
            {"name": "fails", "holds": False, "slack": -0.5, "judged": 1, "of": 1},
            {"name": "hidden", "holds": True, "slack": nan, "judged": 0, "of": 1},
        ],
        "left_out": [{"name": "gone", "reason": "weights were not recorded"}],
    }  # fmt: skip
    assert verdict(inequalities=(PASSES,)).to_dict()["conclusions_held"] is True
    nothing = verdict(inequalities=()).to_dict()
    assert [nothing[key] for key in ("inequality", "slack", "worst_step", "conclusions_held")] == [None] * 4
