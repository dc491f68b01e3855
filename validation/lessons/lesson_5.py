"""Lesson 5: why b and β do not align: n/p."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fa_ref import Setting
from theory.alignment.without_ridge import no_alignment_coefficient
from theory.kernels import kernel_of
from validation.lessons.marking import THREE_DIGITS, NotYetError, called, compare, exercise, number

__all__: list[str] = []


def _coefficient(setting: Setting) -> float:
    """lim p·E cos as t → ∞ and η → 0."""
    kernel = kernel_of(setting.problem, setting.activation)
    return no_alignment_coefficient(setting.problem, setting.activation, kernel=kernel)


@exercise("5.1")
def gain(answer: Any, setting: Setting) -> str:
    """``along_b(W_0, W)``: b·β(t) − b·β(0) of a linear network at small η, from the hidden weights alone."""
    rng, start = np.random.default_rng(0), setting.start
    W = start.W + 0.3 * rng.standard_normal(start.W.shape)
    value = number(called(answer, start.W.copy(), W.copy()))
    gained = float(np.sum(W**2) - np.sum(start.W**2))
    mistakes = {
        "the ½ is missing": gained,
        "the sign is wrong: β gains along b what W gains in length": -gained / 2,
        "that is the length of the movement; what counts is the growth of the squared length": (
            float(np.sum((W - start.W) ** 2)) / 2
        ),
        "squares: ½(‖W(t)‖² − ‖W(0)‖²)": (float(np.linalg.norm(W)) - float(np.linalg.norm(start.W))) / 2,
        "a sum over all units, not a mean": gained / (2 * start.p),
    }
    compare(value, gained / 2, mistakes)
    return "b·β(t) − b·β(0) = ½(‖W(t)‖² − ‖W(0)‖²)"


@exercise("5.2")
def coefficient(answer: Any, setting: Setting) -> str:
    """½(n + yᵀK⁻¹y) for a linear network."""
    problem = setting.problem
    right, n = _coefficient(setting), problem.n
    square = float(problem.y @ problem.y)
    mistakes = {
        "the ½ is missing": 2 * right,
        "the targets are missing: yᵀK⁻¹y": n / 2,
        "n is missing: f(0) is random too, and has to be unlearnt": right - n / 2,
        "K⁻¹ is missing: yᵀK⁻¹y": (n + square) / 2,
        "that is a mean over samples": right / n,
    }
    compare(answer, right, mistakes, THREE_DIGITS)
    return "p·E cos∠(b, β) → ½(n + yᵀK⁻¹y)"


@exercise("5.3")
def draws_needed(answer: Any, setting: Setting) -> str:
    """How many independent networks until the mean of the cosines is known to a tenth of itself: 100 p/c²."""
    p, c = setting.start.p, _coefficient(setting)
    right, value = 100.0 * p / c**2, number(answer)
    mistakes = {
        "a tenth: the standard error is to be c/(10p), squared that gives 100": p / c**2,
        "the standard error falls with the square root of the number of networks": 10.0 * math.sqrt(p) / c,
        "one network scatters by 1/√p, not by 1": 100.0 * p**2 / c**2,
        "10 is to be squared: the standard error falls with the square root": 10.0 * p / c**2,
    }
    for line, wrong in mistakes.items():
        if math.isclose(value, wrong, rel_tol=0.05):
            raise NotYetError(line)
    if not math.isclose(value, right, rel_tol=0.05):
        raise NotYetError("solve (1/√p)/√N = 0.1·c/p for N")
    return f"N = 100p/c², here about {right:,.0f}: the wider, the more"


@exercise("5.4")
def pair_law(answer: Any) -> str:
    """``pair(cosine_plus, cosine_minus, p)``: the estimate of p·E cos that a pair ±b gives."""
    value = number(called(answer, 0.03, -0.02, 50))
    mistakes = {
        "p is missing": 0.005,
        "the mean of two: divide by 2": 0.5,
        "the difference keeps the noise, and loses what you look for": 1.25,
    }
    compare(value, 0.25, mistakes)
    return "the noise is odd in b and cancels in the mean of the pair; the law is even in b and stays"
