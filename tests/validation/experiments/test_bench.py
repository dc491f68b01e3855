"""The benchmark compares like with like: what it times computes the same residuals, step after step."""

import json
import subprocess
import sys

import numpy as np
import pytest

from fa_ref import Network, Problem, data
from validation.experiments import bench, torch_steps

ETA, STEPS = 0.05, 6


@pytest.fixture(params=bench.ACTIVATIONS)
def case(request, monkeypatch, rng):
    """A problem small enough to be quick, and a step large enough that residuals change in the second digit."""
    monkeypatch.setitem(bench.ETA, request.param, ETA)
    X = data.gaussian_inputs(4, 6, rng)
    return Problem(X, rng.standard_normal(4)), Network.gaussian(30, 6, rng), request.param


def residuals(run):
    return np.array([run(1).tolist() for _ in range(STEPS)])


def check_same(run, reference, dtype):
    """Sums of 30 terms of order one, six times over: some tens of units in the last place of the largest."""
    tolerance = 100 * np.finfo(dtype).eps * np.abs(reference).max()
    np.testing.assert_allclose(residuals(run), reference, rtol=0, atol=tolerance)


def test_every_implementation_takes_the_same_steps(case):
    runs = dict(bench._runners(*case))
    expected = {"ordered", "gram", "numpy", "product"} | ({"reduced"} if case[2] == "identity" else set())
    torch = {"torch by hand", "torch autograd"} if torch_steps.is_installed() else set()
    assert {name for name, _ in runs} == expected | torch
    reference = residuals(runs.pop(("ordered", "float64")))
    assert np.abs(np.diff(reference, axis=0)).max() > 1e-2
    for (name, dtype), run in runs.items():
        if name != "product":
            check_same(run, reference, dtype)


def test_a_run_of_many_steps_is_as_many_runs_of_one(case):
    for (name, dtype), run in bench._runners(*case):
        if name != "product":
            again = dict(bench._runners(*case))[name, dtype]
            for _ in range(STEPS - 1):
                run(1)
            again(STEPS - 1)
            assert again(1).tolist() == run(1).tolist(), name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_implementation_that_differs_is_caught(case, dtype):
    problem, network, activation = case
    reference = residuals(dict(bench._runners(*case))["ordered", "float64"])
    wrong = {
        "a step too long": bench._numpy(problem, network, activation, ETA * 1.01),
        "backpropagation": bench._numpy(problem, Network(network.W, network.beta, network.beta), activation, ETA),
    }
    for run in wrong.values():
        with pytest.raises(AssertionError):
            check_same(run, reference, dtype)


def test_the_command_writes_what_it_prints(tmp_path):
    options = {"--n": 4, "--d": 6, "--widths": 20, "--activations": "relu", "--rounds": 2, "--seconds": 0.001}
    words = [str(word) for pair in options.items() for word in pair]
    command = [
        sys.executable,
        "-m",
        "validation.commands.cli",
        "bench",
        *words,
        "--json",
        str(tmp_path / "out.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["machine"]["threads"] >= 1
    rows = {(row["implementation"], row["dtype"]): row for row in written["rows"]}
    assert {("ordered", "float64"), ("gram", "float32"), ("product", "float32")} <= rows.keys()
    for (name, dtype), row in rows.items():
        assert f"{name} {dtype}" in done.stdout
        assert 0 < row["best"] <= row["median"]
    assert rows["ordered", "float64"]["times_ordered"] == 1.0
    assert "relu, p = 20" in done.stdout
