"""Measure how far networks are from the θ-limit of Theorem D: √p times the root mean square of cos − κ(θ).

    python -m studies.limits.theorem_d [--widths 1000 … 256000] [--theta 1.5]

tanh, X = 1, y = 1, λ = η = ½. Independent networks at every width, fewer where they are wide. The interval is that
of a root mean square of Gaussian deviations.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.stats import chi2

from fa_ref import Network, Problem, Setting, schedules
from studies.record import record
from theory.alignment.nonlinear.theta_limit import ThetaLimit, distance, theta_limit

PROBLEM, LAM, ETA = Problem([[1.0]], [1.0]), 0.5, 0.5
#: Networks at each width, and on how many of them the bound (6) is evaluated.
WIDTHS = {1000: (256, 64), 4000: (256, 32), 16_000: (256, 16), 64_000: (128, 4), 256_000: (48, 1)}


def cosine(network: Network, steps: int) -> float:
    """cos∠(b, β) after ``steps`` steps of (1) in place: n = d = 1 needs no more than vectors of length p."""
    z, beta, b, root = network.W[:, 0].copy(), network.beta.copy(), network.b, math.sqrt(network.p)
    psi, work, (y,) = np.empty_like(z), np.empty_like(z), PROBLEM.y
    for _ in range(steps):
        np.tanh(z, out=psi)
        pull = ETA / root * (psi @ beta / root - y)
        beta *= 1.0 - ETA * LAM
        beta -= np.multiply(psi, pull, out=work)
        np.multiply(psi, psi, out=psi)
        np.subtract(1.0, psi, out=psi)
        psi *= b
        z -= np.multiply(psi, pull, out=work)
    return float(b @ beta / np.linalg.norm(b) / np.linalg.norm(beta))


def deviations(limit: ThetaLimit, p: int, theta: float) -> tuple[np.ndarray, list[float]]:
    """cos − κ of each network, and the quotients of |cos − κ| and its bound (6)."""
    off, parts, t = [], [], math.floor(theta * math.sqrt(p))
    kappa = float(CubicSpline(limit.theta, limit.kappa)(t / math.sqrt(p)))
    networks, bounded = WIDTHS[p]
    for seed in range(networks):
        network = Network.gaussian(p, 1, np.random.default_rng([p, seed]))
        off.append(cosine(network, t) - kappa)
        if seed < bounded:
            setting = Setting(PROBLEM, network, "tanh", eta=ETA, ridge=schedules.constant(LAM))
            found = distance(setting, limit, t)
            if abs(found.cosine - found.kappa - off[-1]) > 1e-8:
                raise ArithmeticError(f"p = {p}, network {seed}: {found.cosine - found.kappa} and {off[-1]}")
            parts.append(abs(off[-1]) / found.bound)
    return np.array(off), parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument("--theta", type=float, default=1.5)
    options = parser.parse_args()
    limit = theta_limit(PROBLEM, "tanh", LAM, eta=ETA, end=1.01 * options.theta, nodes=200)
    columns = [
        "$p$",
        "networks",
        r"$\sqrt p$ times r.m.s. (95 %)",
        r"$\sqrt p$ times mean",
        "largest part of the bound (6), of",
    ]
    rows, raw = [], {}
    for p in options.widths:
        off, parts = deviations(limit, p, options.theta)
        networks = off.size
        size = math.sqrt(p * float(np.mean(off**2)))
        low, high = (size * math.sqrt(networks / chi2.ppf(q, networks)) for q in (0.975, 0.025))
        mean = math.sqrt(p) * float(off.mean())
        rows.append([f"{p:,}".replace(",", " "), str(networks), f"{size:.2f} [{low:.2f}, {high:.2f}]",
                     f"{mean:+.2f}", f"{max(parts):.2f}, {len(parts)}"])  # fmt: skip
        raw[str(p)] = off.tolist()
        note = rf"tanh, $X=1$, $y=1$, $\lambda=\eta=\frac12$, $\theta={options.theta:g}$."
        print(rows[-1], record("theorem_d", columns, rows, note, deviations=raw), flush=True)


if __name__ == "__main__":
    main()
