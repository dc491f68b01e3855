"""Numbers near both ends of the floats: a bound that says nothing is a result; what it says is true."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules, train
from theory.alignment.nonlinear import (
    alignment_level,
    closed,
    final_sign,
    proved_alignment,
    ridge_path,
    sharp,
    survival,
    widths,
    worst_target,
)
from theory.alignment.nonlinear.entries import data_of
from theory.alignment.nonlinear.measuring import measure
from theory.alignment.nonlinear.theta_limit import early_slope

X, Y = np.array([[1.0, 0.2], [0.0, 1.0]]), np.array([1.0, -0.6])
FORMS = ("sharp", "first-order", "second-order")
#: Scales of X and y, λ and η.
EXTREMES = [
    (1e-150, 1.0, 1.0, 0.3), (1e80, 1.0, 1.0, 0.3), (1e150, 1.0, 1.0, 0.3),
    (1.0, 0.0, 1.0, 0.3), (1.0, 1e-300, 1.0, 0.3), (1.0, 1e-150, 1.0, 0.3), (1.0, 1e80, 1.0, 0.3),
    (1.0, 1e150, 1.0, 0.3), (1.0, 1.0, 1e-300, 0.3), (1.0, 1.0, 1.0, 1e-200), (1.0, 1.0, 1e200, 1e-210),
    (1.0, 1.0, 1e-250, 1e200), (1e-150, 1e150, 1.0, 0.3), (1e80, 1e80, 1e-150, 1e-170),
]  # fmt: skip


def extreme(x, y, lam, eta, psi, *, cutoff=None, p=50):
    ridge = schedules.constant(lam) if cutoff is None else schedules.cutoff(lam, cutoff)
    network = Network.gaussian(p, 2, np.random.default_rng(0))
    return Setting(Problem(x * X, y * Y), network, psi, eta=eta, ridge=ridge)


@pytest.mark.parametrize("psi", ["tanh", "softplus", "identity"])
@pytest.mark.parametrize(("x", "y", "lam", "eta"), EXTREMES)
def test_what_is_proved_of_one_network_is_true_or_nothing(x, y, lam, eta, psi):
    for cutoff in (None, 20):
        setting = extreme(x, y, lam, eta, psi, cutoff=cutoff)
        run = train(setting, steps=60)
        for form in FORMS:
            proved = proved_alignment(setting, steps=40, form=form)
            assert not np.isnan(proved.bounds).any()
            assert (proved.bounds <= 1).all()
            assert proved.settled() is None or proved.after.cosine > 0
            known = proved.times[proved.bounds > -np.inf]
            assert (proved.bounds[proved.bounds > -np.inf] <= run.alignment[known] + 1e-12).all()
            assert bool(proved.before) is bool(proved.bounds.max() > 0)
        path = ridge_path(setting, 10)
        assert (not path.step_size.met) or (path.gap <= path.bound + path.rounding).all()


def test_of_moderate_numbers_the_same_bounds_say_something():
    """What is true or nothing above is not always nothing."""
    problem = Problem(np.array([[0.5]]), np.array([0.25]))
    for form, after in [("sharp", False), ("sharp", True), ("first-order", False), ("second-order", True)]:
        level = alignment_level(problem, "tanh", 10**5, eta=0.6, lam=0.3, delta=0.1, after=after, form=form)
        assert 0 < level.c <= 1
    setting = Setting(problem, Network.gaussian(8000, 1, np.random.default_rng(0)), "tanh", eta=0.6,
                      ridge=schedules.constant(0.3))  # fmt: skip
    run = train(setting, steps=110)
    for form in FORMS:
        proved = proved_alignment(setting, steps=110, form=form)
        known = proved.bounds > 0
        assert known.sum() > 50
        assert (proved.bounds[known] <= run.alignment[proved.times[known]]).all()


@pytest.mark.parametrize("psi", ["tanh", "softplus"])
@pytest.mark.parametrize(("x", "y", "lam", "eta"), EXTREMES)
def test_what_is_proved_of_a_width_is_a_cosine_or_nothing(x, y, lam, eta, psi, monkeypatch):
    monkeypatch.setattr(widths, "LONGEST", 2000)  # of a recursion that would take 2√p/(ηλ) steps
    problem = Problem(x * X, y * Y)
    for form in FORMS:
        for after in (False, True):
            level = alignment_level(problem, psi, 10**4, eta=eta, lam=lam, delta=0.1, after=after, form=form)
            assert level is None or 0 < level.c <= 1
    told, final = survival(problem, psi, lam), final_sign(problem, psi, lam)
    assert bool(told) in (True, False)
    assert final.sign_before in (0, 1)
    if told and final.sign_after:
        assert final.sign_after == 1
    if told.exact.value > -math.inf:
        assert np.isfinite(worst_target(problem.X, psi, lam)).all()
    q, C = early_slope(problem, psi, lam, eta=eta)
    assert q >= 0 or math.isnan(q)
    assert C >= 0 or math.isnan(C)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "change",
    [
        {"Y": 1e200}, {"Y": math.inf}, {"chi": 1e200}, {"chi": math.inf}, {"radius": 1e300}, {"lam": 1e-320},
        {"B2": 1e308},
    ],
)  # fmt: skip
def test_infinite_and_unknown_data_prove_nothing(order, change):
    data, entries = measure(extreme(1.0, 1.0, 1.0, 0.3, "tanh", p=10**5))
    assert closed.along(data, entries, 20, order).met
    coarse = replace(data, **change)
    assert closed.before_cutoff(coarse, entries, 20, order).cosine == -math.inf
    assert closed.after_cutoff(coarse, entries, 20, order).cosine == -math.inf
    if "Y" not in change:  # a bounds ‖a‖ and all that comes of it, in the sharp form without Y
        assert sharp.before_cutoff(coarse, entries, 20).cosine == -math.inf


@pytest.mark.parametrize("name", ["b2", "h0", "e0", "d0", "m2", "theta_a", "theta", "m0"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_entry_that_is_infinite_or_unknown_proves_nothing(name, value):
    """No comparison with NaN may drop it: each of these is in every bound."""
    setting = extreme(1.0, 1.0, 1.0, 0.3, "tanh", p=10**5)
    data, entries = measure(setting)
    spoiled = replace(entries, **{name: value})
    for order in (1, 2):
        assert closed.before_cutoff(data, spoiled, 60, order).cosine == -math.inf
        assert closed.after_cutoff(data, spoiled, 60, order).cosine == -math.inf


def test_an_overflow_is_no_lower_bound():
    data, entries = measure(extreme(1.0, 1.0, 1.0, 0.3, "tanh", p=10**5))
    endless = replace(entries, q=math.inf, m0_a=math.inf, overlap=math.inf)
    for order in (1, 2):
        assert closed.before_cutoff(data, endless, 60, order).cosine == -math.inf
    assert (sharp.cosines(data, endless, 60) == -math.inf).all()


def test_a_bound_of_nothing_is_not_divided():
    """β(0) = 0 and y = 0: β stays 0, and has no direction."""
    network = Network(np.ones((4, 2)), np.zeros(4), np.ones(4))
    setting = Setting(Problem(X, [0.0, 0.0]), network, "tanh", eta=0.1, ridge=schedules.constant(1.0))
    for form in FORMS:
        assert not proved_alignment(setting, steps=5, form=form)


def test_the_numbers_of_a_problem_do_not_overflow():
    psi = extreme(1.0, 1.0, 1.0, 0.3, "identity").activation
    data = data_of(Problem(1e150 * X, Y), psi, 0.3, 1.0)
    entries = replace(measure(extreme(1.0, 1.0, 1.0, 0.3, "tanh"))[1], sigma0=2.0, b2=3.0, b4=13.0)
    assert data.kappa_1 == math.inf or data.kappa_1 == pytest.approx(data.chi**2, rel=1e-12, abs=0.0)
    assert replace(data, chi=1e200).kappa_1 == math.inf
    assert replace(data, chi=1e200).bend == replace(data, chi=1e200).theta_bend(entries) == 0.0  # ψ″ = 0
    for chi in (1e200, 1e-200):  # raised where the true value is above or below every float
        far = replace(data, chi=chi, B2=1.0)
        bends = np.array([far.bend, far.theta_bend(entries), far.gram_bend(entries)])
        assert np.isinf(bends).all() if chi > 1 else ((bends >= 1e-300) & (bends < 1e-290)).all()
    four = replace(data, B1=2.0, B2=3.0, B3=5.0, chi=7.0, radius=11.0)
    assert (four.kappa_1, four.bend) == (196.0, 196.0 * 3 * 11 * 7)
    assert four.theta_bend(entries) == 13.0 * 196.0 * 121 * 49 * (18 + 10)
    assert four.gram_bend(entries) == 2 * 2.0 * math.sqrt(13.0) * four.bend + 196.0**2 * 3.0
