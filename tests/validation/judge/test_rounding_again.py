"""The tolerances of the reduced engine and those below the normal numbers, written out again plainly."""

import math
from dataclasses import replace

import numpy as np
import pytest
from oracles import reduced_rounding

from fa_ref import Network, Problem, Setting, schedules, train
from theory.precision import gamma
from validation.judge.inequalities import Inequality
from validation.judge.rounding import residual_rounding, step_rounding


def small_run(rule, every, lam):
    n, d, p = 3, 4, 7
    rng = np.random.default_rng(6)
    problem, start = Problem(rng.standard_normal((n, d)), 2.0 * rng.standard_normal(n)), Network.gaussian(p, d, rng)
    setting = Setting(problem, start, "identity", eta=0.05, ridge=schedules.constant(lam), rule=rule)
    return train(setting, steps=24, record_every=every, engine="reduced")


@pytest.mark.parametrize("lam", [0.0, 0.3])
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("rule", ["fa", "bp", "kolen-pollack", "hebbian"])
def test_the_terms_of_the_reduced_engine_are_those_derived(rule, every, lam):
    run = small_run(rule, every, lam)
    problem, start = run.setting.problem, run.setting.start
    given = problem.X, problem.y, start.W, start.beta, start.b, run.residuals, every, 0.05, lam
    if rule == "fa":
        terms = reduced_rounding.feedback_alignment(*given)
    else:
        terms = reduced_rounding.matrices(*given, rule == "bp")
    n, d, p = 3, 4, 7
    found = residual_rounding(run)
    np.testing.assert_allclose(found, gamma(p + 2 * d + 4 * n + 20) * terms, rtol=1e-12)
    step = found[1:] + found[:-1] + every * gamma(n + 8) * terms[1:]
    np.testing.assert_allclose(step_rounding(run), step, rtol=1e-12)


@pytest.mark.parametrize(("u", "tau"), [(2.0**-53, 2.0**-1074), (2.0**-24, 2.0**-149)])
@pytest.mark.parametrize("beta", [0.0, 2.0**30])
def test_products_below_the_normal_numbers_count_with_half_of_the_least(u, tau, beta):
    """Where all outputs are 0 only τ is left: τ(√p + 1 + (d B1 + 4) S1) a sample; erf has B1 = 2/√π."""
    n, d, p = 3, 2, 100
    start = Network(np.zeros((p, d)), np.full(p, beta), np.ones(p))
    run = train(Setting(Problem(np.ones((n, d)), np.zeros(n)), start, "erf", eta=0.1), steps=1)
    assert (run.residuals == 0).all()
    S1 = p * beta / math.sqrt(p)
    expected = tau * (math.sqrt(p) + 1 + (d * 2 / math.sqrt(math.pi) + 4) * S1)
    assert residual_rounding(replace(run, roundoff=u))[0] == pytest.approx(
        math.sqrt(n) * expected, rel=1e-2, abs=0.0
    )


def test_a_comparison_of_nothing_has_no_slack():
    empty = Inequality("x", [], [], [], 0.0)
    assert empty.worst == -1
    assert math.isnan(empty.slack)


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        (0.0, "3 > 2"),
        (0.1, "3 > 2"),  # a tenth of the excess decides nothing
        (0.15, "3 exceeds 2 by 1, beyond the 0.15 of rounding"),
        (0.95, "3 exceeds 2 by 1, beyond the 0.95 of rounding"),
        (1.0, "3 exceeds 2 by 1, within the 1 of rounding"),
    ],
)
def test_rounding_is_named_where_it_is_a_tenth_of_the_excess_or_more(tolerance, words):
    assert Inequality("x", [0], 3.0, 2.0, tolerance).words(0) == words
