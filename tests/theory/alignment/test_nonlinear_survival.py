"""Whether alignment survives a cutoff: the sign of q̄⁺, for one y and for every y."""

import math

import numpy as np
import pytest

from fa_ref import Problem
from theory.alignment.nonlinear import final_sign, find_reversals, survival, worst_target
from theory.kernels import mean_kernel

STEEP = Problem([[12.0], [2.0]], [0.44, 0.9])


def random_problem(rng, n=2, d=2):
    scales = np.exp(rng.uniform(math.log(0.3), math.log(8.0), n))
    return Problem(scales[:, None] * rng.standard_normal((n, d)), rng.standard_normal(n))


def test_the_sign_is_that_of_the_formula():
    kernel = mean_kernel(STEEP.X, "tanh")
    a = np.linalg.inv(kernel.G + 10.0 * np.eye(2)) @ STEEP.y
    final = final_sign(STEEP, "tanh", 10.0)
    assert final.after == pytest.approx(STEEP.y @ np.linalg.inv(kernel.G) @ kernel.Theta @ a, rel=1e-10, abs=0.0)
    assert final.before == pytest.approx(a @ kernel.Theta @ a, rel=1e-10, abs=0.0)
    assert final.reversed
    assert final.rigorous
    assert 0 < final.after_error < 1e-6 * abs(final.after)


def test_an_error_of_the_kernel_is_within_the_bound():
    """Ḡ and Θ̄ moved within their stated errors move q̄⁺ by no more than its stated error."""
    from dataclasses import replace

    kernel, rng = mean_kernel(STEEP.X, "tanh"), np.random.default_rng(0)
    coarse = replace(kernel, error=np.full((2, 2), 1e-4), Theta_error=np.full((2, 2), 1e-3))
    base = final_sign(STEEP, "tanh", 10.0, kernel=coarse)
    for _ in range(50):
        S, T = (np.triu(rng.uniform(-1, 1, (2, 2))) for _ in range(2))
        S, T = S + np.triu(S, 1).T, T + np.triu(T, 1).T
        moved = replace(kernel, G=kernel.G + 1e-4 * S, Theta=kernel.Theta + 1e-3 * T)
        other = final_sign(STEEP, "tanh", 10.0, kernel=moved)
        assert abs(other.after - base.after) <= base.after_error
        assert abs(other.before - base.before) <= base.before_error


def test_the_condition_is_exact():
    """Where it is met no y is reversed, not even the worst; where it is not, the worst y is."""
    rng, kept, lost = np.random.default_rng(1), 0, 0
    for _ in range(60):
        problem, lam = random_problem(rng), float(np.exp(rng.uniform(-3, 4)))
        told = survival(problem, "tanh", lam)
        worst = final_sign(Problem(problem.X, worst_target(problem.X, "tanh", lam)), "tanh", lam)
        if told:
            kept += 1
            assert worst.sign_after == 1
            assert final_sign(problem, "tanh", lam).sign_after == 1
            assert lam < told.largest_lam
        elif told.exact.value < -told.uncertainty:
            lost += 1
            assert worst.reversed
            assert lam > told.largest_lam * (1 - 1e-9)
            assert not told.ratio.met
            assert not told.angles.met
    assert kept > 5
    assert lost > 5


def test_sufficient_conditions_imply_the_exact_one():
    rng, met = np.random.default_rng(2), 0
    for _ in range(60):
        told = survival(random_problem(rng), "tanh", float(np.exp(rng.uniform(-6, 1))))
        if told.ratio.met or told.angles.met:
            met += 1
            assert told.exact.met
    assert met > 5


def test_commuting_kernels_survive_every_penalty():
    assert survival(Problem(np.eye(3), [1.0, 1.0, 1.0]), "tanh", 1e6).largest_lam == math.inf
    linear = Problem(np.random.default_rng(3).standard_normal((3, 5)), [1.0, 2.0, 3.0])
    told = survival(linear, "identity", 1e3)
    assert told.commuting < 1e-14
    assert told


def test_dependent_samples_decide_nothing():
    twins = Problem([[1.0], [1.0]], [1.0, -1.0])
    assert not survival(twins, "tanh", 1.0)
    assert final_sign(twins, "tanh", 1.0).sign_after == 0


def test_the_search_finds_reversals_unaided():
    found = list(find_reversals(np.random.default_rng(0), draws=100))
    assert found
    assert all(not survival(each.problem, "tanh", each.lam) for each in found)
    again = list(find_reversals(np.random.default_rng(0), draws=100))
    assert [each.draw for each in again] == [each.draw for each in found]


@pytest.mark.parametrize("lam", [0.0, -1.0])
def test_the_penalty_must_be_positive(lam):
    with pytest.raises(ValueError, match="lam: expected a finite number > 0"):
        final_sign(STEEP, "tanh", lam)
