"""Widths from which alignment is proved with probability 1 − δ, and the events behind them."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules
from theory.alignment.nonlinear import alignment_level, alignment_width, levels
from theory.alignment.nonlinear.entries import data_of
from theory.alignment.nonlinear.measuring import measure
from theory.kernels import mean_kernel

ROWS = [
    ([1.0, 1.0], 1.0, 0.3, (2.5e5, 1e5, 5e5)),
    ([1.0], 0.5, 0.5, (4e5, 1.3e5, 2.5e5)),
    ([1.0, -0.6], 0.5, 0.3, (6e5, 2e5, 5e5)),
    ([1.0, 1.0, 1.0], 2.0, 0.2, (1.6e5, 8e4, 8e5)),
]
#: Entries that are lower bounds.
LOWER = {"g0", "q", "m0_a", "start", "overlap", "q_rest", "m0_rest", "start_rest", "q_plus", "m0_plus"}


@pytest.mark.parametrize(("y", "lam", "eta", "widths"), ROWS)
def test_the_table_of_sufficient_widths(y, lam, eta, widths):
    """The closed forms reach the table to a factor 1.5; the sharp ones need a fifth of it or less."""
    problem = Problem(np.eye(len(y)), y)
    kernel = mean_kernel(problem.X, "tanh")

    def width(after, form):
        return alignment_width(
            problem, "tanh", eta=eta, lam=lam, delta=0.1, after=after, form=form, kernel=kernel
        ).p

    first, second, after = widths
    assert first / 1.5 < width(False, "first-order") < 1.5 * first
    assert second / 1.5 < width(False, "second-order") < 1.5 * second
    assert after / 1.5 < width(True, "second-order") < 1.5 * after
    assert width(False, "sharp") < second / 5
    assert width(True, "sharp") < after / 5


def test_once_wide_enough_always_wide_enough():
    problem, kernel = Problem([[1.0]], [1.0]), mean_kernel([[1.0]], "tanh")
    width = alignment_width(problem, "tanh", eta=0.5, lam=0.5, delta=0.1, kernel=kernel)
    for factor in (1.1, 1.5, 2, 4, 16, 256):
        level = alignment_level(
            problem, "tanh", round(factor * width.p), eta=0.5, lam=0.5, delta=0.1, kernel=kernel
        )
        assert level.c > width.c


def test_no_width_where_the_theorem_does_not_apply():
    twins = Problem([[1.0], [1.0]], [1.0, -1.0])
    assert alignment_width(twins, "tanh", eta=0.1, lam=1.0, delta=0.1, after=True) is None
    assert alignment_width(Problem([[1.0]], [1.0]), "softplus", eta=0.1, lam=1.0, delta=0.1) is None
    assert alignment_level(Problem([[1.0]], [1.0]), "tanh", 100, eta=0.5, lam=0.5, delta=0.1) is None
    with pytest.raises(ValueError, match="form: expected sharp"):
        alignment_level(Problem([[1.0]], [1.0]), "tanh", 100, eta=0.5, lam=0.5, delta=0.1, form="best")


@pytest.mark.parametrize("shares", [levels.SHARES, levels.SHARES_AFTER])
def test_the_shares_are_of_one_delta(shares):
    assert math.isclose(sum(shares.values()), 1.0, abs_tol=1e-12)


def exceeded(problem, lam, eta, p, delta, networks, *, form):
    """How many networks exceed each level, over independent draws."""
    kernel, psi = mean_kernel(problem.X, "tanh"), "tanh"
    setting = Setting(problem, None, psi, eta=eta, ridge=schedules.constant(lam))
    data = data_of(problem, setting.activation, eta, lam)
    if form == "sharp":
        level = levels.sharp(problem, data, kernel, p, delta, after=True)
    else:
        level = levels.printed(problem, data, kernel, p, delta, 2)
    counts = {}
    for seed in range(networks):
        network = Network.gaussian(p, problem.d, np.random.default_rng(seed))
        found = measure(setting.replace(network=network))[1]
        for name, value in vars(level).items():
            if name == "p" or not math.isfinite(value):
                continue
            measured = getattr(found, name)
            bad = measured < value if name in LOWER else measured > value
            counts[name] = counts.get(name, 0) + bad
    return counts


@pytest.mark.parametrize("form", ["sharp", "printed"])
def test_the_levels_are_kept(form):
    """At δ = 0.1 fewer than 4 events are expected in 40 networks."""
    counts = exceeded(Problem(np.eye(2), [1.0, -0.6]), 0.5, 0.3, 4000, 0.1, 40, form=form)
    assert sum(counts.values()) <= 12  # P(Poisson(4) > 12) < 3·10⁻⁴
    assert len(counts) >= (28 if form == "sharp" else 20)


def test_levels_for_a_large_delta_are_broken_often():
    """The count finds what it should: a fifth of δ = 0.999 is m0·a's own."""
    counts = exceeded(Problem([[1.0]], [1.0]), 0.5, 0.3, 2000, 0.999, 200, form="sharp")
    assert counts["m0_a"] > 20


@pytest.mark.nightly
@pytest.mark.parametrize("form", ["sharp", "printed"])
@pytest.mark.parametrize(("y", "lam", "eta", "widths"), ROWS)
def test_failure_rates_over_three_hundred_networks(y, lam, eta, widths, form):
    counts = exceeded(Problem(np.eye(len(y)), y), lam, eta, 10_000, 0.1, 300, form=form)
    assert sum(counts.values()) <= 30 + 4 * math.sqrt(30)
