"""Run networks with a constant penalty to θ ≥ 10⁴ and through θ_c, beside the laws of the long run.

python -m studies.limits.constant_ridge
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.engines.reduced import sample_in_law
from studies.record import record
from theory.limits import wide_prediction
from theory.limits.edge import edge_time
from theory.limits.long_time import linear_law, relu_law
from theory.limits.saturation import tanh_law

#: Name of ψ, y, λ, η, θ at the end; X = I.
LONG_RUNS = (
    ("tanh", (3.0, -2.0), 1.0, 0.3, 1e4),
    ("tanh", (3.0, -2.0, 1.0, 2.0), 1.0, 0.3, 1e4),
    ("relu", (40.0, 40.0), 0.5, 0.005, 2e4),
    ("relu", (40.0, -40.0), 0.5, 0.005, 2e4),
    ("relu", (40.0, -20.0, 20.0, -40.0), 0.5, 0.005, 2e4),
)


def through_the_edge(draws: int) -> None:
    """θ_div/θ_c of linear networks, in law."""
    rows, eta = [], 0.1
    for name, X, y, lam in (
        ("$X=I_5$", np.eye(5), [1.0, -1.0, 1.0, 1.0, -1.0], 0.3),
        ("K = diag(1, 2, 4)", np.diag([1.0, 2.0**0.5, 2.0]), [1.0, 1.0, -1.0], 0.2),
    ):
        problem, ridge = Problem(X, y), schedules.constant(lam)
        edge = edge_time(problem, eta=eta, ridge=ridge)
        for p in (10**4, 10**6, 10**8):
            ratios = []
            for seed in range(draws):
                start, steps = sample_in_law(problem, p, np.random.default_rng([seed, p])), int(1.2 * edge * p**0.5)
                setting = Setting(problem, start, "identity", eta=eta, ridge=ridge)
                run = train(setting, steps=steps, record_every=steps)
                ratios.append(math.nan if run.diverged_at is None else run.diverged_at / math.sqrt(p) / edge)
            rows.append([name, f"{lam:g}", f"{edge:.2f}", f"$10^{{{round(math.log10(p))}}}$",
                         f"{min(ratios):.4f} … {max(ratios):.4f}"])  # fmt: skip
            print(rows[-1], flush=True)
    columns = ["inputs", r"$\lambda$", r"$\theta_c$", "$p$", r"$\theta_{div}/\theta_c$"]
    record("edge_of_stability", columns, rows, rf"$\eta={eta:g}$, {draws} networks a row, drawn in law.")


def long_runs(p: int, seeds: int) -> None:
    """Loss and alignment at the end beside the network's own law."""
    rows = []
    for name, y, lam, eta, theta in LONG_RUNS:
        problem, ridge, steps = Problem(np.eye(len(y)), y), schedules.constant(lam), int(theta * math.sqrt(p))
        for seed in range(seeds):
            network = Network.gaussian(p, len(y), np.random.default_rng(seed))
            run = train(Setting(problem, network, name, eta=eta, ridge=ridge), steps=steps, record_every=steps)
            if name == "tanh":
                own, limit = tanh_law(problem, ridge, network=network), tanh_law(problem, ridge)
                loss, cosine, wide = own.loss, own.alignment, limit.alignment
            else:
                own, limit = (relu_law(problem, [theta], eta=eta, ridge=ridge, network=w) for w in (network, None))
                loss, cosine, wide = own.loss[0], own.alignment[0], limit.alignment[0]
            cells = [f"{run.loss[-1] / loss:.4f}", f"{run.alignment[-1]:.4f}", f"{cosine:.4f}", f"{wide:.4f}"]
            rows.append([name, ", ".join(f"{v:g}" for v in y), f"{lam:g}", f"{eta:g}", f"{theta:g}", *cells])
            print(rows[-1], flush=True)
    columns = [
        r"$\psi$",
        "$y$",
        r"$\lambda$",
        r"$\eta$",
        r"$\theta$",
        "loss/law",
        r"$\cos$",
        "its law",
        r"$p\to\infty$",
    ]
    record("long_run", columns, rows, f"$X=I$, $p={p}$; the law is that of the network's own $b$ and $z(0)$.")


def linear_limit() -> None:
    """The θ-limit of linear networks beside its asymptote."""
    problem, ridge, eta = Problem(np.eye(5), [1.0, -1.0, 1.0, 1.0, -1.0]), schedules.constant(1.0), 0.1
    theta = np.array([1e2, 1e4, 1e6])
    law, exact = linear_law(problem, theta, eta=eta, ridge=ridge), wide_prediction(
        problem, "identity", theta, eta=eta, ridge=ridge
    )  # fmt: skip
    rows = [
        [f"{t:g}", f"{w:.3g}", f"{said:.4f}", f"{cosine:.6f}", f"{rule:.6f}"]
        for t, w, said, cosine, rule in zip(
            theta,
            law.growth,
            0.5 * problem.n * exact.mean_square / law.loss,
            exact.alignment,
            law.alignment,
            strict=True,
        )
    ]
    columns = [r"$\theta$", "$w$", "loss/asymptote", r"$\cos$", "$1-1/(2w^2)$"]
    record(
        "linear_long_run",
        columns,
        rows,
        r"The limit $p\to\infty$, $\eta\to0$: $X=I_5$, $\lambda=1$, $\eta\theta=\theta/10$.",
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--p", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    linear_limit()
    through_the_edge(args.draws)
    long_runs(args.p, args.seeds)


if __name__ == "__main__":
    main()
