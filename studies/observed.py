"""Proved and observed constants c₁, c₂, c and c_S in separate columns, and whether the observed ones are flat.

    python -m studies.observed [--networks 10]

c₁, c₂, c: tanh, n orthonormal inputs with |yᵢ| = 1, trained to ‖e‖ < 10⁻⁴ ‖e(0)‖; 95 % intervals of the mean over
networks, and of the slopes of log c on log n and log p. c_S: linear networks, K = I, λ = 3γ until the budget is
spent.
"""

import argparse
import json
import math

import numpy as np
from scipy.stats import t as student

from fa_ref import Network, Problem, Setting, schedules, train
from studies.record import record
from theory.convergence import theorem_4_3 as linear
from theory.convergence.constants import constants_table, observed_constants
from theory.kernels import mean_kernel


def problem_of(n):
    return Problem(np.eye(n), np.where(np.arange(n) % 2 == 0, 1.0, -1.0))


def interval(values):
    values = np.asarray(values)
    half = student.ppf(0.975, values.size - 1) * values.std(ddof=1) / math.sqrt(values.size)
    return [float(values.mean() - half), float(values.mean() + half)]


def slopes(rows, name):
    """Least squares of log c on (1, log n, log p) over single networks, with 95 % intervals."""
    A = np.array([[1.0, math.log(row["n"]), math.log(row["p"])] for row in rows for _ in row["seen"][name]])
    c = np.log([value for row in rows for value in row["seen"][name]])
    fit, residual = np.linalg.lstsq(A, c, rcond=None)[:2]
    free = c.size - 3
    error = np.sqrt(np.diag(np.linalg.inv(A.T @ A)) * residual[0] / free) * student.ppf(0.975, free)
    return {"n": [fit[1] - error[1], fit[1] + error[1]], "p": [fit[2] - error[2], fit[2] + error[2]]}


def movements(networks, samples=(2, 4, 8, 16), widths=(400, 1600, 6400)):
    gamma = mean_kernel(np.eye(1), "tanh").gamma_lower
    rows = []
    for n in samples:
        for p in widths:
            draws = [Network.gaussian(p, n, np.random.default_rng([n, p, k])) for k in range(networks)]
            found = [
                observed_constants(Setting(problem_of(n), net, "tanh", eta=0.05), gamma=gamma, steps=450)
                for net in draws
            ]
            rows.append({"n": n, "p": p, "seen": {name: [one[name] for one in found] for name in found[0]}})
    return rows


def contracts_throughout(problem, network, eta, c_S):
    """Whether (4.3) holds at rate γ/2 at every step, with a budget of c_S in the paper's units."""
    gamma = problem.lambda_min
    lam = 3 * gamma
    T = max(0, int(c_S * linear.unit_of_budget(problem, network.p, eta) / lam) - 1)
    ridge = schedules.cutoff(lam, T)
    run = train(problem, network, "identity", eta=eta, steps=T + 60, ridge=ridge)
    e, lams = run.residual_norms, ridge.values(T + 60)
    bound = (1 - eta * gamma / 2 - eta * lams) * e[:-1] + eta * lams * np.linalg.norm(problem.y)
    return bool((e[1:] <= bound + 1e-10).all())  # rounding is below 1e-12 at p = 2000


def budgets(networks, n=4, p=2000, eta=0.1, grid=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0)):
    problem = problem_of(n)
    kept, proved = {}, {form: [] for form in linear.FORMS}
    for k in range(networks):
        network = Network.gaussian(p, n, np.random.default_rng([n, p, k]))
        unit = linear.unit_of_budget(problem, p, eta)
        for form in linear.FORMS:
            proved[form].append(
                linear.ridge_budget(Setting(problem, network, "identity", eta=eta), form=form) / unit
            )
        for c_S in grid:
            kept.setdefault(c_S, []).append(contracts_throughout(problem, network, eta, c_S))
    return {
        "proved": {form: [min(v), max(v)] for form, v in proved.items()},
        "kept (4.3)": {c_S: sum(v) / len(v) for c_S, v in kept.items()},
    }


def ends(pair):
    return f"{pair[0]:.2f} … {pair[1]:.2f}"


def summary(rows, proved, name):
    """Observed means at the fewest and the most samples, and what is proved there."""
    few, many = min(proved), max(proved)
    seen = [[np.mean(row["seen"][name]) for row in rows if row["n"] == n] for n in (few, many)]
    bounds = [
        [proved[n].get((f"Theorem 3.2, {form}", name), math.nan) for n in (few, many)]
        for form in ("explicit", "first-order")
    ]
    return [ends((min(one), max(one))) for one in seen] + [ends(pair) for pair in bounds]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=10)
    options = parser.parse_args()
    rows = movements(options.networks)
    proved = {}
    for n in sorted({row["n"] for row in rows}):
        table = constants_table(problem_of(n), "tanh", eta=0.05)
        proved[n] = {(line.source, line.name): line.value for line in table if line.name in ("c₁", "c₂", "c")}
    for name in ("c₁", "c₂", "c"):
        print(
            f"{name}: slopes of log {name} (95 %)",
            {k: [round(float(x), 3) for x in v] for k, v in slopes(rows, name).items()},
        )
        print(
            f"  {'n':>4} {'p':>6}  observed mean (95 %)      largest   proved: explicit, first-order (at their p*)"
        )
        for row in rows:
            values = row["seen"][name]
            low, high = interval(values)
            forms = [
                proved[row["n"]].get((f"Theorem 3.2, {form}", name), math.nan)
                for form in ("explicit", "first-order")
            ]
            seen = f"{low:8.3f} … {high:<8.3f} {max(values):12.3f}"
            print(f"  {row['n']:4d} {row['p']:6d}  {seen}   {forms[0]:.2f}, {forms[1]:.2f}")
    found = budgets(options.networks)
    print("c_S:", json.dumps(found))
    fits = {name: slopes(rows, name) for name in ("c₁", "c₂", "c")}
    lines = [[name, *summary(rows, proved, name), *(ends(fits[name][axis]) for axis in "np")] for name in fits]
    samples = sorted(proved)
    heads = [f"$n={n}$" for n in (samples[0], samples[-1])] + ["proved, explicit", "proved, first-order"]
    columns = ["constant", *heads, "slope of log in n", "in p"]
    record("observed", columns, lines, measured={"rows": rows, "slopes": fits, "c_S": found})


if __name__ == "__main__":
    main()
