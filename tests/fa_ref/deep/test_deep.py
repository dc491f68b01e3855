"""Deep networks: the loops are Algorithm 1 at L = 1, follow autograd, and the products follow the loops."""

import numpy as np
import pytest

from fa_ref import Network, Problem, schedules, train
from fa_ref.deep import DeepNetwork, train_deep
from fa_ref.deep.training import RULES
from tests.fa_ref import carried_back

STEPS = 100


def problem_of(rng, n=4, d=6):
    return Problem(rng.standard_normal((n, d)) / np.sqrt(d), rng.standard_normal(n))


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity", "softplus"])
@pytest.mark.parametrize("rule", RULES)
def test_one_layer_is_algorithm_1_bit_for_bit(activation, rule, rng):
    problem, network = problem_of(rng), Network.gaussian(30, 6, rng)
    settings = {"eta": 0.2, "steps": 40, "ridge": schedules.cutoff(0.4, 20), "engine": "loops"}
    ours = train_deep(problem, DeepNetwork.of(network), activation, rule=rule, **settings)
    theirs = train(problem, network, activation, rule="bp" if rule == "bp" else "fa", **settings)
    assert np.array_equal(ours.network.W, theirs.network.W)
    assert np.array_equal(ours.network.beta, theirs.network.beta)


def test_one_layer_draws_what_a_two_layer_network_draws():
    deep = DeepNetwork.gaussian(L=1, p=7, d=3, rng=np.random.default_rng(5))
    flat = Network.gaussian(7, 3, np.random.default_rng(5))
    for name in ("W", "beta"):
        assert np.array_equal(getattr(deep, name), getattr(flat, name))
    assert np.array_equal(deep.b[0], flat.b)


@pytest.mark.parametrize("L", [1, 2, 3, 4])
@pytest.mark.parametrize("rule", RULES)
def test_products_follow_the_loops(L, rule, rng):
    problem = problem_of(rng)
    network = DeepNetwork.gaussian(L=L, p=20, d=6, rng=rng)
    settings = {"eta": 0.1, "steps": STEPS, "ridge": schedules.constant(0.05), "rule": rule}
    loops, blas = (train_deep(problem, network, "tanh", engine=engine, **settings) for engine in ("loops", "blas"))
    np.testing.assert_allclose(blas.residuals, loops.residuals, rtol=0, atol=1e-12 * np.abs(loops.residuals).max())
    np.testing.assert_allclose(blas.layers, loops.layers, atol=1e-10)


@pytest.mark.parametrize("L", [1, 2, 3])
def test_backpropagation_is_the_gradient(L, rng):
    """Central differences of ½‖e‖² in every kind of weight."""
    problem = problem_of(rng, n=3, d=4)
    network = DeepNetwork.gaussian(L=L, p=5, d=4, rng=rng)

    def loss(net):
        return 0.5 * np.sum((net.output(problem.X, "tanh") - problem.y) ** 2)

    eta, h = 1e-6, 1e-5
    stepped = train_deep(problem, network, "tanh", eta=eta, steps=1, rule="bp").network
    for name in ("W", "V", "beta"):
        moved = (getattr(network, name) - getattr(stepped, name)) / eta
        for index in np.ndindex(moved.shape):
            ends = []
            for sign in (1.0, -1.0):
                other = network.copy()
                getattr(other, name)[index] += sign * h
                ends.append(loss(other))
            assert moved[index] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-8)


def test_the_rules_differ_at_depth_and_only_in_what_carries_the_error(rng):
    problem, network = problem_of(rng), DeepNetwork.gaussian(L=3, p=15, d=6, rng=rng)
    runs = {rule: train_deep(problem, network, "tanh", eta=0.1, steps=5, rule=rule) for rule in RULES}
    assert not np.allclose(runs["fa"].residuals[-1], runs["dfa"].residuals[-1], atol=1e-6)
    assert not np.allclose(runs["fa"].residuals[-1], runs["bp"].residuals[-1], atol=1e-6)
    as_bp = DeepNetwork(W=network.W, V=network.V, beta=network.beta, B=network.V, b=np.tile(network.beta, (3, 1)))
    one = {rule: train_deep(problem, as_bp, "tanh", eta=0.1, steps=1, rule=rule) for rule in ("fa", "bp")}
    np.testing.assert_allclose(one["fa"].network.V, one["bp"].network.V, atol=1e-15)
    np.testing.assert_allclose(one["bp"].layers[0], 1.0)
    np.testing.assert_allclose(one["fa"].layers[0], 1.0)


def test_divergence_is_a_result(rng):
    problem, network = problem_of(rng), DeepNetwork.gaussian(L=2, p=15, d=6, rng=rng)
    for engine in ("loops", "blas"):
        run = train_deep(problem, network, "identity", eta=50.0, steps=200, engine=engine)
        assert run.status == "diverged"
        assert run.times[-1] < 200


def test_what_does_not_fit_is_refused(rng):
    network = DeepNetwork.gaussian(L=2, p=5, d=4, rng=rng)
    with pytest.raises(ValueError, match=r"B: expected shape \(1, 5, 5\)"):
        DeepNetwork(W=network.W, V=network.V, beta=network.beta, B=np.ones((2, 5, 5)), b=network.b)
    with pytest.raises(ValueError, match="rule: expected one of fa, dfa, bp"):
        train_deep(Problem(np.eye(4), np.ones(4)), network, eta=0.1, steps=1, rule="pc")
    with pytest.raises(ValueError, match="network: expected input dimension 3"):
        train_deep(Problem(np.eye(3), np.ones(3)), network, eta=0.1, steps=1)


@pytest.mark.parametrize("L", [1, 2, 3, 4])
@pytest.mark.parametrize("rule", RULES)
def test_autograd_with_a_custom_backward_agrees(L, rule, rng):
    """PyTorch in float64: h ↦ V h forwards, B or the direct path backwards; to 10⁻¹² over 100 steps."""
    product, torch = carried_back.product(), pytest.importorskip("torch")

    problem, root = problem_of(rng), np.sqrt(20)
    network = DeepNetwork.gaussian(L=L, p=20, d=6, rng=rng)
    X, y = torch.tensor(problem.X), torch.tensor(problem.y)
    W, V, beta = (torch.tensor(getattr(network, name), requires_grad=True) for name in ("W", "V", "beta"))
    B, b = torch.tensor(network.B), torch.tensor(network.b)
    eta, lam, residuals = 0.1, 0.05, []
    for _ in range(STEPS + 1):
        layers, h = [], torch.tanh(W @ X.T)
        layers.append(h)
        for k in range(L - 1):
            below = h.detach() if rule == "dfa" else h
            h = torch.tanh(product(V[k], V[k] if rule == "bp" else B[k], below) / root)
            layers.append(h)
        out = h.detach() if rule == "dfa" else h
        back = beta[None] if rule == "bp" else b[-1][None]
        e = product(beta[None], back, out)[0] / root - y
        residuals.append(e.detach().numpy().copy())
        W.grad = V.grad = beta.grad = None
        loss = 0.5 * (e**2).sum() + 0.5 * lam * (beta**2).sum()
        if rule == "dfa":  # each layer sees the output's error through b[l]
            loss = loss + sum((layers[k] * torch.outer(b[k], e.detach()) / root).sum() for k in range(L))
        loss.backward()
        with torch.no_grad():
            for weights in (W, V, beta):
                if weights.grad is not None:
                    weights -= eta * weights.grad
    ours = train_deep(problem, network, "tanh", eta=eta, steps=STEPS, ridge=schedules.constant(lam), rule=rule)
    np.testing.assert_allclose(ours.residuals, residuals, rtol=0, atol=1e-12 * np.abs(residuals).max())
