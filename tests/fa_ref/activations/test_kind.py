"""ψ is what its functions are, not what it is called; what is stated of it is probed."""

import math
import multiprocessing
import pickle

import numpy as np
import own_psi
import pytest

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.activations import ACTIVATIONS, Activation, Strip, identity, relu, tanh
from fa_ref.activations.kinds import BOUNDS
from fa_ref.activations.probes import GRID, contradiction
from theory.convergence import theorem_4_3
from theory.kernels import mean_kernel
from theory.limits import wide_prediction

PAIR = Problem([[1.0, 0.0], [0.6, 0.8]], [1.0, -0.5])


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_psi_made_of_known_functions_is_recognised_whatever_its_name(name):
    known = ACTIVATIONS[name]
    renamed = Activation("something else", known.psi, known.dpsi)
    assert renamed.kind == known.kind == name
    assert renamed.linear is (name == "identity")
    assert (renamed.smooth, renamed.strip) == (known.smooth, known.strip)
    assert [getattr(renamed, b) for b in BOUNDS] == [getattr(known, b) for b in BOUNDS]


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_copy_in_other_words_is_never_recognised(name):
    assert own_psi.copy_of(name, called=name).kind is None


def _kind(activation):
    return activation.kind


def test_kind_survives_pickling_into_another_process():
    sent = [Activation("mine", tanh.psi, tanh.dpsi, B0=2.0), identity, relu]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_kind, sent) == ["tanh", "identity", "relu"]
    assert [pickle.loads(pickle.dumps(psi)) for psi in sent] == sent


def test_what_is_stated_of_a_known_psi_is_held_against_what_is_known():
    with pytest.raises(ValueError, match=r"mine\.B2: expected at least 0\.76980"):
        Activation("mine", tanh.psi, tanh.dpsi, B2=0.7697)
    assert not Activation("mine", relu.psi, relu.dpsi, smooth=True).smooth
    assert Activation("mine", tanh.psi, tanh.dpsi, B0=3.0).B0 == 3.0


# A name says nothing: each of these took another ψ's fast path once, or would if names were asked.
POSERS = [
    own_psi.steep_tanh(3.0, called="tanh"),
    own_psi.clipped_relu(6.0, called="relu"),
    own_psi.clip(5.0, called="identity"),
    own_psi.steep_tanh(0.5, called="identity"),
    own_psi.softsign(B0=1.0, B1=1.0, B2=2.0, smooth=False),
    own_psi.copy_of("softplus", called="sigmoid", B1=1.0, B2=0.25),
]


@pytest.mark.parametrize("psi", POSERS, ids=lambda psi: f"{psi.name}-{psi.B1:g}")
def test_a_name_chooses_no_formula(psi):
    """The mean kernel on two points against plain sums over a grid: |ψ″| or jumps leave less than 10⁻² of it."""
    assert psi.kind is None
    assert not psi.linear
    s = np.linspace(-8.0, 8.0, 801)
    weight = np.exp(-(s**2) / 2) * (s[1] - s[0]) / math.sqrt(2 * math.pi)
    first, second = psi(s)[:, None], psi(0.6 * s[:, None] + 0.8 * s)
    expected = [weight @ psi(s) ** 2, float(weight @ (first * second) @ weight)]
    kernel = mean_kernel(PAIR.X, psi)
    assert kernel.G[0, 0] == pytest.approx(expected[0], abs=1e-2)
    assert kernel.G[0, 1] == pytest.approx(expected[1], abs=1e-2)
    assert abs(kernel.G[0, 0] - expected[0]) <= kernel.error[0, 0] + 1e-2
    assert (
        theorem_4_3.certificate(Setting(PAIR, Network.gaussian(9, 2, np.random.default_rng(0)), psi, eta=0.1)).rate
        is None
    )


def test_a_clipped_relu_called_relu_gets_its_own_kernel():
    """E min(max(u, 0), 6)² at σ = 12: 144·∫₀^½ s²φ + 36·P(s > ½), not 72."""
    kernel = mean_kernel([[12.0, 0.0]], own_psi.clipped_relu(6.0, called="relu"))
    at, density = 0.5, math.exp(-0.125) / math.sqrt(2 * math.pi)
    above = 0.5 * math.erfc(at / math.sqrt(2))
    truth = 144 * (0.5 - above - at * density) + 36 * above
    assert abs(kernel.G[0, 0] - truth) <= kernel.error[0, 0] < 1.0


def _limit(psi):
    how = {"particles": 400, "tolerance": 1e-2, "rng": np.random.default_rng(1)}
    return wide_prediction(PAIR, psi, [2.0], eta=0.1, ridge=schedules.constant(1.0), **how).alignment[0]


@pytest.mark.parametrize(
    ("psi", "same"), [(own_psi.steep_tanh(3.0), "steep"), (own_psi.steep_tanh(0.5), "identity")]
)
def test_the_limit_of_a_psi_does_not_depend_on_its_name(psi, same):
    renamed = Activation(same, psi.psi, psi.dpsi, **{b: getattr(psi, b) for b in BOUNDS})
    assert _limit(psi) == _limit(renamed)
    assert abs(_limit(psi) - _limit(identity)) > 0.01


def test_the_identity_under_another_name_is_linear_everywhere():
    renamed = Activation("plain", identity.psi, identity.dpsi)
    network = Network.gaussian(400, 2, np.random.default_rng(0))
    both = [train(PAIR, network, psi, eta=0.1, steps=30) for psi in (identity, renamed)]
    assert both[0].residuals.tobytes() == both[1].residuals.tobytes()
    rates = [
        theorem_4_3.certificate(Setting(PAIR, network, psi, eta=1e-3), form="sharper").rate
        for psi in (identity, renamed)
    ]
    assert rates[0] == rates[1]
    assert _limit(identity) == _limit(renamed)


def test_a_users_own_linear_psi_gets_the_right_numbers_by_the_general_path():
    own = Activation("mine", lambda z: z, lambda _: 1.0, B1=1.0, B2=0.0, B3=0.0)
    assert own.kind is None
    kernel, exact = mean_kernel(PAIR.X, own), mean_kernel(PAIR.X, identity)
    assert kernel.rigorous
    assert (np.abs(kernel.G - exact.G) <= kernel.error + exact.error).all()
    assert (np.abs(kernel.Theta - exact.Theta) <= kernel.Theta_error + exact.Theta_error).all()
    network = Network.gaussian(50, 2, np.random.default_rng(0))
    runs = [train(PAIR, network, psi, eta=0.1, steps=20).residuals for psi in (identity, own)]
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-12)


HONEST = {
    "softsign": lambda: own_psi.softsign(B0=1.0, B1=1.0, B2=2.0, smooth=False),
    "leaky": own_psi.leaky_relu, "abs": own_psi.absolute, "clip": lambda: own_psi.clip(4.0),
    "steep tanh": own_psi.steep_tanh, "very steep tanh": lambda: own_psi.steep_tanh(1e5),
    "bump": own_psi.bump, "sine": own_psi.sine, "tall sine": lambda: own_psi.sine(100.0),
    "fast sine": lambda: Activation(
        "fast", lambda z: math.sin(50.0 * z), lambda z: 50.0 * math.cos(50.0 * z), B0=1.0, B1=50.0, B2=2500.0
    ),
    "centred": own_psi.centred_sigmoid,
    "cube": lambda: Activation("cube", lambda z: z**3, lambda z: 3.0 * z * z),
    "logarithm": lambda: Activation("logarithm", lambda z: math.log(abs(z)), lambda z: 1.0 / z),
}  # fmt: skip

FALSE = {
    "leaky ReLU, B2": (lambda: own_psi.leaky_relu(B2=0.0), "B2"),
    "leaky ReLU, B2 and B3": (lambda: own_psi.leaky_relu(B2=0.0, B3=0.0), "B3: expected inf"),
    "leaky ReLU, said to be smooth": (lambda: own_psi.leaky_relu(B2=0.0, B3=0.0, smooth=True), "B2"),
    "abs": (lambda: own_psi.absolute(B2=0.0), "B2"),
    "ReLU in other words": (lambda: own_psi.copy_of("relu", B1=1.0, B2=0.0), "B2"),
    "clip": (lambda: own_psi.clip(4.0, B2=0.0), "B2"),
    "clip far out": (lambda: own_psi.clip(500.0, called="identity", B2=0.0), "B2"),
    "a step": (lambda: Activation("step", lambda z: 1.0 if z > 2.0 else 0.0, lambda _: 0.0, B1=0.0), "B1"),
    "100 sin, B0": (lambda: own_psi.sine(100.0, B0=1.0), "B0"),
    "100 sin, B1": (lambda: own_psi.sine(100.0, B1=1.0), "B1"),
    "100 sin, B2": (lambda: own_psi.sine(100.0, B2=1.0), "B2"),
    "100 sin, B3": (lambda: own_psi.sine(100.0, B3=1.0), "B3"),
    "sin, B0 one percent low": (lambda: own_psi.sine(B0=0.99), "B0"),
    "sin, B1 one percent low": (lambda: own_psi.sine(B1=0.99), "B1"),
    "sin, B2 one percent low": (lambda: own_psi.sine(B2=0.99), "B2"),
    "sin, B3 one percent low": (lambda: own_psi.sine(B3=0.99), "B3"),
    "softsign, B2": (lambda: own_psi.softsign(B2=1.9), "B2"),
    "softsign, B3": (lambda: own_psi.softsign(B2=2.0, B3=1e6), "B3"),
    "a strip too wide": (lambda: own_psi.copy_of("tanh", strip=Strip(15.0, 10.0, 0.0, 4.0)), "B2"),
    "a strip too low": (lambda: own_psi.copy_of("tanh", strip=Strip(1.0, 0.5, 0.0, 4.0)), "strip"),
    "ψ′ of another ψ": (lambda: Activation("cube", lambda z: z**3, lambda z: 2.0 * z**2), "dpsi"),
    "ψ′ wrong far out": (
        lambda: Activation("far", lambda z: z, lambda z: 1.0 if abs(z) < 100.0 else 1.1), "dpsi"
    ),
    "ψ′ without the ripples": (
        lambda: Activation("ripple", lambda z: 1e-3 * math.sin(1e3 * z), lambda _: 0.0), "dpsi"
    ),
    "not defined below 0": (
        lambda: Activation("root", lambda z: math.sqrt(z), lambda z: 0.5 / math.sqrt(z), B2=1.0), "psi"
    ),
    "digits lost": (lambda: Activation("lost", lambda z: (z + 300.0) - 300.0, lambda _: 1.0, B1=1.0), "rounding"),
}  # fmt: skip


@pytest.mark.parametrize("case", HONEST)
def test_what_is_true_is_believed(case):
    assert HONEST[case]().kind is None


@pytest.mark.parametrize("case", FALSE)
def test_what_a_probe_contradicts_is_refused(case):
    build, label = FALSE[case]
    with pytest.raises(ValueError, match=rf"\.{label}"):
        build()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_no_probe_contradicts_what_is_known(name):
    assert contradiction(ACTIVATIONS[name]) is None


def test_no_probe_lies_where_kinks_usually_are():
    assert not np.isin(GRID, np.arange(-100, 101) / 4).any()


def test_a_psi_whose_accuracy_is_not_known_says_so():
    lost = {"psi": lambda z: (z + 300.0) - 300.0, "dpsi": lambda _: 1.0, "B1": 1.0}
    assert Activation("lost", **lost, rounding=600.0).rounding == 600.0
    assert math.isinf(Activation("lost", **lost, rounding=math.inf).rounding)
    with pytest.raises(ValueError, match=r"lost\.rounding: expected a number >= 0 or inf, got -1"):
        Activation("lost", **lost, rounding=-1.0)
