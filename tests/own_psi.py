"""A user's own activations: copies of the named ones that nothing recognises, and others."""

import math

from fa_ref.activations import ACTIVATIONS, Activation


def copy_of(name, called="mine", **stated):
    """The named ψ in other words: the same numbers, and nothing known but what is stated."""
    psi, dpsi = ACTIVATIONS[name].psi, ACTIVATIONS[name].dpsi
    return Activation(called, lambda z: psi(z), lambda z: dpsi(z), **stated)


def softsign(**stated):
    return Activation("softsign", lambda z: z / (1.0 + abs(z)), lambda z: (1.0 + abs(z)) ** -2.0, **stated)


def leaky_relu(slope=0.1, **stated):
    stated = {"B1": max(1.0, abs(slope)), "smooth": False} | stated
    return Activation("leaky", lambda z: z if z > 0.0 else slope * z, lambda z: 1.0 if z > 0.0 else slope, **stated)


def absolute(**stated):
    stated = {"B1": 1.0, "smooth": False} | stated
    return Activation("abs", lambda z: abs(z), lambda z: 1.0 if z > 0.0 else -1.0, **stated)


def clip(at, called="clip", **stated):
    stated = {"B0": at, "B1": 1.0, "smooth": False} | stated
    return Activation(
        called, lambda z: min(max(z, -at), at), lambda z: 1.0 if abs(z) < at else 0.0, **stated
    )  # fmt: skip


def clipped_relu(at, called="relu", **stated):
    stated = {"B0": at, "B1": 1.0, "smooth": False} | stated
    return Activation(
        called, lambda z: min(max(z, 0.0), at), lambda z: 1.0 if 0.0 < z < at else 0.0, **stated
    )  # fmt: skip


def steep_tanh(c=3.0, called="tanh", **stated):
    B2, B3 = ACTIVATIONS["tanh"].B2, ACTIVATIONS["tanh"].B3
    stated = {"B0": 1.0, "B1": c, "B2": c**2 * B2 * (1 + 1e-15), "B3": c**3 * B3} | stated

    def slope(z):  # c / cosh²(cz), which would overflow
        q = math.exp(-2.0 * abs(c * z))
        return 4.0 * c * q / (1.0 + q) ** 2

    return Activation(called, lambda z: math.tanh(c * z), slope, **stated)


def bump(**stated):
    stated = {"B0": 1.0, "B1": 0.858, "B2": 2.0, "B3": 4.62} | stated
    return Activation("bump", lambda z: math.exp(-z * z), lambda z: -2.0 * z * math.exp(-z * z), **stated)


def sine(amplitude=1.0, **stated):
    stated = {f"B{j}": amplitude for j in range(4)} | stated
    return Activation("sine", lambda z: amplitude * math.sin(z), lambda z: amplitude * math.cos(z), **stated)


def centred_sigmoid(**stated):
    """1/(1 + e^−z) − ½, which cancels near 0: right to 2⁻⁵³, not to 2⁻⁵³ of itself."""
    stated = {"B0": 0.5, "B1": 0.25, "B2": 0.0963, "B3": 0.125} | stated
    sigmoid = ACTIVATIONS["sigmoid"].dpsi
    return Activation("centred", lambda z: 1.0 / (1.0 + math.exp(-z)) - 0.5, lambda z: sigmoid(z), **stated)
