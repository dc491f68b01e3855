"""Theorems 3.2 and 4.2: every lemma on every run, certificates that keep their word, and none where none is due."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_psi import copy_of

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.activations import tanh
from theory.convergence.closing import close, largest_rate
from theory.convergence.ledger import Ledger, audit
from theory.convergence.lemmas_3_2 import Explicit
from theory.convergence.lemmas_sharper import SecondOrder, response_maps
from theory.convergence.theorem_3_2 import (
    FORMS,
    certificate,
    drifts,
    ridge_budget,
)
from theory.convergence.widths_3_2 import probable_drifts, sufficient_width
from theory.kernels import empirical_G, empirical_H, mean_kernel

PAIR = Problem(np.eye(2), [0.2, -0.2])


def an_instance(seed, smooth=("tanh", "sigmoid", "erf")):
    rng = np.random.default_rng(seed)
    n, d, p = rng.integers(1, 5), rng.integers(1, 5), rng.integers(5, 60)
    problem = Problem(
        rng.normal(size=(n, d)) * rng.choice([0.2, 1.0, 3.0]), rng.normal(size=n) * rng.choice([0.1, 2])
    )
    return problem, Network.gaussian(int(p), int(d), rng), str(rng.choice(smooth)), rng


def a_ridge(rng):
    return [schedules.zero(), schedules.cutoff(0.3, 5), schedules.exponential(0.5, 4.0)][rng.integers(3)]


# --- every lemma, on runs of any kind: nothing here is certified, all bounds are functions of the residuals seen


@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 2**32))
def test_no_lemma_is_violated_on_any_run(form, seed):
    problem, network, activation, rng = an_instance(seed)
    ridge = a_ridge(rng) if form != "second-order" else schedules.zero()
    eta = float(rng.choice([0.9, 0.1, 0.01])) / (ridge.maximum + problem.n)  # (A4), as B0 = 1
    lemmas = drifts(Setting(problem, network, activation, eta=eta, ridge=ridge), form=form)
    if form == "explicit":  # the lemmas with the network's own moments, as (A3) fails at such widths
        measured = lemmas.instance
        lemmas = replace(lemmas, b_square=measured.b_square, moment=measured.moment)
    ledger = audit(Setting(problem, network, activation, eta=eta, ridge=ridge), lemmas, steps=15)
    assert ledger.rows
    assert ledger.violations() == []


@pytest.mark.parametrize(
    "broken",
    [
        {"chi": 0.3}, {"B1": 0.1}, {"B0": 0.1}, {"y_norm": 0.0},
    ],
)  # fmt: skip
def test_ledger_finds_a_lemma_that_is_false(broken):
    # Negative control: shrink a constant below its true value, and some lemma must fail on some run.
    found = 0
    for seed in range(10):
        problem, network, activation, _ = an_instance(seed, smooth=("tanh",))
        ridge, eta = schedules.cutoff(0.3, 10), 0.5 / (0.3 + problem.n)
        lemmas = drifts(Setting(problem, network, activation, eta=eta, ridge=ridge))
        false = {name: value * getattr(lemmas.instance, name) for name, value in broken.items()}
        lemmas = replace(lemmas, instance=replace(lemmas.instance, **false))
        found += len(
            audit(Setting(problem, network, activation, eta=eta, ridge=ridge), lemmas, steps=15).violations()
        )
    assert found > 0


def test_movement_bound_of_weights_is_tight():
    # One sample in the linear range of tanh: every unit moves by |b_r| ‖x‖ U/√p up to 1 − tanh′.
    problem, rng = Problem([[0.01]], [1.0]), np.random.default_rng(0)
    network = Network.gaussian(50, 1, rng)
    lemmas = drifts(Setting(problem, network, "tanh", eta=0.5))
    ledger = audit(Setting(problem, network, "tanh", eta=0.5), lemmas, steps=20)
    assert 1 <= ledger.looseness("running")["movement of w_r"] < 1.001


def test_ledger_must_see_every_step():
    network = Network.gaussian(30, 2, np.random.default_rng(0))
    setting = Setting(PAIR, network, "tanh", eta=0.1)
    ledger = Ledger(setting, drifts(setting))
    with pytest.raises(ValueError, match=r"t: expected step 1, .* got 3"):
        train(PAIR, network, eta=0.1, steps=6, record_every=3, observe=ledger)


# --- certificates


@pytest.mark.parametrize("form, p", [("explicit", 150_000), ("first-order", 20_000), ("second-order", 6_000)])
def test_certified_networks_keep_every_lemma_at_the_certified_level(form, p):
    rng, audited = np.random.default_rng(4), 0
    for _ in range(1 if form == "explicit" else 3):
        network = Network.gaussian(p, 2, rng)
        lemmas = drifts(Setting(PAIR, network, "tanh", eta=0.5), form=form)
        proof = close(lemmas)
        if proof:
            audited += 1
            ledger = audit(Setting(PAIR, network, "tanh", eta=0.5), lemmas, proof=proof, steps=20)
            assert ledger.violations() == []
            # A certificate that says something: faster than the paper's rate γ/4.
            assert proof.rate > 0.394294 / 4
    assert audited > 0


def test_certified_ridge_run_keeps_every_lemma():
    ridge, network = schedules.inverse_square(0.02, 10.0), Network.gaussian(20_000, 2, np.random.default_rng(5))
    lemmas = drifts(Setting(PAIR, network, "tanh", eta=0.4, ridge=ridge), form="first-order")
    proof = close(lemmas)
    assert proof.rate is not None
    assert (
        audit(Setting(PAIR, network, "tanh", eta=0.4, ridge=ridge), lemmas, proof=proof, steps=30).violations()
        == []
    )


def test_raised_rate_is_caught_by_the_ledger():
    # Negative control of the certified column: claim more than the fastest decay there is.
    network = Network.gaussian(6_000, 2, np.random.default_rng(1))
    lemmas = drifts(Setting(PAIR, network, "tanh", eta=0.5), form="second-order")
    proof = close(lemmas)
    false = replace(proof, rate=0.45, constants=proof.constants | {"U": lemmas.instance.E / 0.45})
    lemma_names = {
        row[1] for row in audit(Setting(PAIR, network, "tanh", eta=0.5), lemmas, proof=false, steps=60).violations()
    }
    assert "contraction" in lemma_names


def test_explicit_rate_is_the_closed_form():
    network = Network.gaussian(150_000, 2, np.random.default_rng(0))
    lemmas = drifts(Setting(PAIR, network, "tanh", eta=0.3))
    i = lemmas.instance
    at_one = lemmas.G(i.E) + lemmas.H(i.E) + lemmas.remainder(i.E, i.E) - lemmas.remainder(0.0, i.E)  # a = 1
    B, C = lemmas.start() - lemmas.remainder(0.0, i.E), at_one
    expected = (B + math.sqrt(B * B - 4 * C)) / 2
    assert close(lemmas).rate == pytest.approx(expected, rel=1e-10, abs=0.0)  # brentq's xtol is 1e-14 in log a


@given(B=st.floats(0.01, 100), C=st.floats(1e-6, 100))
def test_largest_rate_of_the_model_case(B, C):
    rate, ratio = largest_rate(lambda a: B - C / a, B)
    disc = B * B - 4 * C
    assert ratio == pytest.approx(B * B / (4 * C), rel=1e-6, abs=0.0)  # a smooth maximum, located to 1e-9 in log a
    if disc > 1e-6 * B * B:
        assert rate == pytest.approx((B + math.sqrt(disc)) / 2, rel=1e-6, abs=0.0)
        assert B - C / rate >= rate
    if disc < -1e-6 * B * B:
        assert rate is None


@pytest.mark.parametrize("form", ["explicit", "first-order"])
def test_rate_falls_with_the_ridge_and_ends_at_the_budget(form):
    network = Network.gaussian(200_000, 2, np.random.default_rng(0))
    eta = 0.01
    budget = ridge_budget(Setting(PAIR, network, "tanh", eta=eta), form=form)
    sums = [0.0, budget / 2, 0.999 * budget, 1.001 * budget]
    spread = [schedules.explicit(np.full(1000, total / 1000)) if total else None for total in sums]
    rates = [certificate(Setting(PAIR, network, "tanh", eta=eta, ridge=ridge), form=form).rate for ridge in spread]
    assert rates[0] > rates[1] > rates[2] > 0
    assert rates[3] is None


# --- negative controls: no certificate, and the reason


@pytest.mark.parametrize("form", FORMS)
def test_no_certificate_for_duplicate_inputs(form):
    network = Network.gaussian(20_000, 2, np.random.default_rng(0))
    proof = certificate(Setting(Problem([[1.0, 0.0], [1.0, 0.0]], [1.0, 1.0]), network, "tanh", eta=0.1), form=form)
    assert proof.rate is None
    assert "λ_min(G(0))" in proof.why


@pytest.mark.parametrize("form", FORMS)
def test_no_certificate_beyond_the_edge_of_stability(form):
    network = Network.gaussian(150_000, 2, np.random.default_rng(0))
    top = np.linalg.eigvalsh(empirical_G(PAIR.X, network, "tanh"))[-1]
    assert certificate(Setting(PAIR, network, "tanh", eta=0.4), form=form)
    for factor in (2.01, 2.5, 3.0):
        proof = certificate(Setting(PAIR, network, "tanh", eta=factor / top), form=form)
        assert proof.rate is None
        assert "(A4)" in proof.why


@pytest.mark.parametrize("form", FORMS)
def test_no_certificate_for_relu(form):
    network = Network.gaussian(5_000, 2, np.random.default_rng(0))
    proof = certificate(Setting(PAIR, network, "relu", eta=0.1), form=form)
    assert proof.rate is None
    assert "twice differentiable" in proof.why


def test_no_certificate_for_unbounded_psi():
    network = Network.gaussian(5_000, 2, np.random.default_rng(0))
    for activation in ("identity", "softplus"):
        proof = certificate(Setting(PAIR, network, activation, eta=0.1))
        assert proof.rate is None
        assert "B0 = sup |ψ| = inf" in proof.why


@pytest.mark.parametrize("form", FORMS)
def test_no_certificate_for_a_constant_ridge(form):
    network = Network.gaussian(150_000, 2, np.random.default_rng(0))
    proof = certificate(Setting(PAIR, network, "tanh", eta=0.1, ridge=schedules.constant(1e-9)), form=form)
    assert proof.rate is None
    assert "λ(t)" in proof.why


def test_second_order_needs_no_ridge():
    network = Network.gaussian(20_000, 2, np.random.default_rng(0))
    assert (
        certificate(
            Setting(PAIR, network, "tanh", eta=0.1, ridge=schedules.cutoff(1e-9, 1)), form="second-order"
        ).rate
        is None
    )
    with pytest.raises(ValueError, match="form: expected explicit or first-order"):
        ridge_budget(Setting(PAIR, network, "tanh", eta=0.1), form="second-order")


def test_too_narrow_networks_have_none():
    proof = certificate(Setting(PAIR, Network.gaussian(100, 2, np.random.default_rng(0)), "tanh", eta=0.1))
    assert proof.rate is None
    assert "ratio" in proof.why


def test_bad_arguments_are_named():
    network = Network.gaussian(10, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="form: expected one of explicit"):
        certificate(Setting(PAIR, network, "tanh", eta=0.1), form="third")
    with pytest.raises(ValueError, match="eta: expected a finite number > 0"):
        certificate(Setting(PAIR, network, "tanh", eta=0.0))


# --- the second order's linear maps


def test_linear_responses_are_derivatives():
    rng = np.random.default_rng(2)
    problem, network = Problem(rng.normal(size=(3, 2)), np.ones(3)), Network.gaussian(40, 2, rng)
    T, _ = response_maps(Setting(problem, network, tanh, eta=1.0))
    root, step = math.sqrt(network.p), 1e-6

    def moved(u):
        """Weights displaced as a run displaces them to first order: u = η Σ e."""
        Z = problem.X @ network.W.T
        W = network.W - network.b[:, None] / root * ((tanh.derivative(Z).T * u) @ problem.X)
        return Network(W, network.beta - u @ tanh(Z) / root, network.b)

    for k in range(3):
        u = step * np.eye(3)[k]
        kernels = [
            empirical_G(problem.X, net, tanh) + empirical_H(problem.X, net, tanh) for net in (moved(u), moved(-u))
        ]
        difference = (kernels[0] - kernels[1]) / (2 * step)
        # Central differences: O(step²) truncation and eps/step rounding; ψ″ in T errs by B3·1e-6/2.
        np.testing.assert_allclose(T[k] / root, difference, rtol=0, atol=1e-5 * np.abs(difference).max())


def test_second_order_beats_first_order_beats_explicit():
    network = Network.gaussian(250_000, 2, np.random.default_rng(0))
    rates = [certificate(Setting(PAIR, network, "tanh", eta=0.1), form=form).rate for form in FORMS]
    assert rates[0] < rates[1] < rates[2]


def test_second_order_of_unknown_third_derivative_has_no_certificate():
    psi = copy_of("tanh", B0=1.0, B1=1.0, B2=tanh.B2)
    network = Network.gaussian(20_000, 2, np.random.default_rng(0))
    assert "B3" in certificate(Setting(PAIR, network, psi, eta=0.1), form="second-order").why
    assert isinstance(drifts(Setting(PAIR, network, psi, eta=0.1), form="second-order"), SecondOrder)


# --- with probability 1 − δ


def test_sufficient_width_is_the_smallest_that_closes():
    p = sufficient_width(PAIR, "tanh", eta=1e-2, delta=0.1)
    rate = mean_kernel(PAIR.X, "tanh").gamma_lower / 4
    closes = []
    for width in (p - 1, p):
        lemmas = probable_drifts(PAIR, "tanh", eta=1e-2, p=width, delta=0.1)
        closes.append(lemmas.floor(lemmas.instance.E / rate, lemmas.instance.E) >= rate)
    assert closes == [False, True]


def test_sufficient_width_grows_as_it_should():
    widths = {d: sufficient_width(PAIR, "tanh", eta=1e-2, delta=d) for d in (0.3, 0.1, 0.01)}
    assert widths[0.3] < widths[0.1] < widths[0.01]
    larger = sufficient_width(Problem(PAIR.X, 10 * PAIR.y), "tanh", eta=1e-2, delta=0.1)
    assert larger > widths[0.1] > sufficient_width(PAIR, "tanh", eta=1e-2, delta=0.1, form="first-order")


@pytest.mark.parametrize(
    "change",
    [
        {"problem": Problem([[1.0, 0.0], [1.0, 0.0]], PAIR.y)}, {"activation": "relu"}, {"activation": "identity"},
        {"eta": 0.51}, {"ridge": schedules.constant(0.1)},
    ],
)  # fmt: skip
def test_no_width_suffices_without_the_hypotheses(change):
    arguments = {"problem": PAIR, "activation": "tanh", "eta": 0.1, "delta": 0.1} | change
    assert sufficient_width(**arguments) is None


def test_certified_fraction_at_the_sharper_sufficient_width():
    # At p*(δ) every draw should be certified at γ/4 or better, but for a fraction δ. The first-order width is far
    # from tight: 20 draws without a failure. With δ = 0.1 a false alarm here has probability 1 − 0.9^20 only if
    # the bound were tight; the levels' slack makes it negligible.
    p = sufficient_width(PAIR, "tanh", eta=1e-2, delta=0.1, form="first-order")
    rng = np.random.default_rng(11)
    rates = [
        certificate(Setting(PAIR, Network.gaussian(p, 2, rng), "tanh", eta=1e-2), form="first-order").rate
        for _ in range(3)
    ]
    assert all(rate is not None and rate >= 0.394294 / 4 for rate in rates)


def test_instances_are_within_the_probable_levels():
    # 40 networks at p = 10⁵: a level that holds with probability 1 − δ/16, δ = 1e-6, fails among them with
    # probability below 3e-6.
    lemmas = probable_drifts(PAIR, "tanh", eta=1e-2, p=10**5, delta=1e-6, form="first-order")
    high = lemmas.instance
    rng = np.random.default_rng(12)
    for _ in range(10):
        seen = drifts(Setting(PAIR, Network.gaussian(10**5, 2, rng), "tanh", eta=1e-2)).instance
        for name in ("e_norm", "g_top", "h_norm", "b_square", "b_fourth", "moment", "overlap"):
            assert getattr(seen, name) <= getattr(high, name), name
        for name in ("g_low", "beta_norm"):
            assert getattr(seen, name) >= getattr(high, name), name


def test_explicit_is_what_the_default_builds():
    network = Network.gaussian(10, 2, np.random.default_rng(0))
    assert isinstance(drifts(Setting(PAIR, network, "tanh", eta=0.1)), Explicit)
