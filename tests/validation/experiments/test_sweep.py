"""Sweeps keep what is finished, and give the same table whoever computes it and however often they are killed."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from validation.experiments.sweeps import Estimate, Sweep, cell_rng, provenance, workers
from validation.experiments.sweeps import sweep as module

ROOT = Path(__file__).parents[3]


def draw(cell, rng):
    """A cell of known length: its first number, and the mean of all of them."""
    numbers = rng.standard_normal(cell["n"])
    if cell.get("wait"):
        time.sleep(cell["wait"])
    return [{"first": float(numbers[0]), "mean": float(numbers.mean())}], "numpy"


def cells(runs=4, sizes=(3, 30), **more):
    return [{"n": n, "run": run, **more} for n in sizes for run in range(runs)]


def test_a_cell_draws_from_its_own_identity(tmp_path):
    few, many = Sweep("a", draw, cells(2)[::-1]), Sweep("a", draw, cells(5))
    key = ["n", "run"]
    few_table = few.run(tmp_path / "few").set_index(key)
    many_table = many.run(tmp_path / "many").set_index(key)
    assert few_table.equals(many_table.loc[few_table.index])
    for (n, run), row in many_table.iterrows():
        assert row["first"] == cell_rng("a", {"n": n, "run": run}, 0).standard_normal()
    assert many_table["first"].nunique() == 10


def test_name_seed_and_parameters_are_the_identity():
    base = cell_rng("a", {"n": 1, "run": 0}, 0).random()
    others = (("b", {"n": 1, "run": 0}, 0), ("a", {"n": 2, "run": 0}, 0), ("a", {"n": 1, "run": 0}, 1))
    assert all(cell_rng(*other).random() != base for other in others)


def test_a_second_run_computes_nothing(tmp_path):
    calls = []

    def count(cell, rng):
        calls.append(cell["run"])
        return draw(cell, rng)

    sweep = Sweep("a", count, cells(3, sizes=(5,)))
    first = sweep.run(tmp_path)
    assert sweep.run(tmp_path).equals(first)
    assert len(calls) == 3
    sweep.run(tmp_path, resume=False)
    assert len(calls) == 6


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", "null", '{"version": "0"}', "half", "[" * 100_000, {"rows": None}, {"rows": [1]}, {"engine": 3},
     {"code": "0" * 16}, {"seed": 1}, {"cell": {}}],
)  # fmt: skip
def test_a_damaged_or_foreign_result_is_computed_again(tmp_path, damage):
    sweep = Sweep("a", draw, cells(2))
    whole = sweep.run(tmp_path)
    victim = sweep.path(sweep.cells[0], tmp_path)
    content = victim.read_text()
    if isinstance(damage, dict):
        victim.write_text(json.dumps(json.loads(content) | damage))
    else:
        victim.write_text(content[:40] if damage == "half" else damage)
    assert sweep.missing(tmp_path) == [sweep.cells[0]]
    assert sweep.run(tmp_path).equals(whole)


COUNT = """
import sys
from validation.experiments.sweeps import Sweep
from work import draw

sweep = Sweep("a", draw, [{"n": n} for n in range(3)])
print(len(sweep.missing(sys.argv[1])))
sweep.run(sys.argv[1])
"""

WORK = """
def draw(cell, rng):
    return [{"first": float(rng.random())}], "numpy"
"""


def test_a_result_of_other_code_is_computed_again(tmp_path):
    for name in ("fa_ref", "theory", "validation"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "count.py").write_text(COUNT)
    (tmp_path / "work.py").write_text(WORK)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}

    def missing():
        command = [sys.executable, "count.py", "kept"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert [missing(), missing()] == [3, 0]
    for edited in ("fa_ref/loops.py", "work.py"):
        path = tmp_path / edited
        path.write_text(path.read_text() + "\n# The same numbers, but who knows?\n")
        assert missing() == 3, edited


def test_every_module_of_the_package_counts():
    names = [name for name, _ in provenance.package_sources()]
    for expected in ("fa_ref/loops.py", "theory/limits/linear.py", "validation/experiments/synthetic.py"):
        assert expected in names
    assert len(set(names)) == len(names)
    assert len(names) == sum(1 for room in ("fa_ref", "theory", "validation") for _ in (ROOT / room).rglob("*.py"))


def test_the_digest_depends_on_names_and_texts_and_not_on_line_ends(tmp_path):
    def digest(**texts):
        for name, text in texts.items():
            (tmp_path / name).write_bytes(text)
        return provenance.digest_of_sources((name, tmp_path / name) for name in texts)

    base = digest(a=b"x\ny\n", b=b"z\n")
    assert digest(a=b"x\r\ny\r\n", b=b"z\n") == base
    others = [{"a": b"x\ny\n", "b": b"Z\n"}, {"a": b"x\n", "b": b"y\nz\n"}, {"a": b"x\ny\n", "c": b"z\n"},
              {"a": b"x\ny\nz\n", "b": b""}, {"a": b"x\ny\n"}]  # fmt: skip
    assert len({base, *(digest(**texts) for texts in others)}) == 1 + len(others)


def test_code_that_changes_while_a_sweep_runs_is_an_error(tmp_path, monkeypatch):
    codes = iter(["new"] + ["old"] * 99)
    monkeypatch.setattr(module, "code_digest", lambda _: next(codes))
    with pytest.raises(RuntimeError, match="code: expected the same in all workers"):
        Sweep("a", draw, cells(1, sizes=(3,))).run(tmp_path, resume=False)


def test_two_sweeps_may_share_a_folder(tmp_path):
    """What one is writing the other leaves alone; what a killed one left an hour ago goes."""
    sweep = Sweep("a", draw, cells(1))
    sweep.run(tmp_path)
    fresh, old = (tmp_path / "cells" / f".{name}.json.x" for name in ("fresh", "old"))
    for path in (fresh, old):
        path.write_text("half")
    os.utime(old, (0, time.time() - 4000))
    sweep.run(tmp_path)
    assert fresh.exists()
    assert not old.exists()


def test_what_finished_before_a_failure_is_kept(tmp_path):
    def fail(cell, rng):
        if cell["run"] == 2:
            raise RuntimeError("this cell fails")
        return draw(cell, rng)

    sweep = Sweep("a", fail, cells(4, sizes=(3,)))
    with pytest.raises(RuntimeError, match="this cell fails"):
        sweep.run(tmp_path)
    assert [cell["run"] for cell in sweep.missing(tmp_path)] == [2, 3]
    assert not (tmp_path / "a.csv").exists()


def test_the_table_is_tidy_and_survives_text(tmp_path):
    table = Sweep("a", draw, cells(2), seed=7).run(tmp_path)
    assert list(table.columns)[:6] == ["experiment", "n", "run", "first", "mean", "seed"]
    assert list(table.columns)[6:] == ["engine", "version", "code"]
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in rows] == table["mean"].tolist()
    assert {(row["experiment"], row["seed"], row["engine"]) for row in rows} == {("a", "7", "numpy")}


def test_progress_counts_to_the_end_and_the_dearest_cell_comes_first(tmp_path):
    seen, order = [], []

    def note(cell, rng):
        order.append(cell["n"])
        return draw(cell, rng)

    sweep = Sweep("a", note, cells(1, sizes=(1, 9, 4)), cost=lambda cell: cell["n"])
    sweep.run(tmp_path, progress=lambda done, total, left: seen.append((done, total, left)))
    assert order == [9, 4, 1]
    assert [(done, total) for done, total, _ in seen] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert np.isnan(seen[0][2])
    assert seen[-1][2] == 0.0


def test_a_dry_run_adds_up_what_is_missing(tmp_path):
    sweep = Sweep("a", draw, cells(2))
    assert sweep.estimate(tmp_path, lambda cell: cell["n"], jobs=2) == Estimate(cells=4, finished=0, seconds=33.0)
    sweep.run(tmp_path)
    assert str(sweep.estimate(tmp_path, lambda cell: cell["n"])) == (
        "4 cells, 4 finished; about 0 s for the other 0"
    )


def test_bad_cells_are_refused():
    with pytest.raises(ValueError, match="expected each cell once"):
        Sweep("a", draw, cells(1) + cells(1))
    with pytest.raises(TypeError, match="expected plain"):
        Sweep("a", draw, [{"n": np.float64(1.0)}])
    with pytest.raises(ValueError, match="cluster: expected"):
        Sweep("a", draw, cells(1)).run(Path(os.devnull).parent, cluster="nonsense://nowhere")


SCRIPT = """
import sys
from validation.experiments.sweeps import Sweep
from tests.validation.experiments.test_sweep import cells, draw

if __name__ == "__main__":
    sweep = Sweep("a", draw, cells(int(sys.argv[2]), sizes=(3, 300), wait=0.05))
    sweep.run(sys.argv[1], jobs=int(sys.argv[3]))
"""


def launch(tmp_path, folder, runs, jobs):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(folder), str(runs), str(jobs)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)


def killed_sweep(tmp_path, kills, runs):
    """Kill a sweep with two workers, all its processes at once, at random moments; then let it end."""
    clock, folder = random.Random(0), tmp_path / "killed"
    for k in range(kills):
        process = launch(tmp_path, folder, runs, jobs=2)
        goal = len(list(folder.glob("cells/*.json"))) + clock.randint(1, max(1, 2 * runs // (2 * kills)))
        if k % 4 == 3:
            goal = 0  # while it starts
        while len(list(folder.glob("cells/*.json"))) < goal and process.poll() is None:
            time.sleep(0.001)
        time.sleep(clock.uniform(0.0, 0.1))
        assert process.poll() is None, "ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert launch(tmp_path, folder, runs, jobs=2).wait(300) == 0


@pytest.mark.parametrize(("kills", "runs"), [(1, 12), pytest.param(10, 100, marks=pytest.mark.nightly)])
def test_a_sweep_that_is_killed_ends_with_the_same_table(tmp_path, kills, runs):
    killed_sweep(tmp_path, kills, runs)
    Sweep("a", draw, cells(runs, sizes=(3, 300), wait=0.05)).run(tmp_path / "straight")
    assert (tmp_path / "killed" / "a.csv").read_bytes() == (tmp_path / "straight" / "a.csv").read_bytes()


def test_one_worker_and_two_give_the_same_table(tmp_path):
    for jobs in (1, 2):
        Sweep("a", draw, cells()).run(tmp_path / str(jobs), jobs=jobs)
    assert (tmp_path / "1" / "a.csv").read_bytes() == (tmp_path / "2" / "a.csv").read_bytes()


@pytest.mark.nightly
def test_a_dask_cluster_gives_the_same_table(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    Sweep("a", draw, cells()).run(tmp_path / "here")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        Sweep("a", draw, cells()).run(tmp_path / "there", cluster=cluster.scheduler_address)
    assert (tmp_path / "here" / "a.csv").read_bytes() == (tmp_path / "there" / "a.csv").read_bytes()


@pytest.mark.nightly
def test_a_cluster_with_other_code_is_refused(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        monkeypatch.setattr(workers, "package_digest", lambda: "0" * 16)
        with pytest.raises(ValueError, match=r"cluster: expected this code of fa-ref \(0+\) everywhere, got"):
            Sweep("a", draw, cells()).run(tmp_path, cluster=cluster.scheduler_address)


class Cluster:
    """Answers as the client of a cluster whose workers have these digests, or nothing to import."""

    def __init__(self, *digests):
        self.digests = digests

    def run_on_scheduler(self, ask, name):
        return ask(name)

    def run(self, ask):
        if not self.digests:
            raise ModuleNotFoundError("No module named 'fa_ref'")
        return dict(enumerate(self.digests))


def test_every_worker_of_a_cluster_needs_this_code():
    here = provenance.package_digest()
    workers.require_this_code(Cluster(here, here))
    with pytest.raises(ValueError, match=r"cluster: expected this code of fa-ref \(.*\) everywhere, got .*beef"):
        workers.require_this_code(Cluster(here, "beef"))
    with pytest.raises(ValueError, match="cluster: expected fa-ref on its scheduler and workers, got No module"):
        workers.require_this_code(Cluster())
