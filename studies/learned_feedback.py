"""Under a constant penalty: what learned feedback converges to, beside feedback alignment and backpropagation.

python -m studies.learned_feedback

For every rule and time, on one network: the loss, the ridge loss L = ½‖e‖² + ½λ‖β‖² and its gradient, the length of
the step itself over η, the distance that W has gone, and cos∠(b, β).
"""

from __future__ import annotations

import argparse

import numpy as np

from fa_ref import Network, Problem, Setting, schedules, train
from studies.record import record

RULES = {
    "fa": "feedback alignment",
    "kolen-pollack": "Kolen–Pollack",
    "hebbian": "Hebbian",
    "bp": "backpropagation",
}
ETA, LAM = 0.1, 0.3


def one(activation: str, p: int, seed: int) -> Setting:
    rng = np.random.default_rng(seed)
    problem = Problem(rng.standard_normal((3, 5)) / np.sqrt(5.0), [1.0, -1.0, 0.5])
    ridge = schedules.constant(LAM)
    return Setting(problem, Network.gaussian(p, 5, rng), activation, eta=ETA, ridge=ridge)


def gradient(setting: Setting, now: Network, through: np.ndarray) -> float:
    """‖∇L‖ if ``through`` is β; the length of a step over η if it is what the error comes back through."""
    X, y, psi, root = setting.problem.X, setting.problem.y, setting.activation, np.sqrt(now.p)
    z = now.W @ X.T
    e = psi(z).T @ now.beta / root - y
    hidden = (through[:, None] * psi.derivative(z) * e) @ X / root
    return float(np.sqrt(np.sum(hidden**2) + np.sum((psi(z) @ e / root + LAM * now.beta) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--p", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--activation", default="tanh")
    parser.add_argument("--times", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    args = parser.parse_args()
    rows, kept = [], []
    for rule, name in RULES.items():
        setting = one(args.activation, args.p, args.seed).replace(rule=rule)
        for t in args.times:
            run = train(setting, steps=t, record_every=t)
            now = run.network or setting.start
            moved = float(np.linalg.norm(now.W - setting.start.W))
            sizes = gradient(setting, now, now.beta), gradient(setting, now, now.beta if rule == "bp" else now.b)
            whole = float(run.loss[-1]) + 0.5 * LAM * float(now.beta @ now.beta)
            values = [float(run.loss[-1]), whole, *sizes, moved, float(run.alignment[-1])]
            rows.append([name, f"{t:,}", *(f"{x:.3g}" for x in values[:5]), f"{values[5]:.4f}"])
            kept.append({"rule": rule, "t": t, "values": values})
        print(rows[-1], flush=True)
    columns = [
        "rule", "$t$", r"$\frac12\|e\|^2$", "$L$", r"$\|\nabla L\|$", r"$\|\mathrm{step}\|/\eta$",
        r"$\|W(t)-W(0)\|$", r"$\cos\angle(b,\beta)$",
    ]  # fmt: skip
    note = rf"{args.activation}, $n=3$, $d=5$, $p={args.p}$, $\eta={ETA}$, $\lambda={LAM}$ constant, one network."
    print(record("learned_feedback", columns, rows, note, runs=kept))


if __name__ == "__main__":
    main()
