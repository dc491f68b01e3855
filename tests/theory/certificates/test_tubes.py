"""The drift bounds hold along every run, whether it converges or not, once η Σ ‖e‖ is known."""

import itertools
import math

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, train
from fa_ref.activations import ACTIVATIONS
from theory.certificates.from_state import measure
from theory.certificates.tubes import _congruence, _suprema, curvature_formula, drift
from theory.kernels import empirical_G, empirical_H

pytestmark = pytest.mark.usefixtures("one_thread")

SMOOTH = ("identity", "tanh", "sigmoid", "erf", "softplus")


def random_case(seed, activation, scale=1.0):
    rng = np.random.default_rng(seed)
    n, d, p = int(rng.integers(1, 6)), int(rng.integers(1, 7)), int(rng.integers(1, 60))
    problem = Problem(scale * rng.standard_normal((n, d)), rng.standard_normal(n))
    network = Network.gaussian(p, d, rng)
    A = empirical_G(problem.X, network, activation) + empirical_H(problem.X, network, activation)
    eta = rng.uniform(0.05, 2.5) / np.abs(np.linalg.eigvalsh(A)).max()
    return problem, network, eta


def divided_differences(psi, z, z_next):
    """(ψ(z′) − ψ(z))/(z′ − z), and ψ′(z) where the points are too close for a quotient."""
    close = np.abs(z_next - z) < 1e-5
    gap = np.where(close, 1.0, z_next - z)
    middle = psi.derivative((z + z_next) / 2)  # the quotient up to gap²/24·ψ‴ < 10⁻¹¹
    return np.where(close, middle, (psi(z_next) - psi(z)) / gap)


def movements(problem, network, activation, eta, steps):
    """The run's η Σ ‖e‖, and at each step its distances from the start and the residual of e′ = (I − ηM)e."""
    psi, X, p = ACTIVATIONS[activation], problem.X, network.p
    states = []
    train(problem, network, activation, eta=eta, steps=steps, observe=lambda t, now: states.append(now.copy()))
    A = empirical_G(X, network, activation) + empirical_H(X, network, activation)
    z_0, Psi_0 = X @ network.W.T, psi(X @ network.W.T)
    used, rows = 0.0, []
    for now, after in itertools.pairwise(states):
        z, z_next = X @ now.W.T, X @ after.W.T
        D, quotients = psi.derivative(z), divided_differences(psi, z, z_next)
        M = psi(z) @ psi(z).T / p + problem.K * ((quotients * (after.beta * network.b)) @ D.T) / p
        e, e_next = (w.output(X, psi) - problem.y for w in (now, after))
        used += eta * np.linalg.norm(e)
        moved = (np.linalg.norm(M - A, 2), np.linalg.norm(psi(z_next) - Psi_0, 2) / math.sqrt(p),
                 np.linalg.norm(after.beta - network.beta), np.abs(z_next - z_0).max())  # fmt: skip
        rows.append((used, *moved, np.linalg.norm(e - eta * M @ e - e_next)))
    return rows


@pytest.mark.parametrize("activation", SMOOTH)
def test_every_lemma_holds_along_every_run(activation):
    checked = 0
    for seed in range(12):
        problem, network, eta = random_case(seed, activation, scale=(0.3, 1.0, 4.0)[seed % 3])
        state = measure(Setting(problem, network, ACTIVATIONS[activation], eta=0.1)).state
        for used, M, Psi, beta, z, _ in movements(problem, network, activation, eta, 12):
            bound = drift(state, used)
            # 10⁻¹²·size: the measured distances are differences of numbers of that size, each a sum of < 200 terms
            slack = 1e-12 * (1 + M + Psi + beta + z + np.abs(network.W).sum() * problem.radius)
            assert bound.map + slack >= M
            assert bound.psi + slack >= Psi
            assert beta <= bound.beta + slack
            assert z <= bound.radius + slack
            checked += 1
    assert checked > 100


def test_one_step_is_a_linear_map_of_the_residual():
    for seed in range(8):
        problem, network, eta = random_case(seed, "tanh")
        for *_, defect in movements(problem, network, "tanh", eta, 6):
            # quotients carry an error of 2⁻⁵²/10⁻⁵ < 10⁻¹⁰, weighted by |β b| K and η, all of order 10² at most
            assert defect < 1e-7


def test_a_quarter_of_the_movement_budget_is_not_enough():
    """The negative control: with U too small by a factor, the bounds are crossed, so the test above can fail."""
    crossed = 0
    for seed in range(12):
        problem, network, eta = random_case(seed, "identity")
        state = measure(Setting(problem, network, ACTIVATIONS["identity"], eta=0.1)).state
        used, _, _, beta, z, _ = movements(problem, network, "identity", eta, 12)[0]
        bound = drift(state, used / 4)
        crossed += bool(beta > bound.beta or z > bound.radius)
    assert crossed > 3


@pytest.mark.parametrize("activation", SMOOTH)
def test_suprema_on_the_tube(activation):
    psi, rng = ACTIVATIONS[activation], np.random.default_rng(1)
    centres = np.concatenate([[0.0], rng.uniform(-6, 6, 300)])[None, :]
    for radius in (1e-9, 1e-3, 0.1, 1.0, 30.0):
        one = Network(np.ones((1, 1)), [1.0], [1.0])
        state = measure(Setting(Problem([[1.0]], [0.0]), one, psi, eta=0.1)).state
        slope = np.abs(psi.derivative(centres))
        bend = np.abs(curvature_formula(psi)(centres, psi(centres), psi.derivative(centres)))
        state = type(state)(**{**state.__dict__, "slope": slope, "curvature": bend})
        slopes, bends = _suprema(state, np.full(centres.shape, radius))
        grid = centres[..., None] + radius * np.linspace(-1, 1, 201)
        seen = np.abs(psi.derivative(grid))
        seen_bend = np.abs(curvature_formula(psi)(grid, psi(grid), psi.derivative(grid)))
        assert (seen.max(axis=-1) <= slopes * (1 + 1e-14)).all()  # both sides are rounded
        assert (seen_bend.max(axis=-1) <= bends * (1 + 1e-13) + 1e-16).all()
        assert (slopes <= state.B1).all()
        assert (bends <= state.B2).all()


@pytest.mark.parametrize("activation", SMOOTH)
def test_curvature_is_the_second_derivative(activation):
    psi, h = ACTIVATIONS[activation], 1e-6
    for z in (-2.3, -0.4, 0.0, 0.7, 3.1):
        quotient = (psi.dpsi(z + h) - psi.dpsi(z - h)) / (2 * h)
        # central differences of a function with |ψ⁗| < 10: h²·10/6 + 2⁻⁵²/h < 3·10⁻¹⁰
        assert abs(curvature_formula(psi)(z, psi.psi(z), psi.dpsi(z)) - quotient) < 3e-10


def test_congruence_bounds_the_norm():
    rng = np.random.default_rng(2)
    for n in (1, 2, 5, 9):
        X, D = rng.standard_normal((n, 4)), rng.exponential(size=(n, 6)) ** 3
        one = measure(
            Setting(Problem(X, np.zeros(n)), Network.gaussian(3, 4, rng), ACTIVATIONS["tanh"], eta=0.1)
        ).state
        norms = [np.linalg.norm(D[:, [r]] * (X @ X.T) * D[:, r], 2) for r in range(6)]
        assert (norms <= _congruence(one, D) * (1 + 1e-12)).all()


def test_drift_grows_faster_than_linearly():
    for activation in SMOOTH:
        problem, network, _ = random_case(5, activation)
        state = measure(Setting(problem, network, ACTIVATIONS[activation], eta=0.1)).state
        ratios = [drift(state, U).map / U for U in np.geomspace(1e-8, 1e2, 60)]
        assert (np.diff(ratios) >= -1e-12 * np.array(ratios[1:])).all()


def test_a_relu_unit_that_may_cross_its_kink_has_no_bound():
    unit, one = np.ones((1, 1)), np.ones(1)
    state = measure(
        Setting(Problem(unit, [0.0]), Network(0.5 * unit, one, one), ACTIVATIONS["relu"], eta=0.1)
    ).state
    assert drift(state, 0.4).map < math.inf
    assert drift(state, 0.6).map == math.inf
    assert drift(state, 0.4).kink == pytest.approx(0.5 / 0.4)
