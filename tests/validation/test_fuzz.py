"""Readers of certificates, counterexamples, runs and cells against bytes: what they hold, or one clear error."""

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, train
from tests.fa_ref.data.test_fuzz import attack, attack_for_long
from theory.certificates import from_state
from theory.certificates.checker.reading import read
from theory.certificates.record import StateCertificate
from validation.experiments.sweeps.sweep import Sweep
from validation.search import Counterexample


def draw(cell, rng):
    return [{"p": cell["p"], "x": float(rng.random())}], "gram"


SWEEP = Sweep("fuzz", draw, [{"p": 3}])


def cell(path):
    """Read what is kept of a sweep: what is damaged there counts as missing."""
    kept = SWEEP.path(SWEEP.cells[0], path.parent)
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(path.read_bytes())
    if SWEEP.result(SWEEP.cells[0], path.parent) is None:
        raise ValueError("missing")


READERS = {
    "certificate": StateCertificate.load, "certificate, checked": read, "counterexample": Counterexample.load,
    "run": Trajectory.load, "cell": cell,
}  # fmt: skip


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """A whole file of each kind."""
    folder, rng = tmp_path_factory.mktemp("whole"), np.random.default_rng(0)
    problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(400, 2, rng)
    from_state(Setting(problem, network, "tanh", eta=0.1), rigorous=True).save(folder / "certificate")
    small = Setting(problem, Network.gaussian(3, 2, rng), "tanh", eta=0.1)
    run = train(small, steps=3)
    run.save(folder / "run")
    Counterexample(claim="Theorem 3.2", setting=small, steps=3, failing="(3.1)", evaluations=5,
                   residuals=run.residuals).save(folder / "counterexample")  # fmt: skip
    SWEEP.run(folder / "sweep")
    whole = SWEEP.path(SWEEP.cells[0], folder / "sweep").read_bytes()
    files = {path.stem: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return files | {"certificate, checked": files["certificate"], "cell": whole}


@pytest.mark.parametrize("kind", READERS)
def test_readers_survive_any_bytes(tmp_path, seeds, kind):
    attack(READERS[kind], [seeds[kind]], tmp_path / "file.npz")


@pytest.mark.nightly
@pytest.mark.parametrize("kind", READERS)
def test_readers_survive_any_bytes_for_long(tmp_path, seeds, kind):
    attack_for_long(READERS[kind], [seeds[kind]], tmp_path / "file.npz")
