"""Dropout against its definition in weight space, and against training without it."""

import numpy as np
import pytest
from naive import dropout as naive

from fa_ref import Network, Problem, Setting, schedules, train
from validation.experiments import dropout as module
from validation.experiments.dropout import dropout
from validation.experiments.dropout_run import descend_with_dropout
from validation.experiments.sweeps import Estimate, SweepOptions


@pytest.fixture
def setting(rng):
    n, d, p = 6, 9, 40
    problem = Problem(rng.standard_normal((n, d)), rng.standard_normal(n))
    return Setting(problem, Network.gaussian(p, d, rng), "tanh", eta=0.02)


@pytest.mark.parametrize("name", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("rate", [0.4, 0.7])
def test_steps_are_the_definition(setting, name, rate):
    setting = setting.replace(activation=name)
    beta = descend_with_dropout(setting, np.random.default_rng(3), rate=rate, times=[5]).beta
    arrays = (setting.problem.X, setting.problem.y, setting.start.W, setting.start.beta, setting.start.b, name)
    expected = naive(*arrays, np.random.default_rng(3), rate, setting.eta, 5)
    # The same sums in another order: 5 steps of sums of at most 40 terms of size O(10).
    np.testing.assert_allclose(beta, expected, rtol=0, atol=1e-11)
    other = naive(*arrays, np.random.default_rng(3), rate, setting.eta, 5, same_mask=False)
    assert np.abs(beta - other).max() > 1e-5
    wrong = naive(*arrays, np.random.default_rng(3), rate, 1.01 * setting.eta, 5)
    assert np.abs(beta - wrong).max() > 1e-5


@pytest.mark.parametrize("name", ["identity", "relu", "tanh"])
def test_without_silence_it_is_algorithm_1(setting, name):
    setting = setting.replace(activation=name)
    run = train(setting, steps=50, engine="loops")
    times = [0, 7, 50]
    ours = descend_with_dropout(setting, np.random.default_rng(0), rate=0.0, times=times)
    # The same sums in another order: 50 steps of sums of at most 40 terms of size O(10).
    np.testing.assert_allclose(ours.beta, run.network.beta, rtol=0, atol=1e-11)
    np.testing.assert_allclose(ours.alignment, run.alignment[times], rtol=0, atol=1e-11)
    np.testing.assert_allclose(ours.loss, run.loss[times], rtol=1e-9, atol=1e-20)


def test_divergence_is_a_result(setting):
    wild = setting.replace(activation="relu", eta=1e6)
    run = descend_with_dropout(wild, np.random.default_rng(0), rate=0.5, times=[0, 300])
    assert run.status == "diverged"
    assert run.times.tolist() == [0]


def test_a_run_stops_where_it_is_told_to(setting):
    told = []
    run = descend_with_dropout(
        setting, np.random.default_rng(0), rate=0.5, times=range(10), over=lambda t, a: told.append(a) or t == 4
    )
    assert (run.status, run.times.tolist()) == ("stopped", [0, 1, 2, 3, 4])
    assert told == run.alignment.tolist()


def test_the_experiment_runs_resumes_and_estimates(tmp_path):
    choices = {"activations": ("tanh",), "rates": (0.4, 0.6), "widths": (20,), "runs": 2, "patience": 3}
    estimate = dropout(tmp_path, options=SweepOptions(dry_run=True), **choices)
    assert isinstance(estimate, Estimate)
    assert estimate.seconds > 0
    table = dropout(tmp_path, **choices).table
    assert len(table) == 4
    assert table["alignment"].between(-1, 1).all()
    assert set(table["steps"]) == {1597}
    for row in table.to_dict("records"):  # it ends at the planned step or at a reading after it
        assert row["step"] >= 1597
    assert dropout(tmp_path, options=SweepOptions(dry_run=True), **choices).finished == 4


@pytest.mark.parametrize(("tolerance", "step"), [(0.0, None), (10.0, 1597)])
def test_permission_decides_where_a_run_ends(tmp_path, monkeypatch, tolerance, step):
    monkeypatch.setattr(module, "SETTLED", tolerance)
    row = dropout(tmp_path, activations=("tanh",), rates=(0.4,), widths=(20,), runs=1, patience=2).table.iloc[0]
    assert (row["status"] == "unsettled") == (step is None)
    if step:
        assert (row["step"], row["alignment"], row["permitted"]) == (step, row["planned_alignment"], 999)


def test_each_activation_has_its_published_steps_and_rates(tmp_path):
    cells = dropout(tmp_path, widths=(20,), runs=1, options=SweepOptions(dry_run=True)).cells
    assert cells == 2 + 2 + 3
    etas = {name: 2 * step / 50 for name, step in module.STEPS.items()}
    assert etas == pytest.approx({"linear": 4e-4, "relu": 4e-5, "tanh": 4e-3})
    assert module.RATES["tanh"] == (0.5, 0.7, 0.9)


def test_bad_input_is_refused_by_name(tmp_path, setting):
    with pytest.raises(ValueError, match="activations: expected some of linear, relu, tanh"):
        dropout(tmp_path, activations=("sign",))
    with pytest.raises(ValueError, match="rates: expected"):
        dropout(tmp_path, rates=(1.0,))
    with pytest.raises(ValueError, match="patience: expected"):
        dropout(tmp_path, patience=0.5)
    rng = np.random.default_rng(0)
    for times in ([], [3, 3], [5, 2]):
        with pytest.raises(ValueError, match="times: expected"):
            descend_with_dropout(setting, rng, rate=0.5, times=times)
    for changes in ({"rule": "bp"}, {"ridge": schedules.constant(0.1)}):
        with pytest.raises(ValueError, match="setting: expected no penalty and rule fa"):
            descend_with_dropout(setting.replace(**changes), rng, rate=0.5, times=[1])


def test_a_run_that_diverges_says_so(tmp_path):
    """At p = 20 the masks' noise outgrows what the linear step allows."""
    row = dropout(tmp_path, activations=("linear",), rates=(0.4,), widths=(20,), runs=1).table.iloc[0]
    assert row["status"] == "diverged"
    assert np.isnan(row["alignment"])
