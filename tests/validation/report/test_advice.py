"""Advice names the reason in the data and a remedy; the remedy, applied, works."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, data, train
from theory.kernels import mean_kernel
from validation.report.advice import advise, relative_movement


@pytest.fixture
def problem(rng):
    X = rng.standard_normal((6, 8))
    return Problem(X / np.sqrt(8), rng.standard_normal(6))


def test_good_data_get_no_advice(problem):
    for psi in ("identity", "tanh", "relu", "sigmoid"):
        assert advise(problem, psi, p=800) == []


@pytest.mark.parametrize("psi", ["identity", "tanh", "relu"])
def test_equal_rows_are_named_by_their_lines(problem, psi):
    X, y = problem.X[[0, 1, 2, 1, 3]], problem.y[[0, 1, 2, 1, 3]]
    lines = np.array([2, 3, 5, 6, 7])
    (said,) = advise(Problem(X, y), psi, lines=lines)
    assert said == "lines 3 and 6 are equal: γ = 0 whatever ψ is; keep one of them"
    assert advise(Problem(np.delete(X, 3, 0), np.delete(y, 3)), psi) == []
    y[3] += 1
    assert "no network fits both; take their mean as one sample" in advise(Problem(X, y), psi, lines=lines)[0]


def test_parallel_rows_matter_where_they_are_dependent(problem):
    X = np.vstack([problem.X, 2 * problem.X[4], -problem.X[0]])
    y = np.append(problem.y, [0.0, 1.0])
    for psi, names in (("identity", "X[4] and X[6]"), ("relu", "X[4] and X[6]"), ("tanh", "X[0] and X[7]")):
        (said,) = advise(Problem(X, y), psi)
        assert said.startswith((f"{names} are parallel", "X[0] and X[7] are parallel"))
        assert f"γ = 0 for {psi}" in said
    assert advise(Problem(X[:7], y[:7]), "tanh") == []  # x and 2x are not dependent under tanh
    assert "more pairs" in advise(Problem(X, y), "identity")[0]


def test_zero_rows_are_named(problem):
    X = np.vstack([problem.X, np.zeros(8)])
    assert "X[6] is zero (1 in all): leave it out" in advise(Problem(X, np.append(problem.y, 1.0)), "tanh")[0]


def test_large_inputs_off_the_origin_are_standardised(rng):
    """Columns as of a real table: means far beyond their spread, so that all rows point the same way."""
    X = rng.uniform(5, 5.1, (20, 5))
    raw = Problem(X, rng.standard_normal(20))
    (said,) = advise(raw, "tanh")
    assert "γ is not certified" in said
    assert "standardised columns (--standardise)" in said
    assert mean_kernel(data.standardised(raw)[0].X, "tanh").certified


def test_more_samples_than_dimensions_under_a_linear_network(rng):
    X = np.column_stack([rng.standard_normal((9, 2)), np.full(9, 3.0)])
    said = advise(Problem(X, rng.standard_normal(9)), "identity")
    assert said[0].startswith(
        "9 samples have rank 3; column 3 of X is constant: a linear network fits the projection"
    )


def test_large_targets_get_a_width_and_a_scale_that_keep_the_regime(problem):
    """Negative control: with the targets as they are, the weights do move that far."""
    large = Problem(problem.X, 300 * problem.y)
    (said,) = advise(large, "identity", p=400)
    ratio = relative_movement(large, "identity", 400, mean_kernel(large.X, "identity"))
    assert ratio > 1
    assert f"must move by {ratio:.2g} times their own size at p = 400" in said
    assert f"targets divided by {2 * ratio:.2g}" in said
    less = Problem(large.X, large.y / (2 * ratio))
    assert advise(less, "identity", p=400) == []
    moved = {}
    for name, case, eta in (("large", large, 1e-3), ("less", less, 0.2)):
        network = Network.gaussian(400, 8, np.random.default_rng(0))
        run = train(case, network, "identity", eta=eta, steps=3000, record_every=3000)
        moved[name] = np.linalg.norm(run.network.W - network.W) / np.sqrt(400)
    assert moved["large"] > 1
    assert moved["less"] < 1


@pytest.mark.parametrize(("x", "y"), [(1.0, 1e153), (1e-150, 1.0), (1e-150, 1e153), (1e150, 1e153)])
def test_targets_of_any_size_get_a_width_or_an_infinite_one(x, y):
    """X = xI: weights move by ‖y‖/x in all, √2·y/x, whose square is beyond floats; ×4/p is the width's."""
    large = Problem(x * np.eye(2), [y, -y])
    ratio = relative_movement(large, "identity", 400, mean_kernel(large.X, "identity"))
    assert ratio == pytest.approx(math.sqrt(2.0 / 400) * (y / x), rel=1e-12, abs=0.0)
    said = [line for line in advise(large, "identity", p=400) if "a width of" in line]
    assert len(said) == (ratio > 1)
    width = 4 * 400 * ratio * ratio
    assert all(f"a width of {width:.2g}" in line for line in said)


def test_what_a_network_moves_is_what_the_linearisation_says(problem):
    """Wide and linear: ‖β(∞) − β(0)‖ = √((y − f₀)ᵀK⁻¹(y − f₀)) up to O(1/√p), for the residual in place of y."""
    network = Network.gaussian(40_000, 8, np.random.default_rng(1))
    shifted = Problem(problem.X, problem.y - network.output(problem.X, "identity"))
    run = train(problem, network, "identity", eta=0.4, steps=2000, record_every=2000)
    moved = np.linalg.norm(run.network.beta - network.beta) / np.sqrt(network.p)
    said = relative_movement(shifted, "identity", network.p, mean_kernel(problem.X, "identity"))
    assert moved == pytest.approx(said, rel=20 / np.sqrt(network.p))
