"""Lesson 1: a two-layer network by hand, and why backpropagation is not local."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import Setting, train
from validation.lessons.marking import EXACT, THREE_DIGITS, NotYetError, array, called, compare, exercise

__all__: list[str] = []

Array = NDArray[np.float64]


def gradients(setting: Setting, rule: str) -> tuple[Array, Array]:
    """What one step of the loops subtracts from W (p×d) and β (p), divided by η."""
    start, end = setting.start, train(setting.replace(rule=rule), steps=1, engine="loops").network
    if end is None:
        raise NotYetError("the step diverged: take a smaller η")
    return (start.W - end.W) / setting.eta, (start.beta - end.beta) / setting.eta


@exercise("1.1")
def outputs(answer: Any, setting: Setting) -> str:
    """The outputs f, shape (n,)."""
    X, network, psi, root = setting.problem.X, setting.start, setting.activation, math.sqrt(setting.start.p)
    Psi = psi(X @ network.W.T)
    mistakes = {
        "the factor 1/√p is missing": Psi @ network.beta,
        "ψ is missing: that is the linear network": X @ network.W.T @ network.beta / root,
        "b is not on the way forward: the outputs are formed with β": Psi @ network.b / root,
        "divide by √p, not by p": Psi @ network.beta / network.p,
    }
    compare(answer, network.output(X, psi), mistakes, THREE_DIGITS)
    return "f = Ψβ/√p, sample by sample"


@exercise("1.2")
def gradient_beta(answer: Any, setting: Setting) -> str:
    """∂L/∂β, shape (p,)."""
    right, p, n = gradients(setting, "bp")[1], setting.start.p, setting.problem.n
    mistakes = {
        "the sign is wrong: e = f − y, not y − f": -right,
        "the factor 1/√p is missing": right * math.sqrt(p),
        "the loss is a sum over the samples, not a mean": right / n,
        "the ½ of the loss cancels the 2 of the square": 2 * right,
    }
    compare(answer, right, mistakes, THREE_DIGITS)
    return "∂L/∂β_r = (1/√p) Σ_i e_i ψ(z_ri)"


@exercise("1.3")
def gradient_W(answer: Any, setting: Setting) -> str:
    """∂L/∂W, shape (p, d)."""
    right, start = gradients(setting, "bp")[0], setting.start
    X, p = setting.problem.X, start.p
    e = start.output(X, setting.activation) - setting.problem.y
    without_slope = np.outer(start.beta, e @ X) / math.sqrt(p)
    mistakes = {
        "the sign is wrong: e = f − y, not y − f": -right,
        "the factor 1/√p is missing": right * math.sqrt(p),
        "the slope ψ′(z_ri) is missing: a unit that is silent on a sample learns nothing from it": without_slope,
        "that is feedback alignment's update; the gradient has β_r where it has b_r": gradients(setting, "fa")[0],
    }
    compare(answer, right, mistakes, THREE_DIGITS)
    return "∂L/∂w_r = (1/√p) β_r Σ_i e_i ψ′(z_ri) x_i"


@exercise("1.4")
def local_update(answer: Any, setting: Setting) -> str:
    """``step(x, slope, e, b_r, eta, p)``: how far w_r moves, from what is at hand where it sits."""
    start, X, eta = setting.start, setting.problem.X, setting.eta
    slopes = setting.activation.derivative(X @ start.W.T)
    e = start.output(X, setting.activation) - setting.problem.y
    rows = [
        array(called(answer, X, slopes[:, r], e, float(start.b[r]), eta, start.p), (start.d,))
        for r in range(start.p)
    ]
    right = -eta * gradients(setting, "fa")[0]
    with_beta = -eta * gradients(setting, "bp")[0]
    mistakes = {
        "the sign is wrong: w_r moves down the slope, by minus": -right,
        "the step size η is missing": right / eta,
        "the factor 1/√p is missing": right * math.sqrt(start.p),
        "that is backpropagation: β_r came in from outside": with_beta,
        "the slope ψ′(z_ri) is missing": -eta * np.outer(start.b, e @ X) / math.sqrt(start.p),
    }
    compare(np.array(rows), right, mistakes, EXACT)
    return "Δw_r = −(η/√p) b_r Σ_i e_i ψ′(z_ri) x_i: nothing in it belongs to another synapse"
