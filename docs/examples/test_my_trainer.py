import numpy as np
from hypothesis import given, settings
from my_trainer import run

from fa_ref import Network, Problem, Setting, Trajectory
from theory.limits import fixed_time_limit
from validation import assert_contracts, assert_holds, assert_same_run, assert_scaling, theorem_3_2
from validation.judge.draws import holds_with_probability
from validation.search.strategies import problems


def trained(problem, p, rng):
    start = Network.gaussian(p, problem.d, rng)
    residuals = run(problem.X, problem.y, start.W, start.beta, start.b, eta=0.1, steps=60)
    return Trajectory.recorded(Setting(problem, start, "tanh", eta=0.1), range(61), residuals)


@settings(deadline=None)  # the first example compiles
@given(problems("isometric", max_n=3, max_d=4))
def test_theorem_3_2(problem):
    record = trained(problem, 4000, np.random.default_rng(0))
    assert_holds(theorem_3_2, record)
    assert_contracts(record.times, record.residual_norms, 0.1, rate=0.043)  # γ/4 of the smallest inputs
    assert_same_run(record.setting, record.residuals)  # it is feedback alignment: the theorem cannot tell


def test_runs_approach_the_wide_limit_like_one_over_root_p():
    problem, widths = Problem(np.eye(5), np.ones(5)), np.repeat([100, 400, 1600, 6400], 8)
    limit = fixed_time_limit(problem, "tanh", [60], eta=0.1)
    runs = [trained(problem, p, np.random.default_rng(seed)).residuals for seed, p in enumerate(widths)]
    assert_scaling(widths, [np.linalg.norm(e[-1] - limit.residuals(e[0] + problem.y)) for e in runs], -0.5)


@holds_with_probability(0.8)
def test_wide_networks_converge(rng):
    return theorem_3_2.judge(trained(Problem(np.eye(3), rng.choice([-1.0, 1.0], 3)), 1000, rng))
