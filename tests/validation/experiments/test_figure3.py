"""Figure 3 on the bundled digits, on a user's files, and, where they are, on the files it was made from."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from validation.commands.cli import app
from validation.experiments.figure3 import SCHEDULES, _ridge, figure3
from validation.experiments.sweeps import Estimate, SweepOptions

SMALL = {"data": "digits", "p": 60, "epochs": 3, "batch": 100, "eta": 0.05}


def test_the_table_has_every_arm_run_and_epoch(tmp_path):
    outcome = figure3(tmp_path, lambdas=(0.0, 0.1), runs=2, **SMALL)
    table = outcome.table
    assert len(table) == (2 + 1) * 2 * 4
    assert table.groupby(["rule", "lam", "run"]).size().eq(4).all()
    assert table["accuracy"].between(0, 1).all()
    assert table["alignment"].between(-1, 1).all()
    assert set(table["engine"]) == {"classifier-float32"}
    assert all(path.stat().st_size > 0 for path in outcome.files)
    assert outcome.comparison is None
    again = figure3(tmp_path, lambdas=(0.0, 0.1), runs=2, **SMALL)
    assert again.table.equals(table)


def test_a_run_does_not_depend_on_the_other_arms(tmp_path):
    both = figure3(tmp_path / "both", lambdas=(0.0, 0.1), **SMALL).table
    one = figure3(tmp_path / "one", lambdas=(0.1,), backpropagation=False, **SMALL).table
    np.testing.assert_array_equal(one["accuracy"], both.loc[both["lam"] == 0.1, "accuracy"])


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_course_of_lambda_takes_its_horizon_in_epochs(tmp_path, name):
    ridge = _ridge({"schedule": name, "lam": 0.1, "horizon": 2.0, "batch": 100}, m=1437)
    values = ridge.values(40)
    after = {"constant": 0.1, "cutoff": 0.0, "inverse_square": 0.1 / 4, "exponential": 0.1 * np.exp(-1.0)}
    assert values[0] == 0.1
    assert values[30] == pytest.approx(after[name], rel=1e-12)  # two epochs of 15 minibatches
    assert values[29] >= values[30]
    outcome = figure3(tmp_path, lambdas=(0.1,), schedule=name, horizon=2.0, backpropagation=False, **SMALL)
    assert set(outcome.table["schedule"]) == {name}


def test_a_dry_run_computes_nothing(tmp_path):
    estimate = figure3(tmp_path, runs=2, options=SweepOptions(dry_run=True), **SMALL)
    assert isinstance(estimate, Estimate)
    assert (estimate.cells, estimate.finished) == (8, 0)
    assert estimate.seconds > 0
    assert not list(tmp_path.iterdir())


@pytest.fixture
def pair(tmp_path):
    rng = np.random.default_rng(0)
    for name, array in (("x", rng.integers(256, size=(70, 4, 4))), ("y", np.arange(70) % 3)):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(int(s).to_bytes(4, "big") for s in array.shape)
        (tmp_path / name).write_bytes(header + array.astype(np.uint8).tobytes())
    return tmp_path / "x", tmp_path / "y"


def test_the_command_takes_a_users_idx_pair(pair, tmp_path):
    run, out = CliRunner(), str(tmp_path / "out")
    words = ["figure3", "--images", str(pair[0]), "--out", out, "--lambdas", "0", "--epochs", "1"]
    done = run.invoke(app, [*words, "--labels", str(pair[1])])
    assert done.exit_code == 0, done.output
    assert "idx-" in (tmp_path / "out" / "figure3.csv").read_text()
    alone = run.invoke(app, words)
    assert alone.exit_code == 2
    assert "--images and --labels: expected both or none" in alone.output
    both = run.invoke(app, [*words, "--labels", str(pair[1]), "--mnist", "."])
    assert both.exit_code == 2
    assert "--mnist" in both.output
    assert run.invoke(app, [*words, "--labels", str(pair[1])], env={"FA_REF_MNIST": "."}).exit_code == 0


def test_a_users_idx_pair_is_named_by_its_content(pair, tmp_path):
    table = figure3(tmp_path / "out", data=pair, lambdas=(0.0,), p=20, epochs=2, batch=10).table
    assert table["data"].str.fullmatch("idx-[0-9a-f]{12}").all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "linear"}, "schedule: expected one of"),
        ({"data": "letters"}, "data: expected 'digits', the folder of MNIST or two IDX files"),
        ({"data": ("a", "b")}, "data: expected an IDX file"),
        ({"data": "nowhere"}, "data: expected 'digits', the folder of MNIST or two IDX files, got 'nowhere'"),
        ({"data": Path(__file__).parent}, "expected the MNIST file"),
        ({"runs": 0}, "runs: expected an integer >= 1"),
        ({"lambdas": (-0.1,)}, "lambdas: expected a finite number >= 0"),
    ],
)
def test_bad_input_is_refused_by_name(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        figure3(tmp_path, **{**SMALL, **options})


@pytest.mark.nightly
def test_workers_and_clusters_give_the_same_table(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    choices = SMALL | {"p": 300, "lambdas": (0.0, 0.1), "runs": 2}
    tables = [
        figure3(tmp_path / str(jobs), options=SweepOptions(jobs=jobs), **choices).files[0].read_bytes()
        for jobs in (1, 2)
    ]
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        tables.append(
            figure3(tmp_path / "dask", options=SweepOptions(cluster=address), **choices).files[0].read_bytes()
        )
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.nightly
def test_five_epochs_of_mnist_are_as_published(tmp_path, mnist_folder):
    if mnist_folder is None:
        pytest.skip("MNIST's files are not here; FA_REF_MNIST names their folder")
    outcome = figure3(tmp_path, data=mnist_folder, lambdas=(0.0, 0.1), runs=3, epochs=5, backpropagation=False)
    # Means of three runs, within 3 published SD of one: more than 4.5 standard errors of the difference.
    assert outcome.comparison["inside"].all(), outcome.comparison
