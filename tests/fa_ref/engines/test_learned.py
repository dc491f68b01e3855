"""Feedback that learns: the definition, its engines, and what every part of the house knows of the two rules."""

import naive
import numpy as np
import pytest
from scipy import stats

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from fa_ref.engines.reduced import Span, Statistics, sample_in_law
from fa_ref.measures import MEASURES
from tests.fa_ref import carried_back
from tests.fa_ref.engines.test_gram import check_same
from tests.fa_ref.engines.test_reduced import OF_UNITS, random_problem
from validation import assert_same_run

LEARNED = ("kolen-pollack", "hebbian")


def make(seed=0, n=6, d=9, p=40):
    rng = np.random.default_rng(seed)
    return Problem(rng.standard_normal((n, d)) / 3.0, rng.standard_normal(n)), Network.gaussian(p, d, rng)


def autograd(problem, network, eta, lam, rule):
    """Residuals and weights by PyTorch: the feedback is a backward of its own, each rule a loss of its own."""
    product, torch = carried_back.product(), pytest.importorskip("torch")

    W, beta, b = (torch.tensor(array, requires_grad=True) for array in (network.W, network.beta, network.b))
    X, y, root, residuals = torch.tensor(problem.X), torch.tensor(problem.y), np.sqrt(network.p), []
    for penalty in lam:
        h = torch.tanh(W @ X.T)
        f = product(beta[None], b.detach()[None], h)[0] / root
        e = f - y
        residuals.append(e.detach().numpy().copy())
        loss = 0.5 * (e**2).sum() + 0.5 * penalty * (beta**2).sum()
        signal = (e if rule == "kolen-pollack" else -f).detach()
        mirror = signal @ (b @ h.detach()) / root + 0.5 * penalty * (b**2).sum()  # ∇_b is what b descends on
        moved = torch.autograd.grad(loss + mirror, (W, beta, b))
        with torch.no_grad():
            for weights, gradient in zip((W, beta, b), moved, strict=True):
                weights -= eta * gradient
    return np.array(residuals), Network(*(weights.detach().numpy() for weights in (W, beta, b)))


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram"])
@pytest.mark.parametrize("rule", LEARNED)
def test_autograd_agrees_over_a_hundred_steps(rule, engine):
    problem, network = make()
    ridge = schedules.inverse_square(0.5, tau=20.0)
    run = train(problem, network, "tanh", eta=0.1, steps=100, ridge=ridge, rule=rule, engine=engine)
    residuals, last = autograd(problem, network, 0.1, ridge.values(100), rule)
    np.testing.assert_allclose(run.residuals[:-1], residuals, rtol=0, atol=1e-12)
    for name in ("W", "beta", "b"):
        np.testing.assert_allclose(getattr(run.network, name), getattr(last, name), rtol=0, atol=1e-12)


def test_the_rules_differ():
    problem, network = make()
    lam = np.full(30, 0.1)
    runs = {
        rule: naive.descend(problem.X, problem.y, network.W, network.beta, network.b, "tanh", 0.1, lam, 30, rule)[0]
        for rule in ("fa", "bp", *LEARNED)
    }
    for rule, residuals in runs.items():
        for other in set(runs) - {rule}:
            assert np.abs(residuals - runs[other]).max() > 1e-3


@pytest.mark.parametrize("rule", LEARNED)
def test_a_setting_is_saved_replayed_and_judged_with_its_rule(rule, tmp_path):
    problem, network = make()
    setting = Setting(problem, network, "tanh", eta=0.1, ridge=schedules.constant(0.1), rule=rule)
    assert str(setting).endswith(f"rule {rule}")
    setting.save(tmp_path / "setting.npz")
    again = Setting.load(tmp_path / "setting.npz")
    assert again == setting != setting.replace(rule="fa")
    run = train(setting, steps=30, engine="ordered")
    run.save(tmp_path / "run.npz")
    replayed = train(Trajectory.load(tmp_path / "run.npz").setting, steps=30, engine="ordered")
    assert np.array_equal(replayed.residuals, run.residuals)
    assert np.array_equal(setting.start.b, network.b)
    assert not np.array_equal(run.network.b, network.b)

    theirs = naive.descend(
        problem.X, problem.y, network.W, network.beta, network.b, "tanh", 0.1, np.full(30, 0.1), 30, rule
    )[0]
    assert_same_run(setting, theirs)
    for other in {"fa", "bp", *LEARNED} - {rule}:
        with pytest.raises(AssertionError, match="differ by"):
            assert_same_run(setting.replace(rule=other), theirs)


def test_an_observer_sees_b_move_and_measures_are_of_that_b():
    problem, network = make()
    seen = []
    run = train(
        problem, network, eta=0.1, steps=9, ridge=schedules.constant(0.2), rule="kolen-pollack", engine="ordered",
        observe=lambda t, now: seen.append(now.copy()),
    )  # fmt: skip
    for now, norm, cosine in zip(seen, run.measures["feedback_norm"], run.alignment, strict=True):
        assert norm == pytest.approx(np.linalg.norm(now.b), rel=1e-14)
        assert cosine == pytest.approx(now.alignment, rel=1e-14)
    assert not np.array_equal(seen[0].b, seen[1].b)


@pytest.mark.parametrize("rule", LEARNED)
def test_a_zero_step_of_b_is_feedback_alignment(rule):
    """With ψ = 0 at every sample nothing is learnt, and b stays."""
    problem = Problem(-np.eye(2), [1.0, 1.0])
    network = Network(np.ones((3, 2)), np.ones(3), [1.0, -2.0, 0.5])
    run = train(problem, network, "relu", eta=0.1, steps=5, rule=rule, engine="ordered")
    assert np.array_equal(run.network.b, network.b)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("rule", ["bp", *LEARNED])
def test_reduced_is_the_trajectory_of_the_loops(rule, rng):
    """Any number of samples, more than dimensions too; from a network, and from its averages alone."""
    for _ in range(8):
        problem, network, settings = random_problem(rng)
        settings |= {"activation": "linear", "steps": 200, "record_every": 7, "rule": rule}
        reference = train(problem, network, engine="ordered", **settings)
        run = train(problem, network, engine="reduced", **settings)
        assert run.engine == "reduced"
        check_same(reference, run)
        for name in ("W", "beta", "b"):  # 200 roundings of numbers below 5
            np.testing.assert_allclose(getattr(run.network, name), getattr(reference.network, name), atol=1e-12)
        averages = train(problem, Statistics.of(problem, network), engine="reduced", **settings)
        known = set(MEASURES) - {*OF_UNITS, "weight_movement", "scaled_weight_movement"}
        for name in set(MEASURES) - known:
            assert np.isnan(averages.measures[name]).all()
        for name in known:
            np.testing.assert_allclose(averages.measures[name], reference.measures[name], rtol=1e-9, atol=1e-11)


def test_reduced_with_a_fixed_b_is_the_expansion_of_section_6(rng):
    problem, network, settings = random_problem(rng)
    run = train(problem, network, "linear", engine="reduced", steps=50, **settings)
    engine = Span(problem, network, settings["eta"], settings["ridge"].values(50), "fa")
    residuals, rows = np.empty((51, problem.n)), np.empty((51, len(MEASURES)))
    engine.advance(np.append(np.arange(51), 50), np.inf, residuals, rows)
    np.testing.assert_allclose(residuals, run.residuals, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(engine.network.W, run.network.W, atol=1e-12)


@pytest.mark.parametrize("rule", LEARNED)
def test_a_drawn_network_of_any_width_has_the_law_of_explicit_ones(rule):
    """Kolmogorov–Smirnov, 300 draws of each, three statistics: false alarm 3·10⁻⁷."""
    problem, p = make(n=3, d=4)[0], 12
    ridge, drawn, explicit = schedules.constant(0.3), [], []
    settings = {"eta": 0.2, "steps": 25, "ridge": ridge, "rule": rule, "record_every": 25}
    for seed in range(300):
        rng = np.random.default_rng([seed, 7])
        one = train(problem, sample_in_law(problem, p, rng), "linear", **settings)
        two = train(problem, Network.gaussian(p, 4, rng), "linear", **settings)
        for run, found in ((one, drawn), (two, explicit)):
            found.append([run.residuals[-1, 0], run.alignment[-1], run.measures["feedback_norm"][-1]])
    for ours, theirs in zip(np.transpose(drawn), np.transpose(explicit), strict=True):
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-7
    wide = train(problem, sample_in_law(problem, 10**12, np.random.default_rng(0)), "linear", **settings)
    assert np.isfinite(wide.residuals).all()


def test_a_wide_drawn_network_follows_the_ridge_path():
    """p = 10¹²: e(t+1) = (I − ηK − ηλ) e − ηλy up to p^(−1/2) times numbers of order ten."""
    problem = make(n=3, d=4)[0]
    start = sample_in_law(problem, 10**12, np.random.default_rng(0))
    run = train(problem, start, "linear", eta=0.2, steps=60, ridge=schedules.constant(0.3), rule="kolen-pollack")
    e = run.residuals[0]
    for seen in run.residuals[1:]:
        e = e - 0.2 * (problem.K @ e + 0.3 * (e + problem.y))
        assert np.abs(seen - e).max() < 1e-4


@pytest.mark.parametrize("rule", LEARNED)
def test_a_nonlinear_network_is_refused_by_reduced_in_one_line(rule):
    problem, network = make()
    with pytest.raises(ValueError, match="'reduced' is for a linear network, got 'reduced' for tanh") as caught:
        train(problem, network, "tanh", eta=0.1, steps=1, rule=rule, engine="reduced")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["loops", "ordered", "gram", "reduced"])
@pytest.mark.parametrize("rule", LEARNED)
def test_slices_change_no_bit_and_progress_is_told(rule, engine, monkeypatch):
    """A run in many short slices is the straight run; an interrupt between two of them comes through."""
    problem, network = make()
    settings = {"eta": 0.1, "steps": 60, "rule": rule, "engine": engine, "ridge": schedules.constant(0.1)}
    whole = train(problem, network, "linear", **settings)
    monkeypatch.setattr("fa_ref.engines.slices.FIRST", 1)
    monkeypatch.setattr("fa_ref.engines.slices.SECONDS", 0.0)
    seen = []
    sliced = train(problem, network, "linear", **settings, progress=lambda t, so_far: seen.append((t, so_far())))
    assert np.array_equal(whole.residuals, sliced.residuals)
    assert whole.network.digest() == sliced.network.digest()
    assert len(seen) >= 59
    _, so_far = seen[30]
    assert np.array_equal(so_far.residuals, whole.residuals[: so_far.times.size])

    def interrupt(t, _):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(problem, network, "linear", **settings, progress=interrupt)
