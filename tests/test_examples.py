"""The examples of the pages run as a user would run them, and fail when what they test is broken."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, train
from validation import theorem_3_2

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def python(*words, cwd):
    words = [sys.executable, *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, cwd=cwd, check=False)


def run_project(folder, change=lambda source: source):
    """The example's own suite, in a folder of its own, after a change to the trainer."""
    shutil.copy(EXAMPLES / "test_my_trainer.py", folder)
    (folder / "my_trainer.py").write_text(change((EXAMPLES / "my_trainer.py").read_text()))
    words = ("-m", "pytest", "-q", "--hypothesis-seed=0", "-p", "no:cacheprovider", f"--junitxml={folder}/out.xml")
    return python(*words, cwd=folder)


def test_the_example_project_passes(tmp_path):
    done = run_project(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert 'failures="0"' in (tmp_path / "out.xml").read_text()


def test_the_example_project_fails_on_a_trainer_with_the_wrong_sign(tmp_path):
    """Negative control: each of its three tests notices, and pytest's JUnit file says so."""

    def flip(source):
        assert source.count("e = psi @ beta / root - y\n        rows.append(e)\n") == 1
        return source.replace("rows.append(e)\n", "rows.append(e)\n        e = -e\n")

    done = run_project(tmp_path, flip)
    assert done.returncode == 1
    assert "3 failed" in done.stdout
    assert 'failures="3"' in (tmp_path / "out.xml").read_text()


def test_the_example_project_is_short_and_shown_as_it_is():
    lines = (EXAMPLES / "test_my_trainer.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30
    page = (ROOT / "docs" / "judge.md").read_text()
    shown = re.findall(r"```\{literalinclude\} examples/(\S+)", page)
    assert sorted(shown) == sorted(path.name for path in EXAMPLES.glob("*.py"))


def test_the_probability_example_runs():
    done = python(EXAMPLES / "probability.py", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("confirmed: 0 failures in 128 draws")
    assert done.stderr == ""  # no bar where there is no terminal


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed; the NumPy twin below is judged")
def test_the_torch_example_runs():
    done = python("-W", "error", EXAMPLES / "torch_run.py", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    words = [re.split(r": |, ", line)[:2] for line in done.stdout.splitlines()]
    assert words == [["float64", "holds"], ["float32", "holds"], ["e = y - f", "undecided"]]


@pytest.mark.parametrize(("sign", "status"), [(1.0, "holds"), (-1.0, "undecided")])
def test_arrays_of_the_example_trainer_are_judged(sign, status, monkeypatch):
    """The PyTorch example's twin in NumPy: foreign arrays hold, and with the sign flipped they do not."""
    monkeypatch.syspath_prepend(EXAMPLES)
    from my_trainer import run

    problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    start = Network.gaussian(4000, 3, np.random.default_rng(0))
    residuals = run(problem.X, problem.y, start.W, start.beta, start.b, sign * 0.1, 200)
    setting = Setting(problem, start, "tanh", eta=0.1)
    verdict = theorem_3_2.judge(Trajectory.recorded(setting, range(201), residuals))
    assert verdict.status == status
    if sign > 0:  # 200 steps of p = 4000 terms, each rounded by 1e-16 relative: far below 1e-9
        ours = train(problem, start, "tanh", eta=0.1, steps=200, engine="loops").residuals
        np.testing.assert_allclose(residuals, ours, rtol=0, atol=1e-9)
