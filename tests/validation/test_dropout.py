"""Dropout against its definition in weight space, and against training without it."""

import math

import numpy as np
import pytest
from naive import PSI

from fa_ref import Network, Problem, train
from validation.experiments.dropout import descend_with_dropout, dropout
from validation.experiments.sweeps import Estimate


@pytest.fixture
def case(rng):
    n, d, p = 6, 9, 40
    return Problem(rng.standard_normal((n, d)), rng.standard_normal(n)), Network.gaussian(p, d, rng)


def naive(problem, network, name, rng, rate, eta, steps, same_mask=True):
    """The definition, on W itself. same_mask=False silences the feedback path independently."""
    X, y, W, beta, b = problem.X, problem.y, network.W.copy(), network.beta.copy(), network.b
    (psi, dpsi), p = PSI[name], network.p
    for _ in range(steps):
        mask = (rng.random((p, len(y)), dtype=np.float32) < np.float32(1 - rate)).T / (1 - rate)
        back = mask if same_mask else mask[::-1]
        Z = X @ W.T
        e = (mask * psi(Z)) @ beta / math.sqrt(p) - y
        W = W - eta / math.sqrt(p) * b[:, None] * ((back * dpsi(Z) * e[:, None]).T @ X)
        beta = beta - eta / math.sqrt(p) * (mask * psi(Z)).T @ e
    return beta


@pytest.mark.parametrize("name", ["identity", "relu", "tanh"])
def test_steps_are_the_definition(case, name):
    options = {"rate": 0.4, "eta": 0.02, "steps": 5}
    beta, _ = descend_with_dropout(*case, name, np.random.default_rng(3), **options)
    # Single precision decides 1 − q (6e-8 relative, through 5 steps of size below 1); the rest is double.
    np.testing.assert_allclose(beta, naive(*case, name, np.random.default_rng(3), **options), rtol=0, atol=1e-6)
    other = naive(*case, name, np.random.default_rng(3), **options, same_mask=False)
    assert np.abs(beta - other).max() > 1e-5
    wrong = naive(*case, name, np.random.default_rng(3), **options | {"eta": 0.0202})
    assert np.abs(beta - wrong).max() > 1e-5


@pytest.mark.parametrize("name", ["identity", "relu", "tanh"])
def test_without_silence_it_is_algorithm_1(case, name):
    run = train(*case, name, eta=0.02, steps=50, engine="loops")
    beta, loss = descend_with_dropout(*case, name, np.random.default_rng(0), rate=0.0, eta=0.02, steps=50)
    # The same sums in another order: 50 steps of sums of at most 40 terms of size O(10).
    np.testing.assert_allclose(beta, run.network.beta, rtol=0, atol=1e-11)
    assert loss == pytest.approx(run.loss[-1], rel=1e-9, abs=1e-20)


def test_divergence_is_a_result(case):
    _, loss = descend_with_dropout(*case, "relu", np.random.default_rng(0), rate=0.5, eta=1e6, steps=300)
    assert math.isnan(loss)


def test_the_experiment_runs_resumes_and_estimates(tmp_path):
    options = {"activations": ("linear", "tanh"), "rates": (0.4,), "widths": (20,), "runs": 2}
    estimate = dropout(tmp_path, dry_run=True, **options)
    assert isinstance(estimate, Estimate)
    assert estimate.seconds > 0
    outcome = dropout(tmp_path, **options)
    assert len(outcome.table) == 4
    assert outcome.table["alignment"].between(-1, 1).all()
    assert set(outcome.table["steps"]) == {1597}
    assert dropout(tmp_path, dry_run=True, **options).finished == 4
    with pytest.raises(ValueError, match="activations: expected some of linear, relu, tanh"):
        dropout(tmp_path, activations=("sign",))
    with pytest.raises(ValueError, match="rates: expected"):
        dropout(tmp_path, rates=(1.0,))
