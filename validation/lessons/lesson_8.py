"""Lesson 8: prove that this network converges and stays aligned, and check the proof."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fa_ref import Setting
from theory.certificates import StateCertificate, check
from theory.kernels import empirical_G, empirical_H
from validation.lessons.marking import THREE_DIGITS, NotYetError, compare, exercise, number

__all__: list[str] = []


@exercise("8.1")
def lowest(answer: Any, setting: Setting) -> str:
    """λ_min(G + H) at the weights of the setting."""
    given = setting.problem.X, setting.start, setting.activation
    G, H = empirical_G(*given), empirical_H(*given)
    values = np.linalg.eigvalsh(G + H)
    mistakes = {
        "that is λ_min(G); H acts as well": float(np.linalg.eigvalsh(G)[0]),
        "that is λ_min(H)": float(np.linalg.eigvalsh(H)[0]),
        "that is the largest eigenvalue": float(values[-1]),
        "eigenvalues do not add up: take those of G + H": (
            float(np.linalg.eigvalsh(G)[0]) + float(np.linalg.eigvalsh(H)[0])
        ),
        "H has a plus: the minus is in front of η": float(np.linalg.eigvalsh(G - H)[0]),
    }
    compare(answer, float(values[0]), mistakes, THREE_DIGITS)
    return "the certificate proves a lower bound of this number with every rounding enclosed"


@exercise("8.2")
def steps_to(answer: Any, certificate: StateCertificate, tolerance: float) -> str:
    """After how many further steps ‖e‖ ≤ tolerance is guaranteed."""
    a, eta, E = certificate.rate or math.nan, certificate.eta, certificate.constants["residual_norm"]
    exact = math.log(tolerance / E) / math.log1p(-eta * a)
    value, right = number(answer), math.ceil(exact)
    if value == right:
        return f"(1 − ηa)^{right} ‖e(T)‖ ≤ {tolerance:g}, and one step less is not enough"
    if value in (math.floor(exact), exact):
        raise NotYetError("round up: the guarantee has to be reached, and steps are whole")
    if math.ceil(value) == math.ceil(math.log(tolerance / E) / math.log1p(-a)):
        raise NotYetError("η is missing: one step contracts by 1 − ηa")
    if math.ceil(value) == math.ceil(math.log(tolerance) / math.log1p(-eta * a)):
        raise NotYetError("start from ‖e(T)‖ (residual_norm), not from 1")
    if math.ceil(value) == math.ceil(math.log(E / tolerance) / (eta * a)):
        raise NotYetError("(1 − ηa)^k is a little smaller than e^(−ηak): use log(1 − ηa)")
    raise NotYetError("solve (1 − ηa)^k ‖e(T)‖ = tolerance for k, then round up")


@exercise("8.3")
def lower_end(answer: Any, certificate: StateCertificate, setting: Setting) -> str:
    """cos(arccos c + arcsin(Δ/‖β‖)), the least cosine in a ball of radius Δ around β."""
    beta, b = setting.start.beta, setting.start.b
    size, reach = float(np.linalg.norm(beta)), certificate.constants["drift_beta"]
    c = float(b @ beta) / (size * float(np.linalg.norm(b)))
    right = math.cos(math.acos(c) + math.asin(reach / size))
    mistakes = {
        "that is the upper end: the angle can grow": math.cos(math.acos(c) - math.asin(reach / size)),
        "that is the cosine now; β may move by Δ": c,
        "true, but not the best: length and direction cannot both be at their worst": (
            (c * size - reach) / (size + reach)
        ),
        "angles add up, cosines do not": c - reach / size,
    }
    compare(answer, right, mistakes, 1e-5)
    proved = (certificate.alignment or (math.nan,))[0]
    return f"and the certificate, which also looks along b, proves at least {proved:.4f}"


@exercise("8.4")
def forged(answer: Any, certificate: StateCertificate, setting: Setting) -> str:
    """A changed copy of ``certificate.to_dict()`` that the checker refuses for what it claims."""
    if not isinstance(answer, dict):
        raise NotYetError(f"expected a dictionary, got {answer!r:.60}")
    if answer == certificate.to_dict():
        raise NotYetError("that is the certificate itself, and it is true")
    found = check(answer, setting.problem, setting.start)
    if found:
        raise NotYetError("changed, but still true, and the checker proves it; claim more")
    form = [claim for claim in found.refused if claim.startswith(("the f", "the h", "ψ", "the t", "rigorous"))]
    if form:
        raise NotYetError(f"refused for its form already ({form[0]}); change a number that is claimed")
    return f"refused: {'; '.join(found.refused[:3])}"
