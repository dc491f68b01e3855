"""A run made in PyTorch, judged: with the sign of the residual as printed it fails.

The judge takes arrays from anywhere. Here PyTorch trains by feedback alignment; the record is judged against
(3.1) with the constant γ/4 of these inputs. With e = y − f, the sign that the paper prints, the same updates
climb.
"""

from importlib.util import find_spec

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory
from gallery.frame import UnavailableError, canvas, main
from theory import mean_kernel
from validation import theorem_3_2


def residuals(problem, start, eta, steps, sign):
    """‖f − y‖ at every step of a tanh network, in PyTorch."""
    import torch

    X, y = torch.tensor(problem.X), torch.tensor(problem.y)
    W, beta, b = (torch.tensor(array) for array in (start.W, start.beta, start.b))
    rows = []
    for _ in range(steps + 1):
        psi = torch.tanh(X @ W.T)
        e = psi @ beta / start.p**0.5 - y
        rows.append(e.numpy())
        W = W - sign * eta / start.p**0.5 * b[:, None] * (((1 - psi**2).T * e) @ X)
        beta = beta - sign * eta / start.p**0.5 * e @ psi
    return np.array(rows)


def picture(*, quick=False):
    if find_spec("torch") is None:
        raise UnavailableError("PyTorch is not installed")
    problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    start = Network.gaussian(400 if quick else 1000, 3, np.random.default_rng(0))
    setting, steps = Setting(problem, start, "tanh", eta=0.1), 50 if quick else 200
    figure, axes = canvas()
    for sign, name in ((1, "e = f − y"), (-1, "e = y − f, as printed")):
        run = Trajectory.recorded(setting, range(steps + 1), residuals(problem, start, 0.1, steps, sign))
        axes.semilogy(run.times, run.residual_norms, label=f"{name}: {theorem_3_2.judge(run).status}")
    gamma = mean_kernel(problem.X, "tanh").gamma
    axes.semilogy(run.times, run.residual_norms[0] * (1 - 0.1 * gamma / 4) ** run.times, "k--", label="(3.1)")
    axes.set(xlabel="step t", ylabel="‖e(t)‖", title="recorded in PyTorch")
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
