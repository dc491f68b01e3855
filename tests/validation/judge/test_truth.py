"""Every result says yes or no by its truth value, or refuses to have one: no test passes on a violated verdict."""

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting
from theory.margins import Margin
from validation import Claim, check, falsify, holds_with_probability, theorem_3_2, theorem_4_3
from validation.beyond.cutoff_reversal import Sides
from validation.beyond.indefinite_kernel import IndefiniteStarts
from validation.errata import ablation
from validation.errata.entry import Outcome
from validation.errata.readings import ascend
from validation.judge.asymptotics import AsymptoticClaim
from validation.judge.draws import draw_outcomes
from validation.judge.fits import fit_exponent
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.probability import sequential_verdict
from validation.judge.record import reference_run
from validation.judge.verdicts import Verdict, all_good
from validation.search.laws import small_setting
from validation.statements.statement import Finding
from validation.theorems import definition_4_1

STATUSES = ("holds", "violated", "undecided", "not applicable", "diverged", "vacuous")


def setting(eta=0.1):
    network = Network.gaussian(2000, 3, np.random.default_rng(0))
    return Setting(Problem(np.eye(3), [1.0, -1.0, 1.0]), network, "tanh", eta=eta)


@pytest.mark.parametrize("status", STATUSES)
def test_a_verdict_is_true_where_it_holds_and_only_there(status):
    assert bool(Verdict(claim="x", status=status, hypotheses=(), inequalities=())) is (status == "holds")


def test_a_violated_verdict_fails_an_assertion():
    assert theorem_3_2.judge(reference_run(setting(), 20))
    turned = theorem_3_2.decided().judge(ascend(setting(), 20))
    assert turned.status == "violated"
    with pytest.raises(AssertionError):
        assert turned


def test_a_decorated_function_that_returns_a_verdict_is_judged_by_it():
    @holds_with_probability(0.8, draws=64, error=0.01)
    def descent(rng):
        return theorem_3_2.judge(reference_run(small(rng), 3))

    @holds_with_probability(0.8, draws=64, error=0.01)
    def ascent(rng):
        return theorem_3_2.decided().judge(ascend(small(rng), 3))

    def small(rng):
        return Setting(Problem([[1.0]], [1.0]), Network.gaussian(200, 1, rng), "tanh", eta=0.1)

    descent()
    with pytest.raises(AssertionError, match="ascent: refuted"):
        ascent()


@pytest.mark.parametrize(
    "answer", [None, 1, 0.5, "yes", np.ones(3), np.float64(1.0), Inequality("x", [0], 0.0, 1.0, 0.0)]
)
def test_an_answer_that_is_neither_yes_nor_no_is_refused(answer):
    stream = draw_outcomes(lambda rng: answer, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"outcome: expected True, False or a verdict|has no truth value"):
        next(stream)


def test_probability_verdicts_are_true_where_they_are_confirmed():
    streams = {"confirmed": [True] * 200, "refuted": [False] * 200, "undecided": [True, False] * 32}
    for status, outcomes in streams.items():
        verdict = sequential_verdict(iter(outcomes), len(outcomes), 0.5 if status == "undecided" else 0.1)
        assert verdict.status == status
        assert bool(verdict) is (status == "confirmed")


def test_asymptotic_verdicts_are_true_where_they_hold():
    def noise(p, seed):
        return np.random.default_rng([p, seed]).standard_normal() / p**0.5

    held = AsymptoticClaim("noise", "", "", noise, -0.5, 0.02).judge(
        [10**2, 10**4, 10**6], range(8), confidence=0.999
    )
    biased = AsymptoticClaim("noise", "", "", lambda p, seed: noise(p, seed) + 0.05, -0.5, 0.02)
    assert held
    assert not biased.judge([10**2, 10**4, 10**6], range(8), confidence=0.999)


class Never(Claim):
    name, statement, source = "never", "1 ≤ 0", "nowhere"

    def hypotheses(self, run):
        return ()

    def conclusions(self, run):
        return (Inequality("never", [0], 1.0, 0.0, 0.0),)


def test_what_was_found_is_true_and_what_was_not_is_none():
    def law(rng):
        return small_setting("identity", 1, 1, 20, 0, size=0, distance=0, step=-1)

    assert falsify(Never(), law, rng=np.random.default_rng(0), evaluations=8)
    assert not falsify(theorem_4_3.decided(), law, rng=np.random.default_rng(0), evaluations=2)


def test_alignment_found_in_a_record_is_true():
    assert definition_4_1.aligns([0, 1, 2], [0.0, 0.5, 0.5])
    assert not definition_4_1.aligns([0, 1, 2], [0.0, 0.5, -0.5])


def test_results_without_a_yes_or_no_refuse_one():
    fit = fit_exponent([1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    counts = IndefiniteStarts(draws=1, converged=1, indefinite=1, both=1, lowest=-1.0, limits=(0.0, 1.0))
    verdict = Verdict(claim="x", status="holds", hypotheses=(), inequalities=())
    row = ablation.Ablation(dropped="none", verdict=verdict, diverged_at=None, left=0.1)
    outcome = Outcome(printed_holds=False, corrected_holds=True, setting="x", finding="x")
    sides = Sides(p=None, before=0.0, before_error=0.0, after=0.0, after_error=0.0)
    for result in (fit, counts, row, outcome, sides):
        with pytest.raises(TypeError, match=f"{type(result).__name__}: expected one of its fields to be compared"):
            bool(result)


def test_a_claim_that_was_not_judged_has_no_truth_value():
    """`assert theorem_3_2`, without the run, must not pass."""
    for claim in (theorem_3_2, theorem_3_2.decided(), Unjudged("x", "nobody looked")):
        with pytest.raises(TypeError, match="has no truth value"):
            bool(claim)
    with pytest.raises(TypeError, match=r"has no truth value"):
        bool(AsymptoticClaim("", "", "", lambda p, seed: 0.0, -0.5, 0.1))


@pytest.mark.parametrize("status", STATUSES)
def test_a_finding_keeps_the_verdict_that_is_not_true(status):
    verdict = Verdict(claim="x", status=status, hypotheses=(), inequalities=())
    finding = Finding(number="3.2", title="x", inputs="x", status=status, verdict=verdict)
    assert bool(finding) is (status == "holds")
    assert finding.to_dict()["verdict"]["status"] == status


def test_nothing_judged_is_not_green():
    def verdict(status):
        return Verdict(claim="x", status=status, hypotheses=(), inequalities=())

    assert all_good([verdict("holds"), verdict("not applicable"), verdict("undecided")])
    for statuses in ([], ["not applicable"], ["vacuous", "diverged"], ["holds", "violated"], ["undecided"]):
        assert not all_good(map(verdict, statuses))


def test_check_counts_verdicts_and_takes_claims():
    def law(rng):
        return reference_run(Setting(Problem([[1.0]], [1.0]), Network.gaussian(200, 1, rng), eta=0.1), 2)

    said = check(Never(), law, draws=64, delta=0.1, rng=np.random.default_rng(0))
    assert (said.status, said.failures) == ("refuted", said.draws)


@pytest.mark.parametrize("missing", ["name", "statement", "source"])
def test_a_sheet_must_be_stated(missing):
    parts = {"name": "x", "statement": "x", "source": "x", "hypotheses": Never.hypotheses}
    for value in (None, "", 3):
        with pytest.raises(TypeError, match=f"{missing}: expected text in the body of Sheet"):
            type("Sheet", (Claim,), {**parts, missing: value})


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("hypotheses", [Margin("x", 1.0)], "hypotheses: expected a tuple of Margin"),
        ("hypotheses", (True,), "hypotheses: expected a tuple of Margin"),
        ("conclusions", (True,), "conclusions: expected a tuple of Inequality or Unjudged"),
        ("conclusions", Inequality("x", [0], 0.0, 1.0, 0.0), "conclusions: expected a tuple of Inequality"),
    ],
)
def test_a_sheet_returns_margins_and_inequalities(part, value, message):
    sheet = type("Sheet", (Never,), {part: lambda sheet, run: value})()
    with pytest.raises(TypeError, match=message):
        sheet.judge(reference_run(setting(), 1))
