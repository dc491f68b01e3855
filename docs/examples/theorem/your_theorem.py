"""A statement of another paper as a sheet, judged on two runs."""

import numpy as np

from fa_ref import Network, Problem, Setting
from theory.margins import Margin
from theory.precision import gamma
from validation.beyond.weights import WeightRecord
from validation.judge.claims import Claim, Inequality


class Conservation(Claim):
    name = "conservation"
    statement = "w_r·Δw_r = b_r (β_r(t+1) − (1 − ηλ) β_r(t))"
    source = "arXiv 2306.01870"

    def hypotheses(self, run):
        psi, z = run.setting.activation, np.linspace(-3.0, 3.0, 100)
        return (Margin("|ψ(z) − ψ′(z)z|", np.abs(psi(z) - psi.derivative(z) * z).max(), 1e-15, "≤"),)

    def conclusions(self, run):
        setting, W, beta, X = run.setting, run.W, run.beta, run.setting.problem.X
        b, moved, size = setting.start.b, np.diff(W, axis=0), np.linalg.norm(W, axis=2)[:-1]
        keep = 1.0 - setting.eta * setting.ridge.values(int(run.times[-1]))[:, None]
        left, right = np.sum(W[:-1] * moved, axis=2), b * (beta[1:] - keep * beta[:-1])
        step = setting.eta / np.sqrt(b.size) * np.abs(b) * setting.problem.radius * np.sqrt(len(X))
        terms = size**2 + 5.0 * size * step * run.residual_norms[:-1, None] + size * np.linalg.norm(moved, axis=2)
        terms += 2.0 * np.abs(b) * (np.abs(beta[:-1]) + np.abs(beta[1:]))
        rounding, times = gamma(sum(X.shape) + 12) * terms, np.repeat(run.times[:-1], b.size)
        sides = [array.ravel() for array in (left, right, rounding)]
        return Inequality("≤", times, *sides), Inequality("≥", times, sides[1], sides[0], sides[2])


problem, network = Problem(np.eye(3), [1.0, -1.0, 2.0]), Network.gaussian(200, 3, np.random.default_rng(0))
for psi in ("relu", "tanh"):
    run = WeightRecord.of(Setting(problem, network, psi, eta=0.2), steps=50)
    verdict = Conservation().judge(run)
    print(psi, verdict.status, verdict.failing)
