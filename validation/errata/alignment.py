"""Errata of Section 4's alignment."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Network, Problem, train
from fa_ref._support.threads import threads
from theory.alignment import sharp_constant, sharp_schedule
from validation.errata.entry import Outcome, demonstration

__all__ = ["large_L"]


@demonstration(
    9,
    place="Theorem 4.6",
    printed="a large constant L aligns",
    corrected="at a fixed budget Σλ a smaller L aligns more",
)
def large_L(rng: np.random.Generator) -> Outcome:
    """At its fixed budget a larger L aligns less."""
    n, p, eta, c_S = 5, 2500, 0.05, 5.0
    y = rng.standard_normal(n)
    problem, network = Problem(np.eye(n), y * math.sqrt(n) / np.linalg.norm(y)), Network.gaussian(p, n, rng)
    reached, limits = [], []
    for L in (3.0, 12.0):
        ridge = sharp_schedule(L, c_S, p, n, eta=eta)
        steps = round(ridge.total / L) + 400
        with threads(1):
            run = train(problem, network, "identity", eta=eta, steps=steps, ridge=ridge, record_every=steps)
        reached.append(float(run.alignment[-1]))
        limits.append(sharp_constant(L, c_S, 1.0))
    falls = reached[1] < reached[0] and limits[1] < limits[0]
    return Outcome(
        printed_holds=not falls,
        corrected_holds=falls,
        setting=f"identity, n = {n} orthonormal, p = {p}, c_S = {c_S:g}, L = 3 and 12",
        finding=f"alignment {reached[0]:.3f} and {reached[1]:.3f} (limits {limits[0]:.3f} and {limits[1]:.3f})",
    )
