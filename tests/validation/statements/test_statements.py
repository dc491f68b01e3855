"""Every statement of the paper is found to hold in its regime, and its negative control turns its row red."""

import json

import numpy as np
import pytest

from fa_ref import Problem
from validation.report.page import mathematics, write_report
from validation.report.table import nothing_held, summary
from validation.statements import STATEMENTS, Options, dossier, find
from validation.statements.inputs import Inputs, gaussian


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
