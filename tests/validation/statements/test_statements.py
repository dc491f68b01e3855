"""Every statement of the paper is found to hold in its regime, and its negative control turns its row red."""

import dataclasses
import json
import re

import numpy as np
import pytest

from fa_ref import Problem
from validation.report.page import mathematics, write_report
from validation.report.table import nothing_held, summary
from validation.statements import STATEMENTS, Options, dossier, find, verify
from validation.statements.inputs import Inputs, gaussian
from validation.statements.ridge import Watched
from validation.statements.steps import _wide


@pytest.fixture(scope="module")
def inputs():
    """Five nearly orthonormal inputs: small, and within the reach of every statement."""
    rng = np.random.default_rng(1)
    X = np.linalg.qr(rng.standard_normal((15, 5)))[0].T
    problem = Problem(X, (-1.0) ** np.arange(5))
    return Inputs(name="digits", linear=problem, nonlinear=problem)


@pytest.fixture(scope="module")
def options():
    return Options(steps=60)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.number)
def test_it_holds_and_its_control_does_not(statement, inputs, options):
    finding = statement.check(inputs, options)
    assert finding, (finding.status, finding.remarks, finding.where)
    assert finding.numbers
    assert {number.kind for number in finding.numbers} <= {"proved", "observed", "limit"}
    broken = statement.check(inputs, Options(steps=60, broken=True))
    assert broken.status == "violated", (broken.status, broken.remarks)
    assert statement.control


def test_a_claim_of_probability_says_what_was_shown(inputs, options):
    finding = find("3.2").check(inputs, options)
    assert finding.confidence == "P ≥ 0.75 (99%, 32 draws)"
    assert finding.probability.failures == 0
    few = find("3.2").check(inputs, Options(steps=60, draws=4))
    assert "more would decide" in few.confidence
    for number in ("3.3", "4.5"):
        few = find(number).check(inputs, Options(draws=4))
        assert (few.status, few.remarks) == ("undecided", ("0 of 4 draws fail; 28 more would decide (--draws)",))


def test_the_draws_of_one_statement_do_not_depend_on_the_others(inputs, options):
    alone, again = (find("4.3").check(inputs, options) for _ in range(2))
    assert alone.runs[0].setting == again.runs[0].setting
    assert alone.runs[0].setting != find("n > d").check(inputs, options).runs[0].setting


def test_inputs_that_no_theorem_speaks_of_are_told_so(options):
    X = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    problem = Problem(X, [1.0, -1.0, 1.0])
    double = Inputs(name="double", linear=problem, nonlinear=problem)
    for number in ("A3.1", "3.2", "4.3", "4.6"):
        finding = find(number).check(double, options)
        assert finding.status == "not applicable"
        assert finding.remarks
    assert find("n > d").check(double, options).status == "holds"


def test_unknown_numbers_are_refused():
    with pytest.raises(ValueError, match=r"statement: expected one of identity, A3\.1"):
        find("7.1")


def test_the_summary_fits_eighty_columns(inputs, options):
    findings = [statement.check(inputs, options) for statement in STATEMENTS]
    rows = summary(findings)
    assert len(rows) == 13
    assert list(rows[0]) == ["statement", "digits", "margin", "behind it"]
    widths = [max(len(row[key]) for row in [*rows, {key: key for key in rows[0]}]) for key in rows[0]]
    assert sum(widths) + 2 * len(widths) + 11 <= 80  # with one more column of verdicts
    assert not nothing_held(findings)
    assert nothing_held([])


def test_the_report_holds_everything(inputs, options, tmp_path):
    findings = [find(number).check(inputs, options) for number in ("3.2", "4.6", "3.3")]
    page = write_report(findings, tmp_path, command="fa-ref verify --seed 0", seed=0, steps=60).read_text()
    for word in (
        "fa-ref verify --seed 0",
        "seed 0",
        "<math",
        "data:image/svg+xml",
        "errata 9, 13",
        'download="4-6',
    ):
        assert word in page
    assert "http" not in page.replace("http://www.w3.org", "")
    json.dumps([finding.to_dict() for finding in findings], allow_nan=False)


def test_a_dossier_gathers_what_is_known(inputs):
    found = dossier(find("3.2"), [inputs], Options(steps=40, draws=8), command="fa-ref theorem 3.2")
    titles = [part.title for part in found.parts]
    assert titles == [
        "Hypotheses, digits", "The numbers behind it", "Where the proof loses, digits",
        "What breaks when a hypothesis is dropped", "Errata, each with its counterexample", "Negative control",
        "Reproduce it",
    ]  # fmt: skip
    assert [row["erratum"] for row in found.parts[4].rows] == ["1", "4", "5"]
    assert len(found.parts[3].rows) == 8
    assert all(float(row["bound / observed"]) >= 1.0 for row in found.parts[2].rows)
    json.dumps(found.to_dict(), allow_nan=False)


def test_text_is_escaped_and_formulas_are_not():
    shown = mathematics("a < b, $\\gamma < 1$")
    assert "a &lt; b" in shown
    assert "<math" in shown


def test_a_dossiers_python_can_be_pasted(capsys):
    data = [gaussian(np.random.default_rng(2), n=4, d=8)]
    found = dossier(find("A3.1"), data, Options(seed=2, draws=3, steps=7), command="fa-ref theorem A3.1")
    code = (
        found.parts[-1]
        .code.replace("default_rng(2)", "default_rng(2), n=4, d=8")
        .removeprefix("fa-ref theorem A3.1")
    )
    exec(compile(code, "dossier", "exec"), {})
    assert str(found.findings[0]) in capsys.readouterr().out


def test_a_large_table_gets_fewer_draws_and_says_so(inputs, options):
    found = find("3.2").check(inputs, Options(steps=60, evaluations=5 * 1600 * 60 * 6))
    assert found.confidence == "0 of 6 draws fail; 26 more would decide"
    assert find("3.2").check(inputs, Options(steps=60, evaluations=1.0)).probability.draws == 4
    assert find("4.3").check(inputs, Options(steps=60, evaluations=1.0)).probability.draws == 32  # linear: quick


def test_alignment_is_judged_on_samples_spread_over_a_tall_table():
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.standard_normal((20, 20)))[0][:, :12]
    problem = Problem(X, np.repeat([1.0, -1.0], 10))  # sorted by its targets, as tables are
    tall = Inputs(name="tall", linear=problem, nonlinear=problem)
    finding = find("4.1").check(tall, Options(steps=20))
    assert "12 of the 20 rows" in finding.where
    judged = finding.runs[0].setting.problem
    assert judged.n == 12
    assert set(judged.y) == {1.0, -1.0}


class TestTheoremA:
    """On every run with a penalty."""

    def test_every_run_of_three_theorems_is_judged(self, inputs, options):
        rows = list(verify([find(number) for number in ("4.2", "4.3", "4.6", "A")], [inputs], options))
        assert rows[-1].confidence == "99 runs"
        assert {f.probability.draws for f in rows[:-1]} == {32}
        alone = find("A").check(inputs, options)  # nothing was drawn before: the same runs again
        assert alone.confidence == "99 runs"
        assert alone.slack == rows[-1].slack

    def test_a_later_run_that_fails_turns_the_row_red(self, inputs, options):
        rng, law = np.random.default_rng(0), find("4.3").law(inputs, options)
        watched = Watched()
        for k in range(3):
            run = law(rng)
            if k == 2:
                measures = run.measures | {"beta_norm": 2.0 * run.measures["beta_norm"]}
                run = dataclasses.replace(run, measures=measures)
            watched("4.3", inputs.name, run)
        row = watched.rows["4.3", inputs.name]
        assert (row.runs, row.verdict.status) == (3, "violated")
        watched.rows |= {("4.2", inputs.name): None, ("4.6", inputs.name): None}
        found = find("A").check(inputs, dataclasses.replace(options, watch=watched))
        assert (found.status, found.confidence) == ("violated", "3 runs")


def test_targets_too_large_for_any_width_at_hand_violate_nothing():
    rng = np.random.default_rng(3)
    problem = Problem(rng.standard_normal((12, 40)), 1e4 * rng.standard_normal(12))
    huge = Inputs(name="huge", linear=problem, nonlinear=problem)
    finding = find("movement").check(huge, Options())
    assert finding.status in ("holds", "undecided")
    assert finding.status == "holds" or "these networks are not wide" in finding.remarks[0]
    assert _wide(problem, 1600)[0] == "undecided"
    convergence = find("4.3").check(huge, Options())
    assert convergence.status == "undecided"
    assert "these networks are not wide" in convergence.remarks[0]
    assert "try --p" not in convergence.remarks[0]  # four times the width would not do
    assert _wide(Problem(np.eye(4), np.ones(4)), 1600) == ("violated", ())


def test_the_width_that_theorem_4_6_is_said_to_need_is_one_that_shows_it():
    rng = np.random.default_rng(1)
    problem = Problem(rng.standard_normal((4, 12)), rng.standard_normal(4))
    data = Inputs(name="few", linear=problem, nonlinear=problem)
    narrow = find("4.6").check(data, Options(width=400, draws=6))
    assert narrow.status == "undecided"
    said = re.search(r"--p (\d+) would show it", narrow.remarks[-1])
    assert said, narrow.remarks
    assert "try --p" not in " ".join(narrow.remarks)
    wide = find("4.6").check(data, Options(width=int(said[1]), draws=12))
    assert wide, wide.remarks
