"""``fa-ref theory --limits``: tables and JSON of predicted alignment, and one line for a mistake."""

import json
import math
import sys

import numpy as np
import pytest

from fa_ref import Problem
from theory.alignment import no_alignment_coefficient, sharp_constant
from validation.commands import cli


@pytest.fixture
def limits(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["fa-ref", "theory", "--limits", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "X.npy", np.eye(3))
    np.save(tmp_path / "y.npy", [1.0, -1.0, 1.0])
    np.save(tmp_path / "twins.npy", np.ones((3, 2)))
    return tmp_path


def data(files, X="X.npy"):
    return ("--X", files / X, "--y", files / "y.npy", "--json", files / "out.json")


def test_without_ridge_the_law_is_printed_at_every_width(limits, files):
    status, out, _ = limits(
        *data(files), "--activation", "tanh", "--eta", 0.5, "--times", "20,inf", "--widths", "5,800"
    )
    assert status == 0
    record = json.loads((files / "out.json").read_text())["limits"]
    law = no_alignment_coefficient(Problem(np.eye(3), [1.0, -1.0, 1.0]), "tanh", eta=0.5)
    rows = {(row["p"], row["t"]): row for row in record["alignment"]}
    assert rows[None, "inf"]["scaled"] == pytest.approx(law, rel=1e-12)
    assert rows[800, "inf"]["alignment"] == pytest.approx(law / 800, rel=1e-12)
    assert rows[5, "inf"]["alignment"] is None
    assert f"{law:.4f}" in out
    assert "not applicable: p = 5, t = 20, inf: movement of W" in out


def test_with_ridge_a_linear_problem_has_the_sharp_constant(limits, files):
    status, out, _ = limits(*data(files), "--activation", "identity", "--eta", 0.1, "--ridge", 3, "--budget", 5,
                            "--theta", "2,10", "--widths", "400")  # fmt: skip
    assert status == 0
    record = json.loads((files / "out.json").read_text())["limits"]
    assert [(row["p"], row["t"]) for row in record["alignment"]] == [(None, None)] * 2 + [(400, 40), (400, 200)]
    constant = sharp_constant(3.0, 5.0, 1.0)
    assert record["cutoff"]["constant"] == pytest.approx(constant, rel=1e-12)
    assert f"{constant:.4f}" in out
    assert "sharp" in out  # the heading may be folded
    assert "5 (not proved)" in out


def test_a_constant_penalty_says_when_linear_networks_become_unstable(limits, files):
    status, out, _ = limits(*data(files), "--activation", "identity", "--eta", 0.1, "--ridge", 1, "--theta", "2",
                            "--widths", "400")  # fmt: skip
    assert status == 0
    later = json.loads((files / "out.json").read_text())["limits"]["long_run"]
    sigma = math.sqrt(2 / 0.1 - 2)  # X = I₃, so K = γI with γ = 1
    edge = (2 * sigma + sigma**3 / 3) / (0.1 * math.sqrt(3))
    assert later["edge"] == pytest.approx(edge, rel=1e-8)
    assert later["plateau"] == pytest.approx(3 / 8, rel=1e-12)
    assert f"{20 * edge:.6g} steps at p = 400" in out
    assert "seen, not proved" in out
    status, out, _ = limits(
        *data(files), "--activation", "tanh", "--eta", 0.1, "--ridge", 1, "--theta", "2", "--widths", "400"
    )
    assert "the step size remains stable at all times" in out


def test_with_ridge_other_activations_have_no_theorem_4_6(limits, files):
    status, out, _ = limits(*data(files), "--activation", "relu", "--ridge", 0.1, "--theta", "3", "--widths", "400")
    assert status == 0
    assert "p → ∞" in out
    assert "Theorem 4.6: not applicable: ψ is relu" in out


def test_parallel_inputs_get_no_number_at_full_convergence(limits, files):
    status, out, _ = limits(*data(files, "twins.npy"), "--times", "5,inf", "--widths", "800")
    assert status == 0
    rows = json.loads((files / "out.json").read_text())["limits"]["alignment"]
    assert [row["scaled"] is None for row in rows] == [False, False, True, True]
    assert "not applicable: p → ∞, t = inf: γ = 0, not > 0" in out
    status, out, _ = limits(
        *data(files, "twins.npy"), "--activation", "identity", "--ridge", 1, "--eta", 0.05, "--widths", "100"
    )
    assert status == 0
    assert "not applicable: λ_min(K) = " in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--widths", "200,many"], "--widths: expected numbers separated by commas"),
        (["--widths", "0"], "--widths: expected numbers >= 1, got 0"),
        (["--widths", ""], "--widths: expected numbers separated by commas, got ''"),
        (["--times", "1.5"], "--times: expected whole numbers >= 0 or inf, got '1.5'"),
        (["--times", "nan"], "--times: expected whole numbers"),
        (["--theta", "3"], "--theta: expected --times in its place without a penalty"),
        (["--ridge", "1", "--times", "3"], "--times: expected --theta in its place with a penalty"),
        (["--ridge", "1", "--theta", "-3"], "--theta: expected numbers >= 0"),
        (["--ridge", "1", "--theta", "1e9"], "--theta: expected θ√p ≤ 10000000 steps"),
        (["--ridge", "-1"], "ridge: expected a finite number >= 0"),
        (["--ridge", "1", "--budget", "0"], "budget: expected a finite number > 0"),
        (["--eta", "0"], "eta: expected a finite number > 0"),
        (["--observe", "3"], "--observe: expected none with --limits"),
    ],
)
def test_mistakes_end_with_one_line(limits, files, words, message):
    status, _, err = limits(*data(files), *words)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert not (files / "out.json").exists()


def test_what_is_not_limits_is_as_before(limits, files, monkeypatch):
    assert math.isfinite(limits(*data(files), "--widths", "100")[0])
    monkeypatch.setattr(sys, "argv", ["fa-ref", "theory", *map(str, data(files))])
    with pytest.raises(SystemExit):
        cli.main()
    assert "lines" in json.loads((files / "out.json").read_text())
