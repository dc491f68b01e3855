"""Lesson 6: what a ridge penalty does; θ = t/√p; the constant of Theorem 4.6; a penalty for ever."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fa_ref import Setting
from theory.alignment import sharp_constant
from theory.kernels import kernel_of
from theory.limits.long_time import plateau
from validation.lessons.marking import THREE_DIGITS, NotYetError, array, called, compare, exercise, number

__all__: list[str] = []


@exercise("6.1")
def regression(answer: Any, setting: Setting) -> str:
    """``ridge_regression(Psi, y, lam)``: the β that minimises ½‖Ψβ/√p − y‖² + ½λ‖β‖²; Ψ is n×p."""
    X, y, start = setting.problem.X, setting.problem.y, setting.start
    lam, n, p = float(setting.ridge.values(1)[0]), setting.problem.n, start.p
    Psi = setting.activation(X @ start.W.T)
    found = array(called(answer, Psi.copy(), y.copy(), lam), (p,))
    A = Psi / math.sqrt(p)

    def solved(features: Any, penalty: float) -> Any:
        return features.T @ np.linalg.solve(features @ features.T + penalty * np.eye(n), y)

    mistakes = {
        "λ is missing: that is the shortest β that fits exactly": solved(A, 0.0),
        "the features are Ψ/√p: a factor 1/√p is missing": solved(Psi, lam),
        "with ½λ‖β‖² the matrix to solve with is G + λ, not G + λ/2": solved(A, lam / 2),
        "λ is not divided by n: the squares are summed": solved(A, lam * n),
        "the last factor 1/√p is missing: β = Ψᵀa/√p": math.sqrt(p) * solved(A, lam),
    }
    compare(found, solved(A, lam), mistakes)
    return "β* = Aᵀ(AAᵀ + λ)⁻¹y with A = Ψ/√p"


@exercise("6.2")
def same_time(answer: Any, steps: int, narrow: int, wide: int) -> str:
    """The step at which the wide network is where the narrow one was after ``steps``."""
    ratio, value = wide / narrow, number(answer)
    right = steps * math.sqrt(ratio)
    if math.isclose(value, steps):
        raise NotYetError("the wider network is slower: each unit's step has a factor 1/√p")
    if math.isclose(value, steps * ratio):
        raise NotYetError("a step moves a unit by order 1/√p, so √p steps are needed, not p")
    if math.isclose(value, steps / math.sqrt(ratio)):
        raise NotYetError("the wider network is slower, not faster")
    if not math.isclose(value, right, rel_tol=0.01):
        raise NotYetError("t/√p is to be the same for both")
    return f"θ = t/√p = {steps / math.sqrt(narrow):g} for both"


@exercise("6.3")
def constant(answer: Any, L: float, c_S: float, nu: float) -> str:
    """κ/√(1 + κ²) with (1 + L)κ + κ³/3 = c_S ν."""
    right = sharp_constant(L, c_S, nu)
    kappa, first = right / math.sqrt(1.0 - right**2), c_S * nu / (1.0 + L)
    mistakes = {
        "that is κ, the tangent of an angle; asked for is the cosine κ/√(1 + κ²)": kappa,
        "1 + L, not L": sharp_constant(L - 1.0, c_S, nu) if L > 1 else math.nan,
        "the term κ³/3 is missing": first / math.hypot(1.0, first),
        "that is the κ without the term κ³/3": first,
        "1/√(1 + κ²) is the sine's part; the numerator is κ": 1.0 / math.hypot(1.0, kappa),
    }
    compare(answer, right, mistakes, THREE_DIGITS)
    return "and neither n, d, p nor η occurs in it"


@exercise("6.4")
def plateau_loss(answer: Any, setting: Setting) -> str:
    """½λ²‖(Ḡ + λ)⁻¹y‖²."""
    problem, psi = setting.problem, setting.activation
    lam, G = float(setting.ridge.values(1)[0]), kernel_of(problem, psi).G
    a = np.linalg.solve(G + lam * np.eye(problem.n), problem.y)
    penalised, norm = 0.5 * lam * float(problem.y @ a), lam * float(np.linalg.norm(a))
    same = math.isclose(penalised, norm, rel_tol=1e-2)  # ‖y‖ = 2 and Ḡ a multiple of I: one number, two mistakes
    mistakes = {
        f"that is {'‖e‖, or ' * same}the loss with its penalty; asked for is ½‖e‖²": penalised,
        "λ² is missing: e = −λ(Ḡ + λ)⁻¹y": 0.5 * float(a @ a),
        "the ½ is missing": lam**2 * float(a @ a),
        "e = −λ(Ḡ + λ)⁻¹y, so λ comes squared": 0.5 * lam * float(a @ a),
        "that is ‖e‖, the loss is ½‖e‖²": norm,
    }
    compare(answer, plateau(problem, psi, setting.ridge).loss, mistakes, THREE_DIGITS)
    return "½‖e‖² = ½λ²‖(Ḡ + λ)⁻¹y‖²: of order λ², with the penalty of order λ"
