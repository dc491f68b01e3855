"""The definition: compiled = uncompiled = oracle; FA with b = β is gradient descent; the sign of e."""

from pathlib import Path

import naive
import numpy as np
import pytest

from fa_ref import Activation, Network, Problem, learned, loops, schedules, train
from fa_ref.activations import ACTIVATIONS, resolve
from fa_ref.setting import RULES

SOFTSIGN = Activation("softsign", lambda z: z / (1.0 + abs(z)), lambda z: 1.0 / (1.0 + abs(z)) ** 2, B0=1.0, B1=1.0)
ALL = [*ACTIVATIONS.values(), SOFTSIGN]
SMOOTH = [a for a in ALL if a.smooth]


def make(rng, n=7, d=9, p=12):
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    return Problem(X, y), Network.gaussian(p, d, rng)


def plain(function):
    """The function as Python runs it, which under NUMBA_DISABLE_JIT it is already."""
    return getattr(function, "py_func", function)


def interpret(problem, network, activation, eta, lam, rule):
    """`descend`'s steps by the uncompiled functions only, so that no compiled loop is involved."""
    psi, dpsi = plain(activation.psi), plain(activation.dpsi)
    W, beta, b = network.W.copy(), network.beta.copy(), network.b.copy()
    feedback = beta if rule == "bp" else b
    Psi, slopes, f = np.empty((network.p, problem.n)), np.empty((network.p, problem.n)), np.empty(problem.n)
    residuals = []
    for t in range(len(lam) + 1):
        plain(loops.forward)(problem.X, W, beta, psi, dpsi, Psi, slopes, f)
        residuals.append(f - problem.y)
        if t < len(lam):
            plain(loops.update)(problem.X, W, beta, feedback, residuals[-1], eta, lam[t], Psi, slopes)
            if rule in ("kolen-pollack", "hebbian"):
                plain(learned.learn)(b, -f if rule == "hebbian" else residuals[-1], eta, lam[t], Psi)
    return np.array(residuals), W, beta, b


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("activation", ALL, ids=lambda a: a.name)
def test_train_equals_the_uncompiled_loops_bit_for_bit(activation, rule, rng):
    problem, network = make(rng, n=5, d=7, p=9)
    ridge = schedules.inverse_square(0.3, tau=4.0)
    run = train(problem, network, activation, eta=0.02, steps=20, ridge=ridge, rule=rule, engine="loops")
    residuals, W, beta, b = interpret(problem, network, activation, 0.02, ridge.values(20), rule)
    assert np.array_equal(run.residuals, residuals)
    assert np.array_equal(run.network.W, W)
    assert np.array_equal(run.network.beta, beta)
    assert np.array_equal(run.network.b, b)


@pytest.mark.parametrize("page", [loops, learned])
def test_the_page_stays_a_page(page):
    source = Path(page.__file__).read_text().splitlines()
    assert len(source) <= 70


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_train_agrees_with_the_oracle_over_fifty_steps(name, rule, rng):
    problem, network = make(rng, n=20, d=30, p=101)
    ridge = schedules.cutoff(0.5, 20)
    run = train(problem, network, name, eta=0.005, steps=50, ridge=ridge, rule=rule, engine="loops")
    residuals, W, beta, b = naive.descend(
        problem.X, problem.y, network.W, network.beta, network.b, name, 0.005, ridge.values(50), 50, rule
    )
    np.testing.assert_allclose(run.residuals, residuals, rtol=0, atol=1e-12 * np.abs(residuals).max())
    np.testing.assert_allclose(run.network.W, W, rtol=0, atol=1e-12 * np.abs(W).max())
    np.testing.assert_allclose(run.network.beta, beta, rtol=0, atol=1e-12 * np.abs(beta).max())
    np.testing.assert_allclose(run.network.b, b, rtol=0, atol=1e-12 * np.abs(b).max())


def test_the_oracle_would_notice_the_other_rule(rng):
    problem, network = make(rng)
    run = train(problem, network, "tanh", eta=0.05, steps=5, engine="loops")
    residuals = naive.descend(
        problem.X, problem.y, network.W, network.beta, network.b, "tanh", 0.05, np.zeros(5), 5, "bp"
    )[0]
    assert np.abs(run.residuals - residuals).max() > 1e-4


@pytest.mark.parametrize("activation", SMOOTH, ids=lambda a: a.name)
def test_feedback_equal_to_beta_is_gradient_descent(activation, rng):
    """One step with b = β moves each weight by −η ∂L/∂weight, by central differences of the loss."""
    problem, network = make(rng, n=4, d=3, p=5)
    eta, lam, h = 1e-3, 0.7, 1e-4
    tied = Network(network.W, network.beta, network.beta)
    after = train(problem, tied, activation, eta=eta, steps=1, ridge=schedules.constant(lam)).network

    def loss(W, beta):
        f = activation(problem.X @ W.T) @ beta / np.sqrt(tied.p)
        return 0.5 * np.sum((f - problem.y) ** 2) + 0.5 * lam * np.sum(beta**2)

    for array, moved in ((tied.W, after.W), (tied.beta, after.beta)):
        gradient = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            values = []
            for shift in (-2 * h, -h, h, 2 * h):
                array[index] = kept + shift
                values.append(loss(tied.W, tied.beta))
            array[index] = kept
            gradient[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
        # Fourth-order differences: truncation h⁴ ≈ 1e-16 times a fifth derivative, rounding eps·L/h ≈ 1e-11.
        np.testing.assert_allclose((moved - array) / -eta, gradient, rtol=1e-8, atol=1e-9 * np.abs(gradient).max())


def test_bp_is_fa_whose_feedback_follows_beta(rng):
    problem, network = make(rng)
    run = train(problem, network, "tanh", eta=0.05, steps=6, rule="bp", engine="loops")
    current = network
    for _ in range(6):
        current = train(
            problem, Network(current.W, current.beta, current.beta), "tanh", eta=0.05, steps=1, engine="loops"
        ).network
    assert np.array_equal(run.network.W, current.W)
    assert np.array_equal(run.network.beta, current.beta)


def test_the_sign_of_the_residual(rng):
    """e = f − y descends. With e = y − f and the same updates the loss rises, step after step."""
    problem, network = make(rng, n=5, d=8, p=200)
    tanh, eta, X = resolve("tanh"), 0.05, problem.X.copy()

    def losses(sign):
        W, beta = network.W.copy(), network.beta.copy()
        Psi, slopes, f = np.empty((200, 5)), np.empty((200, 5)), np.empty(5)
        out = []
        for _ in range(30):
            loops.forward(X, W, beta, tanh.psi, tanh.dpsi, Psi, slopes, f)
            out.append(0.5 * np.sum((f - problem.y) ** 2))
            e = sign * (f - problem.y)
            loops.update(X, W, beta, network.b, e, eta, 0.0, Psi, slopes)
        return np.array(out)

    assert (np.diff(losses(+1.0)) < 0).all()
    assert (np.diff(losses(-1.0)) > 0).all()


@pytest.mark.parametrize("descend", [loops.descend, plain(loops.descend)])
def test_a_run_diverges_where_its_loss_exceeds_the_limit(descend):
    """f = 3·1·1 and y = (0, 1): e = (3, 2), and ½‖e‖² = 6.5 is no more than 6.5."""
    identity = resolve("identity")
    for limit, end in ((6.5, 1), (np.nextafter(6.5, 0.0), 0), (np.inf, 1), (np.nan, 0)):
        W, beta, b, residuals = np.ones((1, 1)), np.array([3.0]), np.array([1.0]), np.zeros((1, 2))
        parts = np.ones((2, 1)), np.array([0.0, 1.0]), W, beta, b, identity.psi, identity.dpsi
        assert descend(*parts, 0.1, np.zeros(1), limit, residuals) == end
        assert residuals.tolist() == [[3.0, 2.0]]
        assert (beta[0] == 3.0) == (end == 0)


def test_zero_ridge_is_algorithm_1_bit_for_bit(rng):
    problem, network = make(rng)
    plain = train(problem, network, "tanh", eta=0.05, steps=10)
    ridged = train(problem, network, "tanh", eta=0.05, steps=10, ridge=schedules.constant(0.0))
    assert np.array_equal(plain.residuals, ridged.residuals)


def test_permuting_units_or_samples_permutes_the_run(rng):
    problem, network = make(rng, n=6, d=8, p=40)
    units, samples = rng.permutation(40), rng.permutation(6)
    base = train(problem, network, "tanh", eta=0.05, steps=30).residuals
    shuffled = Network(network.W[units], network.beta[units], network.b[units])
    # Only the order of sums changes: 30 steps of rounding on numbers of order one.
    np.testing.assert_allclose(train(problem, shuffled, "tanh", eta=0.05, steps=30).residuals, base, atol=1e-12)
    turned = train(Problem(problem.X[samples], problem.y[samples]), network, "tanh", eta=0.05, steps=30)
    np.testing.assert_allclose(turned.residuals, base[:, samples], atol=1e-12)
