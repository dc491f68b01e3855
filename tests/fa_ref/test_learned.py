"""Feedback that learns: the definition, its engines, and what every part of the house knows of the two rules."""

import naive
import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from validation import assert_same_run

LEARNED = ("kolen-pollack", "hebbian")


def make(seed=0, n=6, d=9, p=40):
    rng = np.random.default_rng(seed)
    return Problem(rng.standard_normal((n, d)) / 3.0, rng.standard_normal(n)), Network.gaussian(p, d, rng)


def autograd(problem, network, eta, lam, rule):
    """Residuals and weights by PyTorch: the feedback is a backward of its own, each rule a loss of its own."""
    torch = pytest.importorskip("torch")

    class Back(torch.autograd.Function):
        """Multiply by ``forwards``; carry gradients back through ``backwards``."""

        @staticmethod
        def forward(ctx, forwards, backwards, h):
            ctx.save_for_backward(backwards, h)
            return forwards @ h

        @staticmethod
        def backward(ctx, grad):
            backwards, h = ctx.saved_tensors
            return h @ grad, None, torch.outer(backwards, grad)

    W, beta, b = (torch.tensor(array, requires_grad=True) for array in (network.W, network.beta, network.b))
    X, y, root, residuals = torch.tensor(problem.X), torch.tensor(problem.y), np.sqrt(network.p), []
    for penalty in lam:
        h = torch.tanh(W @ X.T)
        f = Back.apply(beta, b.detach(), h) / root
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
