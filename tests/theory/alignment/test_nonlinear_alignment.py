"""Theorems A, B, C, B′ and C′ against oracles, and every inequality of their proofs against runs."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from oracles import naive_alignment

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.activations import ACTIVATIONS, resolve
from theory.alignment.nonlinear import closed, ledger, proved_alignment, ridge_path, sharp
from theory.alignment.nonlinear.entries import penalty_of
from theory.alignment.nonlinear.majorants import majorants
from theory.alignment.nonlinear.measuring import curvature, measure

SMOOTH = ("tanh", "sigmoid", "softplus", "identity", "erf")
BESIDE = [folder / "shared" / "oracles" / "nonlinear_alignment.py" for folder in Path(__file__).parents[4:6]]
SHARED = next((path for path in BESIDE if path.exists()), None)


def second_derivative(name):
    return lambda z: curvature(ACTIVATIONS[name], z)[0]


def random_setting(seed, names=SMOOTH, *, low=3.0, high=8.0, near_identity=False, cutoff=None):
    """A small random setting; every fourth starts from trained weights."""
    rng = np.random.default_rng(seed)
    psi, n = resolve(names[seed % len(names)]), int(rng.integers(1, 4))
    d = n if near_identity else int(rng.integers(1, 4))
    X = np.eye(n) + 0.1 * rng.standard_normal((n, n)) if near_identity else 0.8 * rng.standard_normal((n, d))
    problem, lam = Problem(X, rng.standard_normal(n)), float(np.exp(rng.uniform(-0.5, 1.2)))
    eta = float(rng.uniform(0.3, 0.95)) / (lam + 2 * problem.lambda_max + (n if np.isfinite(psi.B0) else 1))
    network = Network.gaussian(int(np.exp(rng.uniform(low, high))), d, rng)
    ridge = schedules.constant(lam) if cutoff is None else schedules.cutoff(lam, cutoff)
    if seed % 4 == 0:
        steps = int(rng.integers(1, 40))
        network = train(problem, network, psi, eta=eta, steps=steps, ridge=schedules.constant(lam)).network
    return Setting(problem, network, psi, eta=eta, ridge=ridge)


def require(lines):
    for line in lines:
        assert line.holds, (line.name, float((line.measured - line.bound).max()))


def require_that_each_can_fail(ledgers, *, least=1, silent=()):
    """A bound divided by twice its smallest slack over all runs is caught; each speaks on ``least`` runs."""
    names = {line.name for lines in ledgers for line in lines} - set(silent)
    assert len(names) > 1
    for name in names:
        lines = [line for each in ledgers for line in each if line.name == name]
        slacks = [line.slack for line in lines if math.isfinite(line.slack)]
        assert len(slacks) >= least, name
        assert not all(line.divided(2 * min(slacks)).holds for line in lines), name


CASES = [
    ([1.0, 1.0], "tanh", 1.0, 0.3, 320_000, 160),
    ([1.0], "tanh", 0.5, 0.5, 80_000, 90),
    ([1.0, -0.6], "sigmoid", 1.0, 0.2, 50_000, 80),
    ([0.3, -0.2], "softplus", 1.0, 0.2, 100_000, 60),
    ([0.5], "identity", 2.0, 0.1, 50_000, 60),
    ([1.0, 1.0], "tanh", 1.0, 0.3, 300, 10),
]


@pytest.mark.parametrize(("y", "name", "lam", "eta", "p", "t"), CASES)
def test_the_closed_forms_are_the_theorem(y, name, lam, eta, p, t):
    rng, psi = np.random.default_rng(0), ACTIVATIONS[name]
    X, B = np.eye(len(y)) + 0.01 * rng.standard_normal((len(y), len(y))), (psi.B0, psi.B1, psi.B2, psi.B3)
    network = Network.gaussian(p, len(y), rng)
    data, entries = measure(Setting(Problem(X, y), network, psi, eta=eta, ridge=schedules.constant(lam)))
    for order in (1, 2):
        want = naive_alignment.bounds(
            X, np.array(y), (network.W, network.beta, network.b), (psi, psi.derivative, second_derivative(name)), B,
            lam, eta, t, order,
        )  # fmt: skip
        bounds = closed.before_cutoff(data, entries, t, order), closed.after_cutoff(data, entries, t, order)
        assert tuple(bound.cosine for bound in bounds) == pytest.approx(want, rel=1e-9, abs=1e-9)
    assert (want[0] > 0) == (p > 300)


@pytest.mark.skipif(SHARED is None, reason="the shared oracle is not beside this checkout")
def test_the_closed_forms_agree_with_the_shared_oracle():
    spec = importlib.util.spec_from_file_location("shared_oracle", SHARED)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    tanh = ACTIVATIONS["tanh"]
    psi = {"f": tanh, "d": tanh.derivative, "dd": second_derivative("tanh")}
    psi |= {name: getattr(tanh, name) for name in ("B0", "B1", "B2", "B3")}
    finite = 0
    for seed, (y, p) in enumerate([([1.0, 1.0], 20_000), ([1.0, 1.0], 320_000), ([1.0], 80_000)]):
        problem, lam, eta = Problem(np.eye(len(y)), y), 1.0, 0.3
        network = Network.gaussian(p, len(y), np.random.default_rng(seed))
        d, m = oracle.measure2(
            problem.X, problem.y, problem.X @ network.W.T, network.beta, network.b, psi, lam, eta
        )
        data, entries = measure(Setting(problem, network, tanh, eta=eta, ridge=schedules.constant(lam)))
        for theta in (0.2, 0.35, 1.0):
            t = math.floor(theta * math.sqrt(p))
            for order, bound in ((1, oracle.bound), (2, oracle.bound2)):
                for cut, ours in ((False, closed.before_cutoff), (True, closed.after_cutoff)):
                    want = bound(d, m, theta, cut)[0]
                    finite += math.isfinite(want)
                    assert ours(data, entries, t, order).cosine == pytest.approx(want, rel=1e-9, abs=1e-9)
    assert finite >= 12


@pytest.mark.parametrize("name", SMOOTH)
def test_the_second_derivative_is_within_its_error(name):
    from fa_ref.activations import Activation

    z, psi = np.linspace(-4, 4, 41), ACTIVATIONS[name]
    exact, error = curvature(psi, z)
    numerical = (psi.derivative(z + 1e-5) - psi.derivative(z - 1e-5)) / 2e-5
    assert np.abs(exact - numerical).max() < 1e-8
    own = Activation("own", lambda x: math.tanh(x), lambda x: 1 / math.cosh(x) ** 2, B0=1.0, B1=1.0, B2=0.8, B3=2.0)
    value, bound = curvature(own, z)
    assert (np.abs(value - curvature(ACTIVATIONS["tanh"], z)[0]) <= bound).all()
    assert (error < 1e-13).all()


def test_the_sharp_ledger_holds_and_can_fail():
    ledgers = [ledger.sharp_ledger(random_setting(seed), 40) for seed in range(15)]
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers)


@pytest.mark.parametrize("order", [1, 2])
def test_the_closed_ledger_holds_and_can_fail(order):
    ledgers = [
        ledger.closed_ledger(random_setting(seed, low=7.0, high=8.5, near_identity=True), 30, order)
        for seed in range(6)
    ]
    assert sum(map(bool, ledgers)) >= 4
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_ledger_after_a_cutoff_holds_and_can_fail(order):
    ledgers = [
        ledger.cutoff_ledger(random_setting(seed, low=8.0, high=9.0, near_identity=True, cutoff=15), 30, order)
        for seed in range(10)
    ]
    assert any(ledgers)
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers, silent=() if order == 0 else ("1 − cos",))


@pytest.mark.nightly
def test_the_sharp_ledger_on_a_hundred_runs():
    ledgers = [ledger.sharp_ledger(random_setting(seed, high=9.0), 80) for seed in range(160)]
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers, least=100)


@pytest.mark.nightly
@pytest.mark.parametrize("order", [1, 2])
def test_the_closed_ledger_on_a_hundred_runs(order):
    ledgers = [
        ledger.closed_ledger(random_setting(seed, low=7.5, high=9.0, near_identity=True), 60, order)
        for seed in range(170)
    ]
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers, least=100, silent=("1 − cos",))


def easy_setting(seed, p, cutoff=None):
    """One sample and a small target, where the closed forms prove a positive cosine at these widths already.

    One in five is linear: ξ = 0 there, so that its bound speaks on four in five.
    """
    rng = np.random.default_rng(seed)
    ridge = schedules.constant(0.3) if cutoff is None else schedules.cutoff(0.3, cutoff)
    problem, name = Problem([[0.5]], [rng.uniform(0.2, 0.3)]), "identity" if seed % 5 == 0 else "tanh"
    return Setting(problem, Network.gaussian(p, 1, rng), name, eta=0.6, ridge=ridge)


@pytest.mark.nightly
@pytest.mark.parametrize("order", [1, 2])
def test_the_closed_bound_of_the_cosine_on_a_hundred_runs(order):
    ledgers = [ledger.closed_ledger(easy_setting(seed, 8000), 110, order) for seed in range(130)]
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers, least=100)


@pytest.mark.nightly
@pytest.mark.parametrize(("order", "p", "T"), [(0, 4000, 60), (1, 50_000, 200), (2, 16_000, 150)])
def test_the_ledger_after_a_cutoff_on_a_hundred_runs(order, p, T):
    ledgers = [ledger.cutoff_ledger(easy_setting(seed, p, T), 60, order) for seed in range(105)]
    for lines in ledgers:
        require(lines)
    require_that_each_can_fail(ledgers, least=100)
    more = [
        ledger.cutoff_ledger(random_setting(seed, low=8.5, high=10.0, near_identity=True, cutoff=20), 60, order)
        for seed in range(40)
    ]
    for lines in more:
        require(lines)


def theorem_a(seeds, steps):
    ratios = []
    for seed in seeds:
        setting = random_setting(seed, (*SMOOTH, "relu"))
        path = ridge_path(setting, steps, every=1 + seed % 3)
        if not path.step_size.met:
            continue
        assert (path.gap <= path.bound + path.rounding).all(), seed
        assert (path.gap <= path.a_priori + path.rounding).all(), seed
        assert (np.abs(path.cosine - path.kappa) <= path.spread + 1e-10).all(), seed
        assert (path.rounding < 1e-6 * (1 + path.gap[0])).all()
        ratios.append((path.bound[1:] / path.gap[1:]).min())
    return ratios


def test_theorem_a_holds_at_every_step_of_any_run():
    ratios = theorem_a(range(24), 60)
    assert len(ratios) >= 20
    assert min(ratios) < 2  # so a bound divided by twice the smallest slack is violated


@pytest.mark.nightly
def test_theorem_a_on_two_hundred_runs():
    assert len(theorem_a(range(240), 200)) >= 200


def test_one_network_is_proved_to_align_before_and_after_a_cutoff():
    problem = Problem(np.eye(2), [1.0, 1.0])
    network = Network.gaussian(10_000, 2, np.random.default_rng(0))
    setting = Setting(problem, network, "tanh", eta=0.3, ridge=schedules.cutoff(1.0, 20))
    data, entries = measure(setting)
    assert sharp.before_cutoff(data, entries, 21).cosine > 0.02
    bound = sharp.after_cutoff(data, entries, 21)
    assert bound.cosine > 0.01
    run = train(setting, steps=400)
    assert run.alignment[-1] > bound.cosine
    assert closed.after_cutoff(data, entries, 21, 2).cosine == -math.inf


@pytest.mark.parametrize("form", ["sharp", "second-order"])
def test_definition_4_1_is_proved_for_one_network_from_a_stated_step_on(form):
    problem, cutoff = Problem([[1.0]], [1.0]), 30 if form == "sharp" else 100
    network = Network.gaussian(10_000 if form == "sharp" else 120_000, 1, np.random.default_rng(1))
    setting = Setting(problem, network, "tanh", eta=0.4, ridge=schedules.cutoff(0.5, cutoff - 1))
    proved = proved_alignment(setting, form=form)
    assert proved
    assert proved.cutoff == cutoff
    settled = proved.settled()
    run = train(setting, steps=settled + 100)
    assert (run.alignment[settled:] >= 0.5 * proved.after.cosine).all()
    assert (run.residual_norms[cutoff:] <= proved.after.residual).all()
    at = run.alignment[proved.times]
    assert (at >= proved.bounds).all()
    assert proved.before.cosine == proved.bounds.max() > 0


def test_nothing_is_proved_of_a_narrow_network():
    network = Network.gaussian(20, 2, np.random.default_rng(0))
    setting = Setting(Problem(np.eye(2), [1, 1]), network, "tanh", eta=0.3, ridge=schedules.cutoff(1.0, 20))
    proved = proved_alignment(setting)
    assert not proved
    assert proved.settled() is None


def test_the_mirrored_entries_bound_the_other_side():
    """With sign −1 the numbers bound −m·a and −b·β̃ from below."""
    setting = random_setting(5)
    data, entries = measure(setting, sign=-1)
    found, seen = majorants(data, entries, 30), ledger.follow(setting, 30)
    upto = min(30, found.valid) + 1
    assert (found.overlap[:upto] <= -np.sum(seen.m * seen.a, axis=1)[:upto] + 1e-12).all()
    assert (found.projection[:upto] <= -seen.projection[:upto] + 1e-12).all()


def test_a_step_that_keeps_almost_nothing_of_the_start_is_bounded_from_above():
    """1 − ηλ = 10⁻¹⁰ is known to 10⁻⁶ of itself only: c_t must not be below (1 − ηλ)^t."""
    from dataclasses import replace
    from fractions import Fraction

    data, entries = measure(random_setting(1))
    for k in range(1, 20):
        eta = (1 - k * 1e-10) / data.lam
        found = majorants(replace(data, eta=eta), replace(entries, sigma0=1e-7, g0=0.0), 3)
        assert found.valid >= 1
        exact = 1 - Fraction(eta) * Fraction(data.lam)
        assert Fraction(found.decay[1]) >= exact > 0


def test_the_start_counts_with_less_than_its_share():
    """c_t is known from above; where b·β(0) > 0 helps, less of it is counted, also after very many steps."""
    setting = random_setting(2)
    data, entries = measure(setting)
    found = majorants(data, entries, 40)
    counted = sharp._reached(data, entries, found) - found.projection
    keep = 1 - data.eta * data.lam
    own = keep ** np.arange(41) * entries.overlap
    assert (counted <= own).all()
    assert counted == pytest.approx(own, rel=1e-12, abs=0.0)


def test_schedules_that_only_begin_like_a_constant_or_a_cutoff_are_refused():
    late = schedules.Schedule("late", lambda t: np.where(t < 5000, 1.0, 0.5), math.inf, 1.0)
    again = schedules.explicit([1.0] * 10 + [0.0] * 5 + [0.3])
    for ridge in (late, again):
        with pytest.raises(ValueError, match="ridge: expected λ > 0 that is constant"):
            penalty_of(ridge)
    assert penalty_of(schedules.explicit([0.5] * 4 + [0.0] * 3)) == (0.5, 4.0)


def test_other_schedules_are_refused():
    with pytest.raises(ValueError, match="ridge: expected λ > 0 that is constant"):
        penalty_of(schedules.exponential(1.0, tau=3.0))
    with pytest.raises(ValueError, match="ridge: expected λ > 0"):
        penalty_of(schedules.zero())
