"""Figure 2: the set-up, the stopping rule, the table, and a small cell against the published one."""

import math
from itertools import pairwise

import numpy as np
import pytest

from fa_ref import Network
from validation.experiments import figure2 as module
from validation.experiments.drawing import draw_figure2
from validation.experiments.figure2 import _kept, _settled, _stretches, figure2, figure2_cells, final
from validation.experiments.stopping import latched_end
from validation.experiments.sweeps import Estimate, SweepOptions
from validation.experiments.synthetic import PRESETS, draw, planned_steps

SMALL = {"activations": ("linear",), "labels": (0.0, 0.5), "widths": (10, 20), "runs": 2, "predictions": 0}


def test_the_presets_are_the_same_descent_in_two_readings():
    run, printed = PRESETS["as-run"], PRESETS["as-printed"]
    for name, step in (("linear", 1e-3), ("relu", 1e-2), ("tanh", 1e-1)):
        # A step on (1/n)Σe² + penalty: the gradient is 2/n times that of ½Σe², and β shrinks by step·label.
        assert run.eta[name] == pytest.approx(2 * step / 50, rel=1e-15)
        assert run.eta[name] * run.ridge(0.2) == pytest.approx(step * 0.2, rel=1e-15)
    assert (printed.eta["tanh"], printed.ridge(0.2)) == (1e-2, 0.2)


def test_targets_come_from_a_teacher_as_wide_as_the_student():
    cell = {"activation": "tanh", "p": 30}
    problem, network = draw(cell, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    X = rng.standard_normal((50, 150))
    np.testing.assert_array_equal(problem.X, X)
    np.testing.assert_array_equal(problem.y, Network.gaussian(30, 150, rng).output(X, "tanh"))
    np.testing.assert_array_equal(network.W, Network.gaussian(30, 150, rng).W)
    linear, _ = draw({"activation": "linear", "p": 30}, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    X = rng.standard_normal((50, 150))
    np.testing.assert_array_equal(linear.y, X @ rng.standard_normal(150))


def test_planned_steps_grow_with_the_root_of_the_width():
    assert [planned_steps(p) for p in (200, 400, 3200)] == [5050, 7142, 20203]
    assert planned_steps(200) == math.floor(5000 * math.sqrt(200) / 14)


def rows(*readings):
    return [{"step": step, "loss": loss} for step, loss in readings]


def test_a_run_ends_at_the_first_step_from_the_planned_one_on_at_which_it_may():
    flat = rows((3999, 0.0519), (4999, 0.0510), (5050, 0.0), (5999, 0.0))
    assert _settled(flat, 5050) == 2  # what lies between two readings does not count
    falling = rows((3999, 0.0521), (4999, 0.0510), (5050, 0.0510), (5999, 0.0490), (6999, 0.0485), (7999, 0.0485))
    assert _settled(falling, 5050) == 4
    assert _settled(falling[:4], 5050) is None
    assert _settled(rows((0, 1.0), (505, 1.0)), 505) is None


def test_permission_to_end_is_never_withdrawn():
    early = rows((999, 0.5000), (1999, 0.5009), (2999, 0.4), (3999, 0.3), (4500, 0.25), (4999, 0.2))
    assert _settled(early, 4500) == 4  # the loss passed a maximum at t ≈ 1500, and is falling since
    assert _settled(early[1:], 4500) is None  # without that pair of readings the run would go on


def test_the_reading_before_the_first_counts_as_zero():
    assert _settled(rows((999, 0.9e-3), (1999, 0.1), (2500, 0.2)), 2500) == 2
    assert _settled(rows((999, 1.1e-3), (1999, 0.1), (2500, 0.2)), 2500) is None


def test_the_end_of_rows_is_the_end_of_readings(rng):
    for _ in range(200):
        loss = np.cumsum(rng.standard_normal(12)) * 2e-3 + 0.05
        planned = int(rng.integers(1, 12000))
        steps = sorted({999 + 1000 * k for k in range(12)} | {planned})
        table = rows(*((t, loss[(t - 999) // 1000] if t % 1000 == 999 else 7.0) for t in steps))
        k = _settled(table, planned)
        assert latched_end(loss, planned) == (None if k is None else table[k]["step"])


def test_stretches_join_and_readings_come_before_every_thousandth_step():
    for p in (1, 10, 200, 3200, 12800):
        stretches = list(_stretches({"p": p, "steps": planned_steps(p)}))
        assert stretches[0][0] == 0
        assert all(a[1] == b[0] for a, b in pairwise(stretches))
        times = {t for start, stop, every in stretches for t in (*range(start, stop, every), stop)}
        last = stretches[-1][1]
        assert last >= 20 * planned_steps(p)
        assert times.issuperset(range(999, last, 1000))
        assert planned_steps(p) in times or planned_steps(p) < 999


def test_only_the_curve_keeps_what_lies_before_the_end():
    table = [{"step": step, "loss": 1.0, "alignment": 0.5} for step in (0, 10, 110, 999, 1000, 1999, 2345)]
    assert [row["step"] for row in _kept(table, "completed", curve=False)] == [2345]
    curve = _kept(table, "completed", curve=True)
    assert [row["step"] for row in curve] == [0, 10, 999, 1000, 1999, 2345]
    assert [row["final"] for row in curve] == [False] * 5 + [True]
    assert math.isnan(_kept(table, "diverged", curve=False)[0]["alignment"])


def test_the_table_has_every_cell_and_ends_settled(tmp_path):
    outcome = figure2(tmp_path, **SMALL)
    table = final(outcome.table)
    assert len(table) == 8
    assert set(table["status"]) == {"completed"}
    assert (table["step"] >= table["steps"]).all()
    assert table["alignment"].between(-1, 1).all()
    assert outcome.comparison is None  # such widths were not published
    assert all(path.stat().st_size > 0 for path in outcome.files)
    assert figure2(tmp_path, **SMALL).table.equals(outcome.table)


def test_too_large_a_step_is_reported_and_left_out(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS["as-run"].eta, "linear", 1.0)
    table = final(figure2(tmp_path, **SMALL | {"labels": (0.0,)}).table)
    assert set(table["status"]) == {"diverged"}
    assert table["alignment"].isna().all()


def test_a_run_that_does_not_settle_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SETTLED", 0.0)
    monkeypatch.setattr(module, "PATIENCE", 2)
    table = final(figure2(tmp_path, **SMALL | {"widths": (10,)}).table)
    assert set(table["status"]) == {"unsettled"}


def test_a_dry_run_computes_nothing(tmp_path):
    estimate = figure2(tmp_path, options=SweepOptions(dry_run=True), **SMALL)
    assert isinstance(estimate, Estimate)
    assert (estimate.cells, estimate.finished) == (8, 0)
    assert not list(tmp_path.iterdir())


def test_the_figure_has_two_panels_an_activation():
    shared = {"label": 0.0, "run": 0, "loss": 1.0, "alignment": 0.1}
    rows = [
        {"activation": name, "p": p, "step": step, "final": end} | shared
        for name in ("linear", "relu", "tanh") for p in (200, 3200) for step, end in ((0, False), (1000, True))
    ]  # fmt: skip
    import pandas as pd

    figure = draw_figure2(pd.DataFrame(rows))
    assert [axes.get_title()[:3] for axes in figure.axes] == ["(a)", "(b)", "(c)", "(d)", "(e)", "(f)"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activations": ("sine",)}, "activations: expected some of linear, relu, tanh, sigmoid"),
        ({"preset": "as-meant"}, "preset: expected one of as-run, as-printed"),
        ({"labels": (-1.0,)}, "labels: expected a finite number >= 0"),
        ({"widths": (0,)}, "widths: expected an integer >= 1"),
        ({"runs": 0}, "runs: expected an integer >= 1"),
        ({"dtype": "float16"}, "dtype: expected one of float64, float32"),
        ({"predictions": -1}, "predictions: expected an integer >= 0"),
    ],
)
def test_bad_input_is_refused_by_name(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        figure2(tmp_path, **SMALL | options)


def test_sigmoid_has_its_own_labels():
    cells = figure2_cells(["sigmoid"], None, [200], 1, "as-run")
    assert [cell["label"] for cell in cells] == [0.0, 0.001, 0.003, 0.01]
    assert {cell["eta"] for cell in cells} == {4e-3}
