"""Measure how far networks are from the θ-limit of Theorem D: √p times the root mean square of cos − κ(θ).

    python -m studies.theorem_d [--widths 1000 … 256000] [--theta 1.5]

tanh, X = 1, y = 1, λ = η = ½. Independent networks at every width, fewer where they are wide. The interval is that
of a root mean square of Gaussian deviations.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.stats import chi2

from fa_ref import Network, Problem, Setting, schedules
from studies.record import record
from theory.alignment.nonlinear.theta_limit import ThetaLimit, distance, theta_limit

PROBLEM, LAM, ETA = Problem([[1.0]], [1.0]), 0.5, 0.5
WIDTHS = {1000: 256, 4000: 256, 16_000: 128, 64_000: 64, 256_000: 32}


def deviations(limit: ThetaLimit, p: int, networks: int, theta: float) -> tuple[np.ndarray, float]:
    """cos − κ of each network, and the largest quotient of |cos − κ| and its bound (6)."""
    found = []
    for seed in range(networks):
        network = Network.gaussian(p, 1, np.random.default_rng([p, seed]))
        setting = Setting(PROBLEM, network, "tanh", eta=ETA, ridge=schedules.constant(LAM))
        found.append(distance(setting, limit, math.floor(theta * math.sqrt(p))))
    off = np.array([each.cosine - each.kappa for each in found])
    return off, float(np.max(np.abs(off) / [each.bound for each in found]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--theta", type=float, default=1.5)
    options = parser.parse_args()
    limit = theta_limit(PROBLEM, "tanh", LAM, eta=ETA, end=1.01 * options.theta, nodes=200)
    columns = ["p", "networks", "√p · r.m.s. (95 %)", "√p · mean", "largest part of the bound (6)"]
    rows, raw = [], {}
    for p in options.widths:
        networks = WIDTHS.get(p, 32)
        off, part = deviations(limit, p, networks, options.theta)
        size = math.sqrt(p * float(np.mean(off**2)))
        low, high = (size * math.sqrt(networks / chi2.ppf(q, networks)) for q in (0.975, 0.025))
        mean = math.sqrt(p) * float(off.mean())
        rows.append([f"{p:,}".replace(",", " "), str(networks), f"{size:.2f} [{low:.2f}, {high:.2f}]",
                     f"{mean:+.2f}", f"{part:.2f}"])  # fmt: skip
        raw[str(p)] = off.tolist()
        note = f"tanh, X = 1, y = 1, λ = η = ½, θ = {options.theta:g}."
        print(rows[-1], record("theorem_d", columns, rows, note, deviations=raw), flush=True)


if __name__ == "__main__":
    main()
