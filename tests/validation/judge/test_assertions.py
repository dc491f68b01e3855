"""Assertions fail where they should: on what is wrong, and on what they cannot tell."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules
from theory.kernels import mean_kernel
from validation import assert_contracts, assert_holds, assert_same_run, assert_scaling
from validation.errata.readings import ascend
from validation.judge.record import reference_run
from validation.theorems import theorem_3_2, theorem_4_3

sys.path.insert(0, str(Path(__file__).parents[3] / "docs" / "examples"))
import my_trainer

SOURCE = Path(my_trainer.__file__).read_text()


@pytest.fixture(scope="module")
def wide():
    network = Network.gaussian(2000, 2, np.random.default_rng(0))
    return Setting(Problem(np.eye(2), [1.0, -1.0]), network, "tanh", eta=0.1)


def test_assert_holds_fails_on_a_violation_and_on_silence(wide):
    assert assert_holds(theorem_3_2.CLAIM, reference_run(wide, 40))
    with pytest.raises(AssertionError, match=r"Theorem 3.2: undecided: \(3.1\) at t = \d+: .* > "):
        assert_holds(theorem_3_2.CLAIM, ascend(wide, 40))
    with pytest.raises(AssertionError, match="not applicable: ψ is linear"):
        assert_holds(theorem_4_3.CLAIM, reference_run(wide, 40))


def test_assert_contracts_and_scaling_fail_on_what_is_wrong():
    t = np.arange(100)
    assert assert_contracts(t, 0.9**t, 0.5, rate=0.2).slope == pytest.approx(0.2)
    with pytest.raises(AssertionError, match=r"rate: expected at least 0\.25, got 0\.2"):
        assert_contracts(t, 0.9**t, 0.5, rate=0.25)
    p = np.repeat(2.0 ** np.arange(6, 12), 3)
    values = p**-0.5 * (1 + 0.02 * np.random.default_rng(0).standard_normal(p.size))
    assert -0.5 in assert_scaling(p, values, -0.5)
    with pytest.raises(AssertionError, match="exponent: expected -1"):
        assert_scaling(p, values, -1.0)
    with pytest.raises(AssertionError, match="decide nothing"):
        assert_scaling(p[:4], values[:4], -0.5)


@pytest.mark.parametrize("eta", [0.1, 1.0])
@pytest.mark.parametrize(("growth", "rate"), [(1.0, 0.1), (1.002, 0.04), (1.0, 0.01), (0.999, 0.05), (1.01, 0.001)])
def test_noise_is_no_contraction(growth, rate, eta):
    """Each of 40 passes with probability at most 5e-7: a false alarm of 2e-5 for all parameters."""
    t = np.arange(61)
    for seed in range(4):
        norms = np.exp(0.5 * np.random.default_rng(seed).standard_normal(61)) * growth**t
        with pytest.raises(AssertionError, match="rate: expected at least"):
            assert_contracts(t, norms, eta, rate=rate)


def test_limits_too_wide_to_decide_are_said_to_be():
    t = np.arange(61)
    noise = np.exp(0.5 * np.random.default_rng(0).standard_normal(61))
    with pytest.raises(AssertionError, match="limits too wide to decide; more steps are needed"):
        assert_contracts(t, noise * 0.99**t, 0.1, rate=0.01)
    assert assert_contracts(t, noise**1e-3 * 0.9**t, 0.1, rate=0.9).low > 0.9


def trained(source, setting, steps):
    """The residuals of a trainer with this source, on a setting."""
    problem, start, space = setting.problem, setting.start, {}
    exec(compile(source, "my_trainer.py", "exec"), space)
    return space["run"](problem.X, problem.y, start.W, start.beta, start.b, setting.eta, steps)


MUTANTS = {
    "backpropagation": ("b[:, None] * (((1", "beta[:, None] * (((1"),
    "minus b": ("- eta / root * b[:, None]", "+ eta / root * b[:, None]"),
    "frozen W": ("W = W - eta / root *", "W = W - 0 * eta / root *"),
    "no derivative of ψ": ("((1 - psi**2).T * e)", "(np.ones_like(psi).T * e)"),
}


def mutant(name):
    old, new = MUTANTS[name]
    assert SOURCE.count(old) == 1
    return SOURCE.replace(old, new)


@pytest.mark.parametrize("name", MUTANTS)
def test_what_theorem_3_2_cannot_see_is_seen(name, wide):
    theirs = trained(mutant(name), wide, 60)
    gamma = mean_kernel(np.eye(2), "tanh").gamma
    assert_contracts(np.arange(61), np.linalg.norm(theirs, axis=1), 0.1, rate=gamma / 4)
    assert_holds(theorem_3_2.CLAIM, Trajectory.recorded(wide, range(61), theirs))
    with pytest.raises(AssertionError, match=r"residuals: expected those of tanh, .* more than the .* of rounding"):
        assert_same_run(wide, theirs)


@pytest.mark.parametrize("name", MUTANTS)
def test_they_are_seen_in_a_record_of_a_few_steps_too(name, wide):
    times = [0, 20, 40]
    assert_same_run(wide, trained(SOURCE, wide, 40)[times], times=times)
    with pytest.raises(AssertionError, match=r"at t = 20 they differ by"):
        assert_same_run(wide, trained(mutant(name), wide, 40)[times], times=times)


def other_sums(setting, steps, dtype=np.float64):
    """The algorithm by BLAS, with sums in an order of its own, in any precision and with any ψ and λ(t)."""
    problem, start, psi = setting.problem, setting.start, setting.activation
    X, y, W, beta, b = (a.astype(dtype) for a in (problem.X, problem.y, start.W, start.beta, start.b))
    root, eta, rows = dtype(np.sqrt(start.p)), dtype(setting.eta), []
    for lam in setting.ridge.values(steps + 1):
        Z = X @ W.T
        Psi, slope = psi(Z.astype(float)).astype(dtype), psi.derivative(Z.astype(float)).astype(dtype)
        e = (Psi[:, ::-1] @ beta[::-1]) / root - y
        rows.append(e)
        W = W - (eta / root) * (b[:, None] * ((slope.T * e) @ X))
        beta = dtype(1 - setting.eta * lam) * beta - (eta / root) * (e @ Psi)
    return np.array(rows)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["tanh", "identity", "softplus", "sigmoid"])
def test_other_arithmetic_is_the_same_run(activation, dtype):
    """Ten settings each: large and small inputs, with and without a penalty, growing and falling residuals."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n, d, p = rng.integers(1, 6), rng.integers(1, 6), int(rng.integers(5, 300))
        problem = Problem(10.0 ** rng.uniform(-1, 0.3) * rng.standard_normal((n, d)), rng.standard_normal(n))
        for ridge in (None, schedules.cutoff(0.3, 10)):
            setting = Setting(problem, Network.gaussian(p, d, rng), activation, eta=0.1 / n, ridge=ridge)
            assert_same_run(setting, other_sums(setting, 30, dtype))


@pytest.mark.parametrize("name", MUTANTS)
def test_single_precision_is_enough_to_see_them_in_a_narrow_network(name, wide):
    narrow = wide.replace(network=Network.gaussian(50, 2, np.random.default_rng(1)))
    assert_same_run(narrow, trained(SOURCE, narrow, 60).astype(np.float32))
    with pytest.raises(AssertionError, match="more than the"):
        assert_same_run(narrow, trained(mutant(name), narrow, 60).astype(np.float32))


def test_a_tolerance_that_hides_everything_decides_nothing(wide):
    rows = reference_run(wide, 5).residuals
    with pytest.raises(AssertionError, match="expected a run to compare with, but rounding may move"):
        assert_same_run(wide, rows.astype(np.float16))


def test_a_ridge_or_a_rule_that_is_another_is_seen(wide):
    for change in ({"rule": "bp"}, {"ridge": schedules.cutoff(1e-3, 5)}, {"eta": 0.1 * (1 + 1e-6)}):
        with pytest.raises(AssertionError, match="they differ by"):
            assert_same_run(wide, reference_run(wide.replace(**change), 30).residuals)


def test_arrays_that_do_not_fit_are_refused(wide):
    with pytest.raises(ValueError, match=re.escape("residuals: expected shape (3, 2)")):
        assert_same_run(wide, np.ones((3, 5)))
    with pytest.raises(ValueError, match="network: expected the weights at t = 0"):
        assert_same_run(wide.replace(network=None), np.ones((3, 2)))
