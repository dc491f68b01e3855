"""Theorems 3.2 and 4.3 on records made by hand: every margin and every side of an inequality, from its formula."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules
from fa_ref.activations import ACTIVATIONS
from theory.precision import UNIT_ROUNDOFF
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.rounding import movement_rounding, step_rounding
from validation.theorems import theorem_3_2, theorem_4_3, theorem_4_6
from validation.theorems.inequality_3_1 import contraction
from validation.theorems.inequality_3_2 import movement

TIMES = np.array([0, 2, 3, 7])
E = np.array([[3.0, 4.0], [2.0, -1.0], [1.0, 1.0], [0.5, 0.0]])
LAM = [0.5, 0.25, 0.0, 0.125, 0.75, 0.5, 0.25]
Y = np.array([6.0, -8.0])  # of norm 10
ETA, P = 0.25, 5


def network(b=(2.0, -0.5, 0.0, 1.0, 3.0)):
    rng = np.random.default_rng(1)
    return Network(rng.standard_normal((P, 2)), rng.standard_normal(P), np.array(b))


def record(X, psi, *, ridge=None, start="own", measures=None, eta=ETA):
    start = network() if start == "own" else start
    setting = Setting(Problem(X, Y), start, psi, eta=eta, ridge=ridge)
    return Trajectory.recorded(setting, TIMES, E, measures=measures or {})


def by_hand(rate, lam, pull, eta=ETA):
    """The right side of (4.2), step by step from record to record."""
    sides = []
    for k, (first, last) in enumerate(pairwise(TIMES)):
        side = np.linalg.norm(E[k])
        for t in range(first, last):
            side = max(0.0, 1 - eta * rate - eta * lam[t]) * side + pull * lam[t] * 10.0
        sides.append(side)
    return sides


@pytest.mark.parametrize("rate", [0.3, 1.5, 20.0])
@pytest.mark.parametrize("pull", [None, 1.0])
def test_the_contraction_is_run_for_as_many_steps_as_lie_between_records(rate, pull):
    run = record(np.eye(2), "erf", ridge=schedules.explicit(LAM))
    for ridge, lam in ((None, LAM), (schedules.zero(), [0.0] * 7), (schedules.constant(0.5), [0.5] * 7)):
        found = contraction("(4.2)", run, rate, pull=pull, ridge=ridge)
        assert found.name == "(4.2)"
        assert found.times.tolist() == [0, 2, 3]
        assert found.lhs.tolist() == pytest.approx(np.linalg.norm(E[1:], axis=1), rel=1e-15, abs=0.0)
        assert found.rhs.tolist() == pytest.approx(by_hand(rate, lam, pull or ETA), rel=1e-14, abs=0.0)
        assert found.tolerance.tolist() == step_rounding(run).tolist()


MOVED = {
    "weight_square": [2.0, 2.1, 2.2, 2.3], "scaled_weight_movement": [0.0, 0.1, 0.2, 0.3],
    "beta_movement": [0.0, 0.4, 0.5, 0.6],
}  # fmt: skip
PSI = replace(ACTIVATIONS["erf"], B0=3.0)  # a bound may be generous; B1 = 2/√π


@pytest.mark.parametrize(
    ("ridge", "given", "budget"),
    [
        (None, None, 0.0), (schedules.explicit(LAM), None, 2.375), (schedules.explicit(LAM), schedules.zero(), 0.0),
        (None, schedules.cutoff(0.5, 3), 2.0),
    ],
)  # fmt: skip
def test_no_weight_moves_further_than_the_proof_says(ridge, given, budget):
    run, a = record([[2.0, 0.0], [0.0, 1.0]], PSI, ridge=ridge, measures=MOVED), 0.7
    reach = (5.0 + ETA * budget * 10.0) / a / math.sqrt(P)
    W, beta = movement(run, a, ridge=given)
    assert (W.name, beta.name) == ("(3.2) W", "(3.2) β")
    for found, bound, moved in (
        (W, 2 / math.sqrt(math.pi) * 2.0 * reach, [0.1, 0.2, 0.3]),
        (beta, 3.0 * math.sqrt(2) * reach, [0.4, 0.5, 0.6]),
    ):
        assert found.times.tolist() == [2, 3, 7]
        assert found.lhs.tolist() == moved
        assert found.rhs.tolist() == pytest.approx([bound] * 3, rel=1e-13, abs=0.0)
    rounding = movement_rounding(run)[1:]
    assert beta.tolerance.tolist() == rounding.tolist()
    assert W.tolerance.tolist() == (rounding / 0.5).tolist()  # the smallest |b_r| that is not 0
    assert rounding.min() > 0
    assert rounding.max() < 1e4 * UNIT_ROUNDOFF


def test_where_b_is_zero_no_hidden_weight_moves():
    run = record(np.eye(2), PSI, start=network(np.zeros(P)), measures=MOVED)
    assert movement(run, 1.0)[0].tolerance.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"psi": "identity"}, ["B0 or Σλ is infinite, and so is the bound"] * 2),
        ({"ridge": schedules.constant(0.1)}, ["B0 or Σλ is infinite, and so is the bound"] * 2),
        ({"start": None}, ["starting weights not recorded"] * 2),
        ({"without": ["scaled_weight_movement", "beta_movement"]},
         ["scaled_weight_movement not recorded", "beta_movement not recorded"]),
        ({"without": ["weight_square"]}, ["weight_square not recorded"] * 2),
        ({"without": ["beta_movement"]}, [None, "beta_movement not recorded"]),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(changes, reasons):
    kept = {name: values for name, values in MOVED.items() if name not in changes.get("without", ())}
    others = {name: value for name, value in changes.items() if name in ("ridge", "start")}
    parts = movement(record(np.eye(2), changes.get("psi", PSI), measures=kept, **others), 1.0)
    assert [part.name for part in parts] == ["(3.2) W", "(3.2) β"]
    for part, reason in zip(parts, reasons, strict=True):
        assert isinstance(part, Inequality if reason is None else Unjudged)
        assert reason is None or part.reason == reason


def rows(margins):
    return {m.name: (m.value, m.threshold, m.relation) for m in margins}


def expect(margins, expected):
    found = rows(margins)
    for name, (value, threshold, relation) in expected.items():
        assert found[name][0] == pytest.approx(value, rel=1e-10, abs=0.0), name
        assert found[name][1:] == (threshold, relation), name
    return set(found) - set(expected)


LARGEST = np.finfo(float).max
GAMMA = 2 / math.pi * math.asin(2 / 3)  # of erf and two orthonormal inputs


def test_every_margin_of_theorem_3_2():
    start = network()
    run = record(np.eye(2), PSI, ridge=schedules.explicit(LAM), measures=MOVED)
    left = expect(theorem_3_2.CLAIM.hypotheses(run), {
        "rule is FA": (1.0, 1.0, "≥"), "ψ is smooth": (1.0, 1.0, "≥"), "Σλ": (2.375, 0.0, "≤"),
        "max(B0, B1, B2)": (3.0, LARGEST, "≤"), "ηnB0²": (0.25 * 2 * 9, 1.0, "≤"), "max(R, |y|)": (8.0, None, "≥"),
        "‖b‖²/p": (float(start.b @ start.b) / 5, None, "≥"),
        "‖β(0)‖²/p": (float(start.beta @ start.beta) / 5, None, "≥"),
        "b·β(0)/p": (float(start.b @ start.beta) / 5, None, "≥"), "pγ²/n²": (5 * GAMMA**2 / 4, None, "≥"),
        "pγ⁴/(n⁴ log p)": (5 * GAMMA**4 / 16 / math.log(5), None, "≥"),
    })  # fmt: skip
    assert left == {theorem_3_2.assumption_3_1.hypothesis(run).name}
    assert theorem_3_2.assumption_3_1.hypothesis(run).met
    far = record(9.0 * np.eye(2), PSI, start=None)
    left = expect(theorem_3_2.CLAIM.hypotheses(far), {"max(R, |y|)": (9.0, None, "≥"), "Σλ": (0.0, 0.0, "≤")})
    assert not {"pγ²/n²", "pγ⁴/(n⁴ log p)"} & left  # of weights that are not known
    backwards = replace(run, setting=run.setting.replace(rule="bp"))
    assert rows(theorem_3_2.CLAIM.hypotheses(backwards))["rule is FA"][0] == 0.0
    assert rows(theorem_3_2.CLAIM.hypotheses(record(np.eye(2), "relu")))["ψ is smooth"][0] == 0.0


def test_the_width_of_one_unit_is_measured_by_the_logarithm_of_two():
    start = Network([[1.0, 0.0]], [1.0], [1.0])
    found = rows(theorem_3_2.CLAIM.hypotheses(record(np.eye(2), PSI, start=start)))
    assert found["pγ⁴/(n⁴ log p)"][0] == pytest.approx(GAMMA**4 / 16 / math.log(2), rel=1e-10, abs=0.0)


def test_theorem_3_2_concludes_at_a_quarter_of_gamma_without_a_penalty():
    run = record(np.eye(2), PSI, ridge=schedules.explicit(LAM), measures=MOVED)
    step, W, beta = theorem_3_2.CLAIM.conclusions(run)
    assert step.name == "(3.1)"
    assert step.rhs.tolist() == pytest.approx(by_hand(GAMMA / 4, [0.0] * 7, 0.0), rel=1e-10, abs=0.0)
    reach = 5.0 / (GAMMA / 4) / math.sqrt(P)
    assert W.rhs[0] == pytest.approx(2 / math.sqrt(math.pi) * reach, rel=1e-10, abs=0.0)
    assert beta.rhs[0] == pytest.approx(3.0 * math.sqrt(2) * reach, rel=1e-10, abs=0.0)


@pytest.mark.parametrize(("sheet", "psi"), [(theorem_3_2, "erf"), (theorem_4_3, "identity")])
def test_where_gamma_is_zero_nothing_is_concluded(sheet, psi):
    run = record([[0.0, 0.0], [0.0, 1.0]], psi)
    assert sheet.CLAIM.conclusions(run) == ()
    assert sheet.CLAIM.judge(run).status == "not applicable"


STRETCHED = np.array([[1.0, 0.0], [0.0, 2.0]])  # γ = 1, M = 4


def test_every_margin_of_theorem_4_3():
    run, start = record(STRETCHED, "identity", ridge=schedules.explicit(LAM)), network()
    F = start.W @ STRETCHED.T
    trace, det = np.trace(F.T @ F) / 5, np.linalg.det(F.T @ F / 5)
    top = trace / 2 + math.sqrt(trace**2 / 4 - det)
    left = expect(theorem_4_3.CLAIM.hypotheses(run), {
        "rule is FA": (1.0, 1.0, "≥"), "ψ is linear": (1.0, 1.0, "≥"), "Σλ": (2.375, LARGEST, "≤"),
        "M/γ": (4.0, None, "≥"),
        "‖y‖/√n": (10 / math.sqrt(2), None, "≥"), "‖b‖²/p": (float(start.b @ start.b) / 5, None, "≥"),
        "‖β(0)‖²/p": (float(start.beta @ start.beta) / 5, None, "≥"),
        "b·β(0)/p": (float(start.b @ start.beta) / 5, None, "≥"),
        "η(λ_max(G(0)) + max λ)": (0.25 * (top + 0.75), 1.0, "≤"), "p/n": (2.5, None, "≥"),
        "Σλ in units of S_λ/c_S": (2.375 * 0.25 * math.sqrt(2) * 4 / math.sqrt(5), None, "≥"),
    })  # fmt: skip
    assert left == {theorem_3_2.assumption_3_1.hypothesis(run).name}
    unknown = record(STRETCHED, "identity", start=None, ridge=schedules.explicit(LAM))
    name = "η(M + max λ), for η(λ_max(G(0)) + max λ)"
    left = expect(theorem_4_3.CLAIM.hypotheses(unknown), {name: (0.25 * (4.0 + 0.75), None, "≥")})
    assert "p/n" not in left
    (step,) = theorem_4_3.CLAIM.conclusions(run)
    assert step.name == "(4.3)"
    assert step.rhs.tolist() == pytest.approx(by_hand(0.5, LAM, ETA), rel=1e-12, abs=0.0)


def test_the_budget_is_measured_where_there_is_one_and_a_gamma():
    units, ridge = "Σλ in units of S_λ/c_S", schedules.explicit(LAM)
    assert units not in rows(theorem_4_3.CLAIM.hypotheses(record(STRETCHED, "identity")))
    flat = record([[0.0, 0.0], [0.0, 1.0]], "identity", ridge=ridge)
    found = rows(theorem_4_3.CLAIM.hypotheses(flat))
    assert units not in found
    assert found["M/γ"][0] == math.inf
    nearly = record([[1e-150, 0.0], [0.0, 1.0]], "identity", ridge=ridge)
    assert rows(theorem_4_3.CLAIM.hypotheses(nearly))[units][0] == math.inf  # the unit underflows
    huge = Network(np.full((P, 2), 1e200), np.ones(P), np.ones(P))
    with np.errstate(over="ignore"):
        found = rows(theorem_4_3.CLAIM.hypotheses(record(STRETCHED, "identity", start=huge)))
    assert found["η(λ_max(G(0)) + max λ)"][0] == math.inf


@pytest.mark.parametrize("sheet", [theorem_4_6.CLAIM, theorem_4_6.REMARK])
@pytest.mark.parametrize("start", [network(), None])
def test_a_record_of_its_start_alone_spends_nothing(sheet, start):
    """So does a run that diverged at once: there is no step at which λ could be read."""
    setting = Setting(Problem(STRETCHED, Y), start, "identity", eta=ETA, ridge=schedules.cutoff(0.5, 3))
    alone = Trajectory.recorded(setting, [0], E[:1], measures={"alignment": [0.1]})
    assert sheet.judge(alone).status != "holds"
