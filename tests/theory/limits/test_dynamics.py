"""The one-step identity holds to rounding, and only as corrected."""

import numpy as np
import pytest

from fa_ref.activations import ACTIVATIONS
from fa_ref.network import Network
from theory.kernels import empirical_G, empirical_H
from theory.kernels.one_step import one_step


def an_instance(seed, n=5, d=7, p=40, scale=1.0):
    rng = np.random.default_rng(seed)
    network = Network.gaussian(p, d, rng)
    return scale * rng.normal(size=(n, d)), rng.normal(size=n), network


@pytest.mark.parametrize("rule", ["fa", "bp"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("eta, ridge", [(1e-3, 0.0), (0.05, 0.4), (0.7, 1.3)])
def test_identity_holds_to_rounding(name, rule, eta, ridge):
    for seed in range(20):
        X, y, network = an_instance(seed, scale=0.2 if seed % 2 else 3.0)
        step = one_step(X, y, network, name, eta, ridge, rule)
        assert np.abs(step.after - step.linear - step.remainder).max() <= step.rounding
        # The bound is of the order of rounding, so it can tell a wrong identity (next test).
        assert step.rounding <= 1e-10 * (1 + np.abs(step.before).max() + np.abs(step.after).max())


def test_relu_identity_across_a_kink():
    # Steps so long that units switch: v then holds the jumps, and the identity still closes.
    X, y, network = an_instance(3, scale=3.0)
    step = one_step(X, y, network, "relu", 2.0)
    assert np.abs(step.after - step.linear - step.remainder).max() <= step.rounding


@pytest.mark.parametrize("wrong", ["no (1-ηλ) before H", "λ in place of ηλ", "e = y - f", "β(t) in v"])
def test_identity_fails_in_every_other_form(wrong):
    X, y, network = an_instance(5)
    eta, ridge = 0.05, 0.4
    step = one_step(X, y, network, "tanh", eta, ridge)
    G, H, e = empirical_G(X, network, "tanh"), empirical_H(X, network, "tanh"), step.before
    error = {
        "no (1-ηλ) before H": eta * eta * ridge * H @ e,
        "λ in place of ηλ": (eta - 1) * ridge * (e + y),
        "e = y - f": 2 * eta * G @ e,
        "β(t) in v": step.remainder - _remainder_with_old_beta(X, network, e, eta),
    }[wrong]
    assert np.abs(error).max() > 100 * step.rounding


def _remainder_with_old_beta(X, network, e, eta):
    psi, p = ACTIVATIONS["tanh"], network.beta.size
    Z = X @ network.W.T
    D = psi.derivative(Z)
    step = -eta / np.sqrt(p) * network.b * (X @ (X.T @ (D * e[:, None])))
    rho = psi(Z + step) - psi(Z) - D * step
    quadratic = (D * (X @ (X.T @ (D * e[:, None])))) @ ((e @ psi(Z)) * network.b)
    return eta**2 / p**1.5 * quadratic + rho @ network.beta / np.sqrt(p)


def test_linear_network_has_no_curvature_part():
    # ψ = identity: ρ_r = 0, so v is the quadratic term η²/p^{3/2} (bᵀZᵀe) K e alone.
    X, y, network = an_instance(7)
    eta, p = 0.05, network.beta.size
    step = one_step(X, y, network, "identity", eta)
    quadratic = eta**2 / p**1.5 * (step.before @ X @ network.W.T @ network.b) * (X @ X.T @ step.before)
    assert np.abs(step.remainder - quadratic).max() <= step.rounding


@pytest.mark.parametrize(
    "change, message",
    [
        ({"y": np.ones(4)}, "y: expected 5 entries"),
        ({"eta": 0.0}, "eta: expected a finite number > 0"),
        ({"ridge": -1.0}, "ridge: expected a finite number >= 0"),
        ({"rule": "dfa"}, "rule: expected one of fa, bp, got 'dfa'"),
    ],
)
def test_bad_arguments_are_named(change, message):
    X, y, network = an_instance(0)
    arguments = {"X": X, "y": y, "network": network, "activation": "tanh", "eta": 0.1} | change
    with pytest.raises(ValueError, match=message):
        one_step(**arguments)
