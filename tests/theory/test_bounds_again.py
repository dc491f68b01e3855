"""Every bound equals its plain transcription from the docs, and every hypothesis decides by itself."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from oracles import bounds
from own_psi import sine, steep_tanh

from fa_ref import Network, Problem, Setting, schedules
from fa_ref.activations import ACTIVATIONS
from theory.certificates.from_state import from_state, measure
from theory.certificates.tubes import curvature_formula, drift
from theory.convergence import theorem_3_2, theorem_4_3
from theory.convergence.closing import close
from theory.convergence.lemmas_sharper import response_maps

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = range(12)
#: The package adds bounds on rounding: (p + n + d + 64)·eps of each sum, and for eigenvalues of its absolute terms.
CLOSE = {"rel": 1e-9, "abs": 1e-11}


def a_setting(seed, activation, ridge=False):
    rng = np.random.default_rng(seed)
    n, d, p = int(rng.integers(1, 4)), int(rng.integers(3, 6)), int(rng.integers(4, 30))
    problem = Problem(rng.normal(size=(n, d)) * rng.choice([0.3, 1.0]), rng.normal(size=n))
    schedule = schedules.cutoff(0.3, 5) if ridge else schedules.zero()
    return Setting(
        problem, Network.gaussian(p, d, rng), activation, eta=float(rng.uniform(0.01, 0.5)), ridge=schedule
    )


def plain(setting):
    network, psi = setting.start, setting.activation
    arrays = (setting.problem.X, setting.problem.y, network.W, network.beta, network.b)
    return bounds.start(*(array.tolist() for array in arrays), psi.psi, psi.dpsi)


def curvature(psi):
    """ψ″ of the named ones, and of the user's sine and steep tanh."""
    if psi.name == "sine":
        return lambda z: -1.7 * math.sin(z)
    if psi.kind is None:
        return lambda z: -2 * 1.69 * math.tanh(1.3 * z) / math.cosh(1.3 * z) ** 2
    formula = curvature_formula(psi)
    return lambda z: float(formula(z, psi.psi(z), psi.dpsi(z)))


#: Of which no bound is 1, as those of tanh are: a power of B0 or B1 that is wrong shows.
UNEQUAL = [sine(1.7), steep_tanh(1.3, B0=1.1)]


@pytest.mark.parametrize("ridge", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "erf", *UNEQUAL], ids=str)
def test_theorem_3_2(activation, ridge):
    for seed in SEEDS:
        setting = a_setting(seed, activation, ridge)
        psi, s = setting.activation, plain(setting)
        explicit, first = (theorem_3_2.drifts(setting, form=form) for form in ("explicit", "first-order"))
        i = explicit.instance
        for name, value in (("e_norm", s["e_norm"]), ("overlap", s["overlap"]), ("beta_norm", s["beta_norm"])):
            assert getattr(i, name) == pytest.approx(value, **CLOSE)
        Lambda = setting.eta * setting.ridge.total
        assert pytest.approx(s["e_norm"] + Lambda * s["y_norm"], **CLOSE) == i.E
        size = max(s["e_norm"], s["y_norm"]) if ridge else s["e_norm"]
        assert i.largest == pytest.approx(size, **CLOSE)
        for U in (1e-3, 0.1, 2.0):
            expected = bounds.explicit(s, psi.B0, psi.B1, psi.B2, setting.eta, U, size)
            for name in ("weight", "unit", "beta", "G", "H"):
                assert getattr(explicit, name)(U) == pytest.approx(expected[name], **CLOSE)
            assert explicit.remainder(U, size) == pytest.approx(expected["remainder"], **CLOSE)
            assert explicit.floor(U, size) == pytest.approx(expected["floor"], rel=1e-9, abs=1e-10)
            expected = bounds.first_order(s, psi.B1, psi.B2, setting.eta, U, size, ridge)
            for name in ("weight", "feature", "beta", "G", "H"):
                assert getattr(first, name)(U) == pytest.approx(expected[name], **CLOSE)
            assert first.remainder(U, size) == pytest.approx(expected["remainder"], **CLOSE)
            assert first.floor(U, size) == pytest.approx(expected["floor"], rel=1e-8, abs=1e-9)
            assert first.ceiling(U, size) == pytest.approx(expected["ceiling"], **CLOSE)
            peak = setting.ridge.maximum
            clause = setting.eta * (2 * peak + expected["ceiling"] + expected["remainder"] + 0.2)
            assert first.step_size(0.2, U, size).value == pytest.approx(clause, **CLOSE)
            room = 2 / setting.eta - 2 * peak - expected["ceiling"] - expected["remainder"]
            assert first.room(U, size) == pytest.approx(room, **CLOSE)
        printed = setting.eta * (setting.ridge.maximum + s["n"] * psi.B0**2)
        assert explicit.step_size(0.2, 1.0, size).value == pytest.approx(printed, **CLOSE)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "erf", *UNEQUAL], ids=str)
def test_second_order(activation):
    for seed in SEEDS:
        setting = a_setting(seed, activation)
        psi, s = setting.activation, plain(setting)
        b, beta = setting.start.b.tolist(), setting.start.beta.tolist()
        T, through = bounds.linear_maps(s, b, beta, psi.psi, psi.dpsi, curvature(psi))
        found, found_through = response_maps(setting)
        # ψ″ by central differences: B3·10⁻⁶ and rounding
        np.testing.assert_allclose(found, T, rtol=0, atol=1e-4 * (1 + np.abs(T).max()))
        np.testing.assert_allclose(found_through, through, rtol=0, atol=1e-11 * (1 + np.abs(through).max()))
        second = theorem_3_2.drifts(setting, form="second-order")
        tau, tau_beta = (math.sqrt(np.linalg.eigvalsh(sum(t @ t for t in maps))[-1]) for maps in (T, through))
        for U in (1e-3, 0.1, 2.0):
            rest = bounds.quadratic(s, psi.B1, psi.B2, psi.B3, U)
            assert second.quadratic(U) == pytest.approx(rest, **CLOSE)
            shift = (tau * U + tau_beta * setting.eta * s["e_norm"]) / math.sqrt(s["p"]) + rest
            assert second.shift(U, s["e_norm"]) == pytest.approx(shift, rel=1e-3, abs=1e-4)
            assert second.shift(U, s["e_norm"]) >= shift * (1 - 1e-12)


@pytest.mark.parametrize("ridge", [False, True])
def test_theorem_4_3(ridge):
    for seed in SEEDS:
        setting = a_setting(seed, "identity", ridge)
        s, network = plain(setting), setting.start
        F, b, beta = s["z"], network.b.tolist(), network.beta.tolist()
        printed, sharper = (theorem_4_3.drifts(setting, form=form) for form in theorem_4_3.FORMS)
        size = max(s["e_norm"], s["y_norm"]) if ridge else s["e_norm"]
        for U in (2 * setting.eta * size, 0.1 + setting.eta * size, 3.0):
            expected = bounds.linear(s, F, b, beta, setting.eta, U, size, ridge)
            assert printed.kappa_b == pytest.approx(expected["kappa_b"], **CLOSE)
            assert printed.turned(U) == pytest.approx(expected["turned"], **CLOSE)
            assert printed.remainder(U, size) == pytest.approx(expected["remainder"], **CLOSE)
            assert printed.floor(U, size) == pytest.approx(expected["printed floor"], rel=1e-9, abs=1e-9)
            assert printed.ceiling(U) == pytest.approx(expected["ceiling"], **CLOSE)
            assert sharper.floor(U, size) == pytest.approx(expected["sharper floor"], rel=1e-7, abs=1e-8)
            for name in ("feature", "beta", "G", "H"):
                assert getattr(printed, name)(U) == pytest.approx(expected[name], **CLOSE)
                assert getattr(sharper, name)(U) == getattr(printed, name)(U)
            room = 2 / setting.eta - 2 * setting.ridge.maximum - expected["merged ceiling"]
            assert sharper.room(U, size) == pytest.approx(room, **CLOSE)
            cosine = (s["overlap"] + expected["beta"]) / (s["beta_norm"] - expected["beta"])
            if expected["beta"] >= s["beta_norm"]:
                cosine = 1.0
            assert printed.alignment(U) == pytest.approx(min(1.0, cosine), **CLOSE)
            assert sharper.ceiling_merged(U) == pytest.approx(expected["merged ceiling"], **CLOSE)
            peak = setting.ridge.maximum
            assert printed.step_size(0.2, U, size).value == pytest.approx(
                setting.eta * (peak + expected["ceiling"]), **CLOSE
            )
            assert sharper.step_size(0.2, U, size).value == pytest.approx(
                setting.eta * (2 * peak + expected["merged ceiling"] + 0.2), **CLOSE
            )


@pytest.mark.parametrize("activation", ["identity", "tanh", "sigmoid", "erf", "softplus"])
def test_tubes(activation):
    for seed in SEEDS:
        setting = a_setting(seed, activation)
        psi, s = setting.activation, plain(setting)
        b, beta = setting.start.b.tolist(), setting.start.beta.tolist()
        state = measure(setting).state
        for U in (1e-3, 0.1, 2.0):
            expected = bounds.tube(s, b, beta, psi.B1, psi.B2, psi.B3, psi.dpsi, curvature(psi), U)
            found = drift(state, U)
            for name, value in expected.items():
                assert getattr(found, name) == pytest.approx(value, rel=1e-8, abs=1e-11), (name, U)
                assert getattr(found, name) >= value * (1 - 1e-12)


def test_alignment_of_a_certified_network():
    certified = 0
    for seed in range(40):
        setting = a_setting(seed, ("tanh", "identity", "erf")[seed % 3])
        network, rng = setting.start, np.random.default_rng(seed)
        y = network.output(setting.problem.X, setting.activation) + 1e-3 * rng.normal(size=setting.problem.n)
        setting = setting.replace(problem=Problem(setting.problem.X, y))
        proof = from_state(setting)
        if not proof:
            continue
        certified += 1
        psi, s, U = setting.activation, plain(setting), proof.constants["residual_norm"] / proof.rate
        lists = network.b.tolist(), network.beta.tolist()
        moved = bounds.tube(s, *lists, psi.B1, psi.B2, psi.B3, psi.dpsi, curvature(psi), U)
        point, reach, along, push = bounds.limit_point(
            s, network.b, network.beta, psi.psi, moved["map"], moved["psi"], U
        )
        always = bounds.cosines(network.beta, network.b, moved["beta"], push)
        limit = bounds.cosines(point, network.b, reach, along)
        assert proof.alignment == pytest.approx(always, abs=1e-7)
        assert proof.final_alignment == pytest.approx(
            (max(always[0], limit[0]), min(always[1], limit[1])), abs=1e-7
        )
        assert proof.alignment[0] <= always[0] + 1e-13
        assert proof.alignment[1] >= always[1] - 1e-13
    assert certified > 8


# --- each hypothesis alone


@cache
def wide(theorem, form):
    """Lemmas that close, of one wide network."""
    network = Network.gaussian(150_000, 2, np.random.default_rng(0))
    setting = Setting(Problem(np.eye(2), [0.2, -0.2]), network, "tanh" if theorem == "3.2" else "identity", eta=0.1)
    lemmas = (theorem_3_2 if theorem == "3.2" else theorem_4_3).drifts(setting, form=form)
    assert close(lemmas)
    return lemmas


@pytest.mark.parametrize(
    "form, change, name",
    [
        ("explicit", {"smooth": False}, "ψ is twice differentiable"),
        ("explicit", {"total": math.inf}, "Λ"),
        ("explicit", {"b_square": 2.0001}, "(A3) ‖b‖²/p"),
        ("explicit", {"moment": 2.0001}, "(A3) Σ |β_r(0)| b_r²/p"),
        ("explicit", {"peak": 100.0}, "(A4)"),
        ("first-order", {"smooth": False}, "ψ is twice differentiable"),
        ("first-order", {"peak": 100.0}, "(A4)"),
        ("second-order", {"total": 1e-300}, "Σ λ(t)"),
        ("second-order", {"B3": math.inf}, "B3"),
        ("second-order", {"smooth": False}, "ψ is twice differentiable"),
    ],
)
def test_each_hypothesis_of_theorem_3_2_decides_alone(form, change, name):
    lemmas = wide("3.2", form)
    proof = close(replace(lemmas, instance=replace(lemmas.instance, **change)))
    assert proof.rate is None
    assert [margin.name for margin in proof.margins if margin.met is False] == [
        m for m in _names(proof) if name in m
    ]
    assert any(name in margin for margin in _names(proof))


def _names(proof):
    return [margin.name for margin in proof.margins if margin.met is False]


@pytest.mark.parametrize("form", theorem_4_3.FORMS)
@pytest.mark.parametrize(
    "instance, change, name",
    [
        ({}, {"gamma": 0.0}, "λ_min(K)"),
        ({"total": math.inf}, {}, "Λ"),
        ({"g_low": 0.0}, {}, "(A1) λ_min(G(0))"),
        ({"peak": 100.0}, {}, "η ("),
    ],
)
def test_each_hypothesis_of_theorem_4_3_decides_alone(form, instance, change, name):
    lemmas = wide("4.3", form)
    proof = close(replace(lemmas, instance=replace(lemmas.instance, **instance), **change))
    assert proof.rate is None
    others = [margin for margin in _names(proof) if name not in margin]
    assert len(others) < len(_names(proof))
    assert not others or name.startswith("(A1)")  # with λ_min(G(0)) the start of (A2) falls, too


def test_the_named_activations_have_the_bounds_that_the_transcription_uses():
    grid = np.linspace(-8, 8, 4001)
    for name in ("tanh", "sigmoid", "erf", "softplus"):
        psi = ACTIVATIONS[name]
        assert np.abs(psi.derivative(grid)).max() <= psi.B1 * (1 + 1e-15)
        assert max(abs(curvature(psi)(z)) for z in grid) <= psi.B2 * (1 + 1e-13)
