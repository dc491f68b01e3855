"""`kill -9` at any moment: no half file under a final name, and no proof beside what it does not speak of."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, train
from fa_ref._support.storage import read_npz
from theory.certificates.from_state import from_state
from validation.commands.certify import CERTIFICATE, NETWORK, PROBLEM, _save
from validation.experiments.sweeps import Sweep

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

ROOT = Path(__file__).parents[3]


def killed(work, seconds):
    """Run ``work`` in a forked copy of this process, kill it after so many seconds, and say if it still ran."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def whole(folder):
    """Read every file under a final name; raises if one is not complete. Returns how many there were."""
    final = [path for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith(".")]
    for path in final:
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix == ".csv":
            assert path.read_text("utf-8").endswith("\n")
        elif path.name == NETWORK:
            Network.load(path)
        elif path.name == PROBLEM:
            read_npz(path, ("X", "y"))
        else:
            raise AssertionError(path)
    return len(final)


def large(cell, rng):
    """A cell whose file takes longer to write than to compute."""
    return [{"x": x} for x in rng.standard_normal(1000).tolist()], "numpy"


def test_a_sweep_killed_twenty_times_leaves_whole_cells_and_the_same_table(tmp_path):
    sweep = Sweep("killed", large, [{"run": run} for run in range(60)])
    straight = sweep.run(tmp_path / "straight")
    clock, cut, seen = random.Random(0), 0, 0
    for _ in range(20):
        cut += killed(lambda: sweep.run(tmp_path / "killed"), clock.uniform(0.0, 0.02))
        seen = max(seen, whole(tmp_path / "killed"))
    assert cut > 5
    assert sweep.run(tmp_path / "killed").equals(straight)
    assert whole(tmp_path / "killed") == 61 >= seen


def certified(seed):
    """A certified network with its problem and proof; large enough that writing takes a while."""
    rng = np.random.default_rng(seed)
    problem = Problem(rng.normal(size=(3, 40)) / 6, rng.normal(size=3))
    start = Setting(problem, Network.gaussian(1000, 40, rng), "tanh", eta=0.5)
    trained = start.replace(network=train(start, steps=300).network)
    return from_state(trained), problem, trained.start


def test_a_certificate_killed_twenty_times_is_whole_or_not_there(tmp_path):
    """Two proofs are saved in turn; whatever is found is complete, and a proof never fits the other's network."""
    check = pytest.importorskip("theory.certificates.checker").check
    pytest.importorskip("flint", reason="the checker needs python-flint (extra: rigorous)")
    pair, clock, cut = [certified(seed) for seed in (0, 1)], random.Random(1), 0
    assert all(proof for proof, *_ in pair)

    def save():
        for k in range(10_000):
            _save(tmp_path, *pair[k % 2])

    _save(tmp_path, *pair[0])
    for _ in range(20):
        cut += killed(save, clock.uniform(0.0, 0.03))
        assert whole(tmp_path) == 3
        X_y, network = read_npz(tmp_path / PROBLEM, ("X", "y")), Network.load(tmp_path / NETWORK)
        record = json.loads((tmp_path / CERTIFICATE).read_text("utf-8"))
        fits = any(
            (record["network"], record["problem"]) == (proof.network, proof.problem)
            and network.digest() == proof.network
            and bool((X_y["y"] == problem.y).all())
            for proof, problem, _ in pair
        )
        assert bool(check(tmp_path / CERTIFICATE, Problem(**X_y), network)) == fits
    assert cut == 20
    _save(tmp_path, *pair[1])
    assert check(tmp_path / CERTIFICATE, *pair[1][1:])


@pytest.mark.nightly
def test_the_command_killed_twenty_times(tmp_path):
    sizes = {"n": 3, "d": 6, "p": 400, "ridge": 0.3, "cutoff": 100, "steps": 400}
    words = ["certify", *(f"--{name}={value}" for name, value in sizes.items()), "--out"]
    command = [sys.executable, "-m", "validation.commands.cli", *words, str(tmp_path / "proof")]
    begun = time.monotonic()
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
    length, clock, cut = time.monotonic() - begun, random.Random(2), 0
    for _ in range(20):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(clock.uniform(0.3, 1.05) * length)
        cut += process.poll() is None
        process.kill()
        process.wait(60)
        assert whole(tmp_path / "proof") == 3
        checked = [*command[:3], "certify", "--check", str(tmp_path / "proof")]
        assert (
            subprocess.run(checked, cwd=ROOT, capture_output=True).returncode == 0
        )  # the same seed, the same proof
    assert cut > 5
