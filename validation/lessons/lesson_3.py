"""Lesson 3: one step, exactly; G, H and the identity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fa_ref import Network, Setting
from theory.kernels import empirical_G, empirical_H
from theory.kernels.one_step import one_step
from validation.lessons.marking import EXACT, NotYetError, compare, exercise, number

__all__: list[str] = []


@exercise("3.1")
def kernel_G(answer: Any, setting: Setting) -> str:
    """G = ΨΨᵀ/p, n×n."""
    X, start = setting.problem.X, setting.start
    right, p = empirical_G(X, start, setting.activation), start.p
    if np.shape(answer) == (p, p) and p != setting.problem.n:
        raise NotYetError(
            f"that is {p}×{p}, units by units; G is {setting.problem.n}×{setting.problem.n}, a sample a row"
        )
    mistakes = {
        "the factor 1/p is missing": p * right,
        "1/√p twice, once for f and once for the update, makes 1/p": math.sqrt(p) * right,
        "that is K = XXᵀ, the kernel of the inputs; G is that of the hidden answers": setting.problem.K,
        "β does not occur in G: it is linear in β, so its own kernel does not depend on it": _weighted(setting),
    }
    compare(answer, right, mistakes)
    return "G = ΨΨᵀ/p, symmetric, and no eigenvalue is negative"


def _weighted(setting: Setting) -> np.ndarray:
    Psi = setting.activation(setting.problem.X @ setting.start.W.T) * setting.start.beta
    return np.asarray(Psi @ Psi.T / setting.start.p)


@exercise("3.2")
def kernel_H(answer: Any, setting: Setting) -> str:
    """H = (1/p) Σ_r β_r b_r D_r K D_r, n×n."""
    X, start, psi, K = setting.problem.X, setting.start, setting.activation, setting.problem.K
    right = empirical_H(X, start, psi)
    D = psi.derivative(X @ start.W.T)
    mistakes = {
        "the sign is wrong: the minus of the update is written in front of H": -right,
        "that is backpropagation's kernel: β_r appears once, b_r once": empirical_H(X, start, psi, rule="bp"),
        "b_r appears once, and so does β_r": K * ((D * start.b**2) @ D.T) / start.p,
        "β_r is missing: what a unit's move does to f goes through β_r": K * ((D * start.b) @ D.T) / start.p,
        "the slopes D_r are missing, on both sides of K": K * float(start.beta @ start.b) / start.p,
        "one D_r is missing: the slope enters when w_r moves, and again when z_r moves f": (
            K * (D * start.beta * start.b).sum(axis=1)[:, None] / start.p
        ),
        "the factor 1/p is missing": start.p * right,
    }
    compare(answer, right, mistakes)
    return "H = (1/p) Σ_r β_r b_r D_r K D_r"


@exercise("3.3")
def predicted(answer: Any, setting: Setting) -> str:
    """(I − ηG − η(1−ηλ)H − ηλ) e − ηλy, with λ = λ(0)."""
    eta, lam = setting.eta, float(setting.ridge.values(1)[0])
    X, y, start, psi = setting.problem.X, setting.problem.y, setting.start, setting.activation
    step, plain = one_step(X, y, start, psi, eta, lam), one_step(X, y, start, psi, eta).linear
    H_e = eta * empirical_H(X, start, psi) @ step.before
    mistakes = {
        "the sign is wrong: e shrinks, so it is I minus ηG": 2 * step.before - step.linear,
        "the penalty is missing: −ηλe − ηλy, and (1 − ηλ) in front of H": plain,
        "−ηλy is missing: the penalty pulls f to 0, and so e to −y": step.linear + eta * lam * y,
        "H is missing": step.linear + (1 - eta * lam) * H_e,
        "the factor 1 − ηλ of H is missing: by the time W acts on f, β has decayed": step.linear - eta * lam * H_e,
        "that is e(1) itself: leave the remainder v out": step.after,
    }
    compare(answer, step.linear, mistakes, EXACT * eta)
    return f"and e(1) differs from it by no more than {np.abs(step.after - step.linear).max():.1e}: that is v"


@exercise("3.4")
def order_of_remainder(answer: Any, setting: Setting) -> str:
    """The k with ‖v‖ ~ η^k, from the identity at two small step sizes."""
    problem = setting.problem

    def size(eta: float) -> float:
        v = one_step(problem.X, problem.y, setting.start, setting.activation, eta).remainder
        return float(np.linalg.norm(v))

    right = round(math.log2(size(setting.eta / 8) / size(setting.eta / 16)))
    value = number(answer)
    if value == right - 1:
        raise NotYetError("the terms of order η are all in G and H; v is what is left over")
    if value != right:
        raise NotYetError(f"halve η: ‖v‖ falls by a factor of {size(setting.eta / 8) / size(setting.eta / 16):.2f}")
    return f"‖v‖ is of order η^{right}: twice the step, {2**right} times the remainder"


@exercise("3.5")
def order_of_H(answer: Any, setting: Setting) -> str:
    """The k with ‖H‖ ~ p^k at random weights, from networks of widths 100 and 6400."""
    problem, means = setting.problem, []
    for p in (100, 6400):
        networks = (Network.gaussian(p, problem.d, np.random.default_rng([p, s])) for s in range(16))
        sizes = [np.linalg.norm(empirical_H(problem.X, network, setting.activation)) ** 2 for network in networks]
        means.append(float(np.mean(sizes)))
    right = round(math.log(means[1] / means[0]) / math.log(64.0)) / 2
    value = number(answer)
    if value == 0:
        raise NotYetError("that is backpropagation, whose β_r² has mean 1; the mean of β_r b_r is 0")
    if value == -right:
        raise NotYetError("the sign: H gets smaller as p grows")
    if value == 2 * right:
        raise NotYetError("the sum has p terms of mean 0, so it grows like √p; then divide by p")
    if value != right:
        raise NotYetError(f"from p = 100 to 6400 ‖H‖ falls by {math.sqrt(means[0] / means[1]):.1f}, and 64^½ = 8")
    return "‖H‖ ~ 1/√p: random signs cancel, as in a walk of p steps"
