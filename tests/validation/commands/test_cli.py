"""The command as a user meets it: exit status, one clear line for a mistake, nothing half written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from theory.margins import Margin
from validation.errata import algorithm
from validation.errata.catalogue import DEMONSTRATIONS
from validation.judge.verdicts import Verdict
from validation.report.junit import of_verdict, write_junit
from validation.statements import STATEMENTS, find, inputs

ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "FA_REF_MNIST"}


def fa_ref(*words, cwd=None):
    command = [sys.executable, "-m", "validation.commands.cli", *map(str, words)]
    root = str(cwd or Path.cwd())
    environment = ENVIRONMENT | {"PYTHONPATH": str(Path.cwd()), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, check=False)


def test_a_mistake_in_a_process_of_its_own(files):
    done = fa_ref("verify", "--X", files / "X.csv", cwd=files)
    assert (done.returncode, done.stderr) == (2, "fa-ref: --X and --y: expected both or none, got --X alone\n")


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "X.csv", rng.standard_normal((4, 6)) / np.sqrt(6), delimiter=",")
    np.save(tmp_path / "y.npy", rng.standard_normal(4))
    return tmp_path


def test_verify_on_a_users_own_data(files):
    done = fa_ref("verify", "--X", files / "X.csv", "--y", files / "y.npy", "--steps", 20,
                  "--report", files / "out", "--json", files / "out.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "0 violated" in done.stdout
    findings = json.loads((files / "out.json").read_text())["findings"]
    assert [finding["statement"] for finding in findings] == [statement.number for statement in STATEMENTS]
    assert {finding["status"] for finding in findings} <= {"holds", "undecided"}
    page = (files / "out" / "report.html").read_text()
    assert page.count("data:text/csv;base64,") >= 10
    assert page.count("data:image/svg+xml;base64,") >= 10
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page refers to something outside itself"
    assert sorted(path.name for path in (files / "out").iterdir()) == ["report.html"]


def test_more_samples_than_dimensions_are_projected_for_the_linear_network(files, call):
    rng = np.random.default_rng(1)
    np.save(files / "X.npy", rng.standard_normal((9, 3)) / np.sqrt(3))
    np.save(files / "y.npy", rng.standard_normal(9))
    done = call("verify", "--X", files / "X.npy", "--y", files / "y.npy", "--steps", 20, "--only", "4.3,n > d",
                "--report", files / "out", "--json", files / "out.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {f["statement"]: f for f in json.loads((files / "out.json").read_text())["findings"]}
    assert found["n > d"]["status"] == "holds"
    assert found["4.3"]["status"] == "not applicable"
    assert "n > d" in found["4.3"]["remarks"][0]


def junit(path):
    return {case.get("name"): [child.tag for child in case] for case in ElementTree.parse(path).getroot()}


def test_verify_writes_a_junit_case_for_each_finding(files, call):
    """Passed where it holds, skipped with the reason where nothing is decided, failed where it is violated."""
    np.save(files / "ones.npy", np.ones((4, 4)) / 2)
    data = ("--y", files / "y.npy", "--steps", 5, "--report", files / "out", "--junit", files / "out.xml")
    only = ("--only", "A3.1,3.2,4.3")
    assert call("verify", "--X", files / "X.csv", *data, *only).returncode == 0
    names = ("Assumption 3.1", "Theorem 3.2", "Theorem 4.3")
    assert junit(files / "out.xml") == {f"{name}, your data": ["system-out"] for name in names}
    assert call("verify", "--X", files / "ones.npy", *data, *only).returncode == 1  # nothing was judged
    assert list(junit(files / "out.xml").values()) == [["skipped"]] * 3
    assert ", not &gt; 0" in (files / "out.xml").read_text()
    assert call("verify", "--X", files / "X.csv", *data, "--only", "identity", "--break").returncode == 1
    assert list(junit(files / "out.xml").values()) == [["failure"]]


@pytest.mark.parametrize(
    ("status", "tag"),
    [
        ("holds", "system-out"),
        ("violated", "failure"),
        ("undecided", "skipped"),
        ("not applicable", "skipped"),
        ("diverged", "skipped"),
        ("vacuous", "skipped"),
    ],
)
def test_only_holds_is_a_pass_in_junit(tmp_path, status, tag):
    verdict = Verdict(claim="claim", status=status, hypotheses=(Margin("γ", 0.0, 0.0, ">"),), inequalities=())
    write_junit(tmp_path / "one.xml", [of_verdict("run", verdict)], "suite")
    assert junit(tmp_path / "one.xml") == {"run: claim": [tag]}
    (case,) = ElementTree.parse(tmp_path / "one.xml").getroot()
    assert status in (case[0].get("message") or case[0].text)


def test_errata_writes_a_junit_case_for_each(tmp_path, call, monkeypatch):
    assert call("errata", "--junit", tmp_path / "errata.xml").returncode == 0
    assert list(junit(tmp_path / "errata.xml").values()) == [["system-out"]] * len(DEMONSTRATIONS)
    monkeypatch.setattr(algorithm, "ascend", algorithm.descend)  # the printed sign then holds, and nothing is shown
    assert call("errata", "--junit", tmp_path / "errata.xml").returncode == 1
    assert [tags for tags in junit(tmp_path / "errata.xml").values() if tags == ["failure"]] == [["failure"]]


def test_duplicate_rows_leave_nothing_judged(files):
    X = np.ones((3, 4)) / 2
    np.save(files / "X.npy", X)
    np.save(files / "y.npy", [1.0, -1.0, 1.0])
    done = fa_ref("verify", "--X", files / "X.npy", "--y", files / "y.npy", "--steps", 5, "--report", files / "out",
                  "--only", "A3.1,3.2,4.2,4.3")  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.count(" n/a ") == 4
    assert "γ certified" in done.stdout
    assert "hint for Assumption 3.1" in done.stdout


def spoil(files, name, content):
    if isinstance(content, str):
        (files / f"{name}.csv").write_text(content)
        return files / f"{name}.csv"
    np.save(files / f"{name}.npy", content)
    return files / f"{name}.npy"


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("1,nan\n2,3\n", [1.0, 1.0], "X: expected finite numbers, got nan"),
        ("1,inf\n2,3\n", [1.0, 1.0], "X: expected finite numbers, got inf"),
        ("1,2\nthree,4\n", [1.0, 1.0], "X: expected numbers, got 'three,4'"),
        ("", [1.0, 1.0], "X: expected at least one entry"),
        ([[1.0, 2.0]], [1.0, 1.0], "y: expected 1 targets"),
        ([1.0, 2.0], [1.0, 1.0], "X: expected an array with 2 axes"),
        ([["a"]], [1.0], "X: expected real numbers"),
    ],
)
def test_bad_data_end_with_one_line_and_status_2(tmp_path, call, X, y, message):
    done = call(
        "verify", "--X", spoil(tmp_path, "X", X), "--y", spoil(tmp_path, "y", y), "--report", tmp_path / "out"
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "--X", "X.csv"], "--X and --y: expected both or none"),
        (["verify", "--mnist", "nowhere"], "train-images-idx3-ubyte"),
        (["verify", "--X", "X.csv", "--y", "y.npy", "--mnist", "."], "--mnist cannot be combined with --X and --y"),
        (["verify", "--json", "nowhere/out.json"], "--json: expected a file in a folder that exists"),
        (["verify", "--junit", "nowhere/out.xml"], "--junit: expected a file in a folder that exists"),
        (["errata", "--junit", "nowhere/out.xml"], "--junit: expected a file in a folder that exists"),
        (["verify", "--report", "X.csv/sub"], "--report: expected a folder that can be written to"),
        (["verify", "--X", "gone.csv", "--y", "y.npy"], "--X: expected a file, got gone.csv"),
        (["train", "--eta", "0"], "--eta: expected a finite number > 0, got 0.0"),
        (["train", "--eta", "nan"], "eta: expected a finite number > 0"),
        (["train", "--ridge", "-1"], "--ridge: expected a finite number >= 0, got -1.0"),
        (["train", "--ridge", "1", "--eta", "1"], "ridge: expected eta * lambda(t) < 1, got 1"),
        (["train", "--activation", "tan"], "activation: expected one of"),
        (["train", "--p", "100000000000"], "got one that needs"),
        (["train", "--steps", "1000000000000", "--n", "3", "--d", "3", "--p", "5"], "fits in memory"),
        (["train", "--n", "100000", "--d", "10000000", "--p", "5"], "fits in memory"),
        (["train", "--out", "nowhere/run.csv"], "--out: expected a file in a folder that exists"),
        (["certify", "--check", "."], "--check: expected a folder with certificate.json"),
        (
            ["certify", "--n", "2", "--d", "2", "--p", "2", "--ridge", "1"],
            "--cutoff: expected a step before --steps",
        ),
        (["verify", "--only", "9.9"], "--only: expected one of identity, A3.1"),
        (["theorem", "9.9"], "NUMBER: expected one of identity, A3.1"),
        (
            ["figure3", "--mnist", "nowhere"],
            "--mnist: expected 'digits', the folder of MNIST or two IDX files, got",
        ),
        (["figure2", "--dtype", "float16"], "--dtype: expected one of float64, float32, got 'float16'"),
        (["bench", "--activations", "relu,foo"], "--activations: expected some of identity, relu, tanh, got 'foo'"),
        (["bench", "--widths", "0"], "--widths: expected an integer >= 1, got 0"),
        (["bench", "--seconds", "0"], "--seconds: expected a finite number > 0, got 0.0"),
        (["train", "--p", "0"], "Invalid value for '--p'"),
        (["train", "--steps", "many"], "Invalid value for '--steps'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_mistakes_end_with_status_2_and_no_traceback(files, call, monkeypatch, words, message):
    monkeypatch.chdir(files)
    done = call(*words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_train_prints_and_writes(files):
    done = fa_ref("train", "--X", files / "X.csv", "--y", files / "y.npy", "--p", 100, "--steps", 30,
                  "--out", files / "run.csv", "--json", files / "run.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "completed, engine" in done.stdout
    lines = (files / "run.csv").read_text().splitlines()
    assert lines[0].startswith("step,loss,")
    assert len(lines) == 32
    assert json.loads((files / "run.json").read_text())["status"] == "completed"


def test_certify_proves_saves_and_checks(files, call):
    pytest.importorskip("flint", reason="the checker needs python-flint (extra: rigorous)")
    words = ("certify", "--n", 4, "--d", 8, "--p", 300, "--out", files / "proof", "--json", files / "proof.json")
    done = call(*words)
    assert done.returncode == 0, done.stderr
    facts = json.loads((files / "proof.json").read_text())
    assert facts["certified"] is True
    assert 0 < facts["proved rate a"] <= facts["observed rate, slowest step"]
    assert call("certify", "--check", files / "proof").returncode == 0
    certificate = files / "proof" / "certificate.json"
    record = json.loads(certificate.read_text())
    record["rate"] *= 1.01
    certificate.write_text(json.dumps(record))
    refused = call("certify", "--check", files / "proof")
    assert refused.returncode == 1
    assert "refused" in refused.stdout


def test_certify_says_when_there_is_no_proof(files, call):
    """Duplicate inputs: λ_min is 0, nothing is certified, and the failing condition is named."""
    np.save(files / "X.npy", np.ones((2, 3)))
    np.save(files / "y2.npy", [1.0, -1.0])
    done = call("certify", "--X", files / "X.npy", "--y", files / "y2.npy", "--p", 100, "--steps", 40)
    assert done.returncode == 1
    assert re.search(r"λ_min\(A\).*no", done.stdout)


def test_certify_and_theory_survive_zero_inputs(files, call):
    np.save(files / "X.npy", np.zeros((2, 3)))
    np.save(files / "y2.npy", [1.0, -1.0])
    data = ("--X", files / "X.npy", "--y", files / "y2.npy")
    assert call("certify", *data, "--p", 50, "--steps", 5).returncode == 1
    said = call("theory", *data).stdout
    assert "nan" not in said
    assert re.search(r"p\* +none .*no width", said)
    assert "hint: X[0] is zero" in said


def test_theory_keeps_proved_and_observed_apart(files, call):
    done = call("theory", "--n", 2, "--d", 4, "--observe", 2, "--observe-width", 100, "--steps", 50,
                "--json", files / "theory.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads((files / "theory.json").read_text())
    assert {line["kind"] for line in record["lines"]} == {"problem", "proved"}
    assert [row[""] for row in record["observed"]] == ["c₁", "c₂", "c"]
    assert "p*" in done.stdout


def test_file_names_are_no_markup(files, call):
    odd = files / "X[red].npy"
    np.save(odd, np.eye(3)[:, :3] / 2)
    np.save(files / "y3.npy", [1.0, -1.0, 1.0])
    words = ("--steps", 2, "--report", files / "out", "--only", "A3.1")
    assert call("verify", "--X", odd, "--y", files / "y3.npy", *words).returncode == 0
    assert "X[red].npy" in (files / "out" / "report.html").read_text()


def test_a_report_folder_keeps_what_was_in_it(files, call):
    (files / "out").mkdir()
    (files / "out" / ".writable").write_text("mine")
    words = ("--steps", 2, "--report", files / "out", "--only", "A3.1")
    call("verify", "--X", files / "X.csv", "--y", files / "y.npy", *words)
    assert (files / "out" / ".writable").read_text() == "mine"


def test_divergence_is_a_result(files):
    done = fa_ref("train", "--n", 4, "--d", 5, "--p", 20, "--activation", "identity", "--eta", 100, "--ridge", 0)
    assert done.returncode == 0
    assert re.search(r"diverged at step \d+", done.stdout)


def test_a_violation_ends_with_status_1(files, call):
    """Negative control: every statement's own."""
    words = ("--steps", 20, "--report", files / "out", "--only", "identity,4.3", "--break")
    done = call("verify", "--X", files / "X.csv", "--y", files / "y.npy", *words)
    assert done.returncode == 1
    assert done.stdout.count(" VIOLATED ") == 2
    assert "Theorem 4.3, your data: negative control: the residual has the printed sign" in done.stdout
    assert "2 negative controls: 2 violated as they must be, 0 hold\n" in done.stdout
    assert "no row may hold" in (files / "out" / "report.html").read_text()


def test_an_interrupt_keeps_what_was_found_and_says_how_to_go_on(files, call, monkeypatch):
    data = ("--X", files / "X.csv", "--y", files / "y.npy", "--steps", 5, "--report", files / "out")

    def interrupt(self, inputs, options):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(find("n > d")), "check", interrupt)
    done = call("verify", *data, "--only", "A3.1,n > d,4.5", "--json", files / "out.json")
    assert done.returncode == 130
    assert "1 judged: 1 hold" in done.stdout
    assert "what was found is kept in " in done.stderr
    assert "to go on: --only 'n > d,4.5'" in done.stderr
    assert "Interrupted: " in (files / "out" / "report.html").read_text()
    record = json.loads((files / "out.json").read_text())
    assert (record["complete"], len(record["findings"])) == (False, 1)
    done = call("verify", *data, "--only", "n > d")
    assert (done.returncode, done.stdout.count("judged")) == (130, 0)
    assert "no statement was finished, and nothing was written" in done.stderr


def test_the_same_seed_gives_the_same_table(files, call):
    words = ("verify", "--X", files / "X.csv", "--y", files / "y.npy", "--steps", 5, "--report", files / "out",
             "--only", "4.3,identity")  # fmt: skip
    tables = [call(*words, "--seed", seed).stdout for seed in (3, 3, 4)]
    assert tables[0] == tables[1] != tables[2]


@pytest.mark.parametrize("words", [["--help"], ["verify", "--help"]])
def test_help_does_not_load_the_compiler(words):
    """Help is quick because nothing heavy is imported; time itself is too noisy to test."""
    script = (
        "import sys\nfrom validation.commands import cli\n"
        f"sys.argv = ['fa-ref', *{words}]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numba', 'numpy', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_the_default_inputs_are_the_papers(mnist_folder):
    gaussian, digits = inputs.gaussian(np.random.default_rng(0)), inputs.digits()
    assert (gaussian.n, gaussian.d, digits.n, digits.d) == (50, 150, 50, 64)
    assert np.allclose(np.linalg.norm(digits.linear.X, axis=1), 1.0)
    assert set(digits.linear.y) == {-1.0, 1.0}
    if mnist_folder is not None:
        assert inputs.mnist(mnist_folder).d == 784


def test_a_dossier_in_every_form(files, call):
    words = ("--draws", 8, "--steps", 20, "--X", files / "X.csv", "--y", files / "y.npy")
    done = call("theorem", "4.3", *words, "--html", files / "d.html", "--json", files / "d.json")
    assert done.returncode == 0, done.stderr
    for part in ("as printed", "Hypotheses", "Where the proof loses", "Negative control", "Reproduce it"):
        assert part in done.stdout
    assert not set("\\{}$") & set(done.stdout.split("Reproduce it")[0])  # no LaTeX in a terminal
    assert json.loads((files / "d.json").read_text())["statement"] == "4.3"
    assert "Where the proof loses" in (files / "d.html").read_text()
    assert call("theorem", "9.9").returncode == 2


def test_statements_are_listed(call):
    done = call("verify", "--list")
    assert done.returncode == 0
    assert all(statement.number in done.stdout for statement in STATEMENTS)
