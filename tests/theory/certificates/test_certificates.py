"""A certificate is never wrong, is given where it can be, and says why where it cannot."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from own_psi import copy_of

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.activations import ACTIVATIONS
from theory.certificates.from_state import from_state, measure, provable_rate, proves
from theory.certificates.record import StateCertificate
from theory.certificates.search import certify
from theory.certificates.tubes import drift
from theory.kernels import empirical_G, empirical_H

pytestmark = pytest.mark.usefixtures("one_thread")

EPS = np.finfo(float).eps


def spectrum(problem, network, activation):
    A = empirical_G(problem.X, network, activation) + empirical_H(problem.X, network, activation)
    return np.linalg.eigvalsh(A)


def scale(problem, network, activation):
    """max |λ(A)|; 1 where A is zero, as with dead ReLUs only."""
    return np.abs(spectrum(problem, network, activation)).max() or 1.0


def random_state(rng):
    """A small network, most often trained for a while, and a step size of up to three times 1/λ_max(A)."""
    n, d, p = int(rng.integers(1, 5)), int(rng.integers(1, 8)), int(np.exp(rng.uniform(np.log(4), np.log(150))))
    activation = str(rng.choice(["identity", "relu", "tanh", "sigmoid", "erf", "softplus"]))
    X, y = rng.standard_normal((n, d)) * rng.choice([d**-0.5, 1.0]), rng.standard_normal(n)
    if n > 1 and rng.random() < 0.1:
        X[1] = X[0]  # duplicate inputs: G is singular
    problem, network = Problem(X, y), Network.gaussian(p, d, rng)
    safe = rng.uniform(0.3, 1.2) / scale(problem, network, activation)
    network = train(problem, network, activation, eta=safe, steps=int(rng.integers(0, 600))).network
    if not all(np.isfinite(array).all() for array in (network.W, network.beta)):
        network = Network.gaussian(p, d, rng)
    return problem, network, activation, rng.uniform(0.2, 3.0) / scale(problem, network, activation)


def rounding(problem, run):
    """What rounding can add to ‖e(t)‖ at each step: 4·(p + d) ulps of the terms that it is summed from."""
    p, d = run.setting.p, run.setting.problem.d
    sizes = problem.radius * run.measures["unit_mean"] + run.measures["beta_mean"] + np.abs(problem.y).max()
    return 4 * (p + d) * EPS * math.sqrt(problem.n) * 2 * sizes  # ψ is 2-Lipschitz with |ψ(0)| ≤ 1


def contracts(problem, network, activation, eta, rate, steps=400):
    """Whether the run from here contracts at the rate, step after step, as far as rounding lets one see."""
    run = train(problem, network, activation, eta=eta, steps=steps, engine="ordered")
    norms, noise = run.residual_norms, rounding(problem, run)
    return run.status == "completed" and bool((norms[1:] <= (1 - eta * rate) * norms[:-1] + 2 * noise[1:]).all())


def prove(problem, network, activation, eta):
    return from_state(Setting(problem, network, activation, eta=eta)).rate


def prove_rigorously(problem, network, activation, eta):
    return from_state(Setting(problem, network, activation, eta=eta), rigorous=True).rate


def prove_without_the_step_size_clause(problem, network, activation, eta):
    return from_state(Setting(problem, network, activation, eta=1e-9)).rate


def soundness(draws, seed, prover=prove):
    """Count certified, diverging and slow networks; every certified one that does not contract is a failure."""
    rng, counts = np.random.default_rng(seed), Counter()
    for _ in range(draws):
        problem, network, activation, eta = random_state(rng)
        rate = prover(problem, network, activation, eta)
        step = eta * spectrum(problem, network, activation)[-1]
        counts["past the edge"] += bool(step > 2)
        if rate is None:
            counts["refused, and rightly"] += not contracts(problem, network, activation, eta, 0.0)
        else:
            counts["certified"] += 1
            counts[f"certified {activation}"] += 1
            counts["certified near the edge"] += bool(1.6 < step <= 2)
            counts["certified past the edge"] += bool(step > 2)
            counts["failures"] += not contracts(problem, network, activation, eta, rate)
    return counts


def assert_sound(counts, draws):
    assert counts["failures"] == counts["certified past the edge"] == 0, counts
    # a prover that proves nothing would be sound, too, and so would one that is never tempted
    assert counts["certified"] > 0.15 * draws, counts
    assert counts["certified near the edge"] > 0.01 * draws, counts
    assert counts["past the edge"] > 0.2 * draws, counts
    assert counts["refused, and rightly"] > 0.1 * draws, counts


def test_no_certified_network_fails_to_contract():
    assert_sound(soundness(200, seed=1), 200)


@pytest.mark.nightly
def test_no_certified_network_fails_to_contract_in_many():
    assert_sound(soundness(3000, seed=2), 3000)


def adversarial_state(rng):
    """Weights that tempt a prover: H large, sums that cancel, a handful of units, and η about the clause's edge."""
    kind = rng.choice(["aligned", "cancelling", "tiny"])
    n, d = int(rng.integers(1, 4)), int(rng.integers(3, 7))
    p = {"aligned": 60, "cancelling": 24, "tiny": int(rng.integers(n, n + 4))}[str(kind)]
    X, network = rng.standard_normal((n, d)) * d**-0.5, Network.gaussian(p, d, rng)
    W, beta, b = network.W.copy(), network.beta.copy(), network.b.copy()
    if kind == "aligned":
        beta = rng.uniform(0.3, 3.0) * b + 0.1 * beta
    elif kind == "cancelling":
        W[1], b[1], beta[0] = W[0], b[0], 10.0 ** rng.uniform(0, 10)
        beta[1] = -beta[0]
    else:
        b *= 10.0 ** rng.uniform(-1, 1)
    network = Network(W, beta, b)
    activation = str(rng.choice(["identity", "relu", "tanh", "sigmoid", "erf", "softplus"]))
    y = network.output(X, activation) + 10.0 ** rng.uniform(-10, -2) * rng.standard_normal(n)
    problem = Problem(X, y)
    return problem, network, activation, rng.uniform(0.5, 2.5) / scale(problem, network, activation)


def adversarial_soundness(certificates, seed, prover=prove):
    """As `soundness`, until so many adversarial networks are certified."""
    rng, counts = np.random.default_rng(seed), Counter()
    while counts["certified"] < certificates:
        problem, network, activation, eta = adversarial_state(rng)
        rate = prover(problem, network, activation, eta)
        counts["drawn"] += 1
        if rate is not None:
            counts["certified"] += 1
            counts["failures"] += not contracts(problem, network, activation, eta, rate, steps=60)
    return counts


def test_no_adversarial_network_that_is_certified_fails_to_contract():
    counts = adversarial_soundness(60, seed=4)
    assert counts["failures"] == 0, counts
    assert counts["certified"] > 0.1 * counts["drawn"], counts


@pytest.mark.nightly
def test_no_adversarial_network_of_thousands_that_is_certified_fails_to_contract():
    counts = adversarial_soundness(3000, seed=5)
    assert counts["failures"] == 0, counts


def test_adversarial_networks_tempt_a_prover_without_the_step_size_clause():
    """The negative control."""
    counts = adversarial_soundness(60, seed=4, prover=prove_without_the_step_size_clause)
    assert counts["failures"] > 5, counts


@pytest.mark.nightly
def test_no_rigorously_certified_network_fails_to_contract():
    assert_sound(soundness(500, seed=3, prover=prove_rigorously), 500)


def test_without_the_step_size_clause_networks_are_certified_that_diverge():
    """The negative control of the soundness tests."""
    counts = soundness(60, seed=1, prover=prove_without_the_step_size_clause)
    assert counts["failures"] > 5, counts
    assert counts["certified past the edge"] > 5, counts


@pytest.fixture(scope="module")
def solved():
    rng = np.random.default_rng(4)
    problem = Problem(rng.standard_normal((4, 8)) / np.sqrt(8), rng.standard_normal(4))
    network = train(problem, Network.gaussian(120, 8, rng), "tanh", eta=0.4, steps=200).network
    return problem, network


def test_near_a_solution_only_the_step_size_clause_stands_between(solved):
    """η = 2.2/λ_max(A): the weights are nearly a solution, the drift is nothing, and the iteration leaves."""
    problem, network = solved
    top = spectrum(problem, network, "tanh")[-1]
    for rigorous in (False, True):
        assert from_state(Setting(problem, network, "tanh", eta=1.8 / top), rigorous=rigorous)
        refused = from_state(Setting(problem, network, "tanh", eta=2.2 / top), rigorous=rigorous)
        assert not refused
        assert refused.why == "η λ_max(A) = 2.2, not ≤ 2"
    away = train(problem, network, "tanh", eta=2.2 / top, steps=300)
    assert away.residual_norms.max() > 1e3 * away.residual_norms[0]


def test_the_rate_is_the_largest_and_half_the_budget_decides(solved):
    problem, network = solved
    for noise in (0.0, 1e-4, 1e-3, 3e-3, 1e-2):
        moved = Network(network.W, network.beta + noise * np.sin(np.arange(network.p)), network.b)
        now = measure(Setting(problem, moved, ACTIVATIONS["tanh"], eta=0.1))
        for eta in (0.1, 1.9 / now.lambda_max):
            budget = min(now.lambda_min, 2 / eta - now.lambda_max)
            rate = provable_rate(now, eta, budget)
            grid = budget * np.linspace(0.01, 0.999, 200)
            provable = [a for a in grid if a + drift(now.state, now.residual_norm / a).map <= budget]
            assert (rate is None) == (not provable)
            if rate is not None:
                assert rate >= max(provable) * (1 - 1e-6)
                assert rate >= budget / 2 * (1 - 1e-6)
                assert proves(now, eta, rate)
                assert not proves(now, eta, 1.001 * rate)


def test_the_rate_approaches_the_smallest_eigenvalue(solved):
    problem, network = solved
    assert from_state(Setting(problem, network, "tanh", eta=0.4)).rate == pytest.approx(
        spectrum(problem, network, "tanh")[0], rel=1e-3, abs=0.0
    )


def test_rigorous_and_floating_point_agree(solved):
    problem, network = solved
    setting = Setting(problem, network, "tanh", eta=0.4)
    plain, proved = (from_state(setting, rigorous=flag) for flag in (False, True))
    assert (plain.rigorous, proved.rigorous) == (False, True)
    assert proved.rate == pytest.approx(plain.rate, rel=1e-6, abs=0.0)


def test_why_not(solved):
    problem, _ = solved
    fresh = Network.gaussian(120, 8, np.random.default_rng(0))
    far = from_state(Setting(problem, fresh, "tanh", eta=0.4))
    assert not far
    twins = Problem(np.ones((2, 3)), [1.0, -1.0])
    singular = from_state(Setting(twins, Network.gaussian(50, 3, np.random.default_rng(0)), "tanh", eta=0.1))
    assert "λ_min(A)" in singular.why
    exploded = Network(1e200 * fresh.W, 1e200 * fresh.beta, 1e200 * fresh.b)
    for rigorous in (False, True):
        assert not from_state(Setting(problem, exploded, "identity", eta=0.1), rigorous=rigorous)


def test_far_from_a_solution_the_factor_says_how_far(solved):
    """The drift is proportional to ‖e‖ where it matters: with ‖e‖ smaller by the factor, the proof succeeds."""
    problem, network = solved
    e = network.output(problem.X, "tanh") - problem.y
    shifted = Problem(problem.X, problem.y + e + 0.1)
    margin = from_state(Setting(shifted, network, "tanh", eta=0.4)).margins[-1]
    assert margin.name == "drift at half the budget"
    assert 0 < margin.factor < 1
    nearer = Problem(problem.X, problem.y + e + 0.1 * margin.factor)
    assert from_state(Setting(nearer, network, "tanh", eta=0.4))


def test_relu_on_its_kink_and_away_from_it():
    problem = Problem([[1.0, 0.0]], [1.0])
    away = Network([[1.0, 0.3], [-1.0, 0.2]], [1.0, 1.0], [1.0, 1.0])
    fitted = Problem([[1.0, 0.0]], away.output([[1.0, 0.0]], "relu") + 1e-3)
    assert from_state(Setting(fitted, away, "relu", eta=0.1))
    on = Network([[1.0, 0.3], [0.0, 0.2]], [1.0, 1.0], [1.0, 1.0])
    for rigorous in (False, True):
        refused = from_state(Setting(problem, on, "relu", eta=0.1), rigorous=rigorous)
        assert "distance from the kink" in refused.why


def test_a_users_activation_needs_bounds_and_has_no_rigorous_form(solved):
    problem, network = solved
    bounded = copy_of("tanh", B0=1.0, B1=1.0, B2=ACTIVATIONS["tanh"].B2)
    setting = Setting(problem, network, bounded, eta=0.4)
    assert 0 < from_state(setting).rate < from_state(setting.replace(activation="tanh")).rate * 1.01
    unbounded = copy_of("tanh", B1=1.0)
    assert from_state(Setting(problem, network, unbounded, eta=0.4)).why == "sup |ψ″| = inf, not finite"
    with pytest.raises(ValueError, match="rigorous"):
        from_state(Setting(problem, network, bounded, eta=0.4), rigorous=True)


def test_bad_arguments(solved):
    problem, network = solved
    with pytest.raises(ValueError, match="eta"):
        from_state(Setting(problem, network, "tanh", eta=-1.0))
    with pytest.raises(ValueError, match="network: expected input dimension 8"):
        from_state(Setting(problem, Network.gaussian(3, 2, np.random.default_rng(0)), "tanh", eta=0.1))


def test_saved_certificates_read_back(solved, tmp_path):
    problem, network = solved
    path = tmp_path / "certificate.json"
    fresh = Network.gaussian(120, 8, np.random.default_rng(0))
    for certificate in (
        from_state(Setting(problem, network, "tanh", eta=0.4)),
        from_state(Setting(problem, fresh, "tanh", eta=0.4)),
        from_state(Setting(problem, fresh, "relu", eta=40.0)),
    ):
        certificate.save(path)
        assert StateCertificate.load(path) == certificate
        json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)  # standard JSON: no NaN, no Infinity
    path.write_text('{"format": "another"}', "utf-8")
    with pytest.raises(ValueError, match="expected a certificate"):
        StateCertificate.load(path)


def test_certify_proves_a_rate_that_is_seen():
    rng = np.random.default_rng(5)
    problem = Problem(rng.standard_normal((3, 6)) / np.sqrt(6), rng.standard_normal(3))
    network = Network.gaussian(100, 6, rng)
    found = certify(Setting(problem, network, "tanh", eta=0.5), every=1, rigorous=True)
    assert found
    assert found.status == "converged"
    assert 0 < found.proved_rate <= found.observed_rate <= found.mean_rate
    assert 0 < found.fraction < 1
    replay = train(problem, network, "tanh", eta=0.5, steps=found.step).network
    assert replay.digest() == found.network.digest() == found.certificate.network
    seldom = certify(Setting(problem, network, "tanh", eta=0.5))
    assert found.step <= seldom.step <= 1.25 * found.step + 1
    assert seldom.attempts < found.attempts


def test_certify_does_not_take_a_small_penalty_for_none():
    """e^{−t/2} sums to its total, to 10⁻¹², long before λ is zero; after the last step it is still positive."""
    from theory.certificates.search import _ridge_end

    assert _ridge_end(schedules.exponential(0.5, tau=2.0), 100) == 101
    assert _ridge_end(schedules.exponential(0.5, tau=2.0), 2000) < 2000  # there λ is 0 in floating point
    assert _ridge_end(schedules.cutoff(0.5, 99), 100) == 100
    assert _ridge_end(schedules.cutoff(0.5, 100), 100) == 101


def test_certify_waits_for_the_ridge_to_end():
    rng = np.random.default_rng(6)
    problem, network = Problem(np.eye(2), [0.5, -0.5]), Network.gaussian(200, 2, rng)
    setting = Setting(problem, network, "tanh", eta=0.5, ridge=schedules.cutoff(0.1, 150))
    found = certify(setting, every=10)
    assert found
    assert found.step > 150
    never = certify(setting.replace(ridge=schedules.constant(0.1)), max_steps=100)
    assert not never
    assert (never.step, never.attempts, never.certificate) == (None, 0, None)


def test_certify_beyond_the_edge_of_stability():
    rng = np.random.default_rng(7)
    problem, network = Problem(np.eye(2), [0.5, -0.5]), Network.gaussian(200, 2, rng)
    found = certify(Setting(problem, network, "identity", eta=20.0), max_steps=300)
    assert not found
    assert found.status == "diverged"
    assert math.isnan(found.fraction)
