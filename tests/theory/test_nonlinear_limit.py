"""Theorem D: the θ-limit, its identities, and how far networks are from it."""

import math

import numpy as np
import pytest
from scipy.integrate import simpson

from fa_ref import Network, Problem, Setting, schedules
from theory.alignment import sharp_constant
from theory.alignment.nonlinear.theta_limit import distance, early_slope, theta_limit
from theory.limits import wide_prediction

PROBLEM, LAM, ETA, END = Problem([[1.0]], [1.0]), 0.5, 0.5, 1.6


@pytest.fixture(scope="module")
def limit():
    return theta_limit(PROBLEM, "tanh", LAM, eta=ETA, end=END, nodes=200)


def setting(p, seed, name="tanh"):
    network = Network.gaussian(p, 1, np.random.default_rng(seed))
    return Setting(PROBLEM, network, name, eta=ETA, ridge=schedules.constant(LAM))


def test_the_limit_is_that_of_the_particles():
    problem = Problem(np.eye(2), [1.0, -0.6])
    limit = theta_limit(problem, "tanh", 0.5, eta=0.3, end=2.0, nodes=48)
    said = wide_prediction(problem, "tanh", [1.0, 2.0], eta=0.3, ridge=schedules.constant(0.5), particles=16384)
    at = np.searchsorted(limit.theta, [1.0, 2.0 - 1e-9])
    assert np.abs(limit.kappa[at] - said.alignment) == pytest.approx(0, abs=2 * said.error.max())


def test_the_limit_is_resolved(limit):
    finer = theta_limit(PROBLEM, "tanh", LAM, eta=ETA, end=END, steps=128, nodes=300)
    assert limit.kappa == pytest.approx(finer.kappa[::2], abs=1e-6)


def test_alignment_is_the_integral_of_the_identity(limit):
    for left, seen in ((limit.a, limit.kappa * limit.s), (limit.a / limit.G[:, 0] * (limit.G[:, 0] + LAM), None)):
        inner = simpson(np.einsum("i,tij,tj->t", left[-1], limit.Theta, limit.a), x=limit.theta) * ETA * LAM
        want = seen[-1] if seen is not None else limit.kappa_plus[-1] / math.sqrt(limit.G[-1, 0, 0])
        assert inner == pytest.approx(want, rel=1e-6)


def test_the_lower_bound_of_kappa_holds_and_is_sharp_at_zero(limit):
    q, C = early_slope(PROBLEM, "tanh", LAM, eta=ETA)
    bound = 2 * math.sqrt(LAM) * ETA * LAM * limit.theta * (q - C * limit.theta**2)
    assert ((bound <= limit.kappa + 1e-12) | (bound < 0)).all()
    assert bound[1] > 0
    s = math.sqrt(limit.a[0] @ limit.G[0] @ limit.a[0])
    assert limit.kappa[1] / limit.theta[1] == pytest.approx(ETA * LAM * q / s, rel=1e-3)


def test_a_network_is_within_the_bound_of_the_limit(limit):
    bounds = []
    for seed in range(4):
        found = distance(setting(2000, seed), limit, 60)
        assert abs(found.cosine - found.kappa) <= found.bound
        assert found.a_priori >= found.D
        bounds.append(found.bound / max(abs(found.cosine - found.kappa), 1e-9))
    assert min(bounds) < 1e3
    wide = distance(setting(16_000, 0), limit, 170)
    assert wide.bound < 0.5 * distance(setting(2000, 0), limit, 60).bound


def test_a_wrong_limit_is_further_away():
    """D tells the limit of a target of the opposite sign from the right one."""
    wrong = theta_limit(Problem([[1.0]], [-1.0]), "tanh", LAM, eta=ETA, end=END, nodes=100)
    found = distance(setting(4000, 0), wrong, 80)
    right = distance(setting(4000, 0), theta_limit(PROBLEM, "tanh", LAM, eta=ETA, end=END, nodes=100), 80)
    assert found.D > 5 * right.D
    assert right.D <= right.a_priori < math.inf


def test_the_limit_must_reach(limit):
    with pytest.raises(ValueError, match="limit: expected one that reaches"):
        distance(setting(100, 0), limit, 100)
    with pytest.raises(ValueError, match="nodes: expected nodes"):
        theta_limit(Problem(np.eye(3), [1, 1, 1]), "tanh", 1.0, eta=0.1, end=1.0, nodes=40)


def test_nothing_is_bounded_beyond_the_step_size_of_theorem_a(limit):
    """η(2λ + σ²) ≤ 2 is a hypothesis; and after a cutoff the limit is another one."""
    met = distance(setting(400, 0), limit, 20)
    assert met.step_size.met
    assert math.isfinite(met.bound)
    steep = setting(400, 0).replace(eta=1.9)
    assert not distance(steep, limit, 20).step_size.met
    assert distance(steep, limit, 20).bound == math.inf
    with pytest.raises(ValueError, match="setting: expected feedback alignment under λ up to step 20"):
        distance(setting(400, 0).replace(ridge=schedules.cutoff(LAM, 9)), limit, 20)


def test_linear_networks_have_the_constant_of_theorem_4_6():
    """Its constant is κ⁺ of the limit: here by nodes, there by the root of (1 + L)κ + κ³/3 = c_S ν."""
    L, nu, end = 3.0, 1.0, 4.0
    limit = theta_limit(Problem([[1.0]], [nu]), "identity", L, eta=0.1, end=end, steps=400, nodes=60)
    c_S = 0.1 * end * L  # S_λ = λT, T = θ√p, c_S = η S_λ/√p at n = γ = M = 1
    assert limit.kappa_plus[-1] == pytest.approx(sharp_constant(L, c_S, nu), abs=1e-6)


@pytest.mark.nightly
def test_the_deviation_from_the_limit_is_of_order_one_over_root_p(limit):
    """√p·r.m.s. deviation stays bounded from p = 10³ to 2.5·10⁵, and (6) holds every time."""
    scaled = []
    for p, networks in ((1000, 40), (4000, 40), (16_000, 40), (64_000, 40), (250_000, 24)):
        found = [distance(setting(p, seed), limit, math.floor(1.5 * math.sqrt(p))) for seed in range(networks)]
        deviations = np.array([each.cosine - each.kappa for each in found])
        assert (np.abs(deviations) <= [each.bound for each in found]).all()
        scaled.append(math.sqrt(p) * math.sqrt(np.mean(deviations**2)))
    assert max(scaled) < 2 * min(scaled)
