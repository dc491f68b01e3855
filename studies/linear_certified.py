"""The fraction of linear networks for which Theorem 4.3 closes: printed form, sharper form, side by side.

    python -m studies.linear_certified [--networks 1000] [--eta 1e-7]

n is uniform on 1 … 7, log M/γ on [0, log 100], γ = 1, targets isotropic. The last columns say how small
the step must be: the median over networks of the largest certified η, in units of 2/λ_max(G(0)).
"""

import argparse

import numpy as np
from scipy.stats import beta as beta_law

from fa_ref import Network, Problem, Setting, data
from fa_ref.activations import identity
from studies.record import record
from theory.convergence import theorem_4_3 as linear
from theory.kernels import empirical_G


def draw(p, rng):
    n = int(rng.integers(1, 8))
    ratio = 100.0 ** rng.random()
    X = data.isometric_inputs(n, n, rng, epsilon=ratio - 1 if n > 1 else 0.0)
    return Problem(X, rng.normal(size=n)), Network.gaussian(p, n, rng)


def largest_step(problem, network, form):
    """Largest certified η on a grid of factor 2, in units of 2/λ_max(G(0)); 0 if none down to 2⁻⁴⁰."""
    top = np.linalg.eigvalsh(empirical_G(problem.X, network, identity))[-1]
    for k in range(41):
        if linear.certificate(Setting(problem, network, "identity", eta=2 / top / 2**k), form=form):
            return 2.0**-k
    return 0.0


def at_least(successes, draws, confidence=0.999):
    """Clopper–Pearson lower limit of a success probability."""
    return 0.0 if successes == 0 else float(beta_law.ppf(1 - confidence, successes, draws - successes + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--eta", type=float, default=1e-7)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"η = {options.eta:g}, {options.networks} networks for each width; lower limits at 99.9 % confidence")
    rows = []
    for p in (20, 50, 100, 200, 1000):
        rng = np.random.default_rng([options.seed, p])
        closed, steps = dict.fromkeys(linear.FORMS, 0), {form: [] for form in linear.FORMS}
        for k in range(options.networks):
            problem, network = draw(p, rng)
            for form in linear.FORMS:
                closed[form] += bool(
                    linear.certificate(Setting(problem, network, "identity", eta=options.eta), form=form)
                )
                if k < options.networks // 10:
                    steps[form].append(largest_step(problem, network, form))
        parts = [
            f"{form}: {closed[form] / options.networks:.3f} (≥ {at_least(closed[form], options.networks):.3f}),"
            f" largest step {np.median(steps[form]):.2g}"
            for form in linear.FORMS
        ]
        rows.append([p])
        for form in linear.FORMS:
            share, limit = closed[form] / options.networks, at_least(closed[form], options.networks)
            rows[-1] += [f"{share:.3f} (≥ {limit:.3f})", f"{np.median(steps[form]):.2g}"]
        print(f"p = {p:5d}   " + "   ".join(parts), flush=True)
    columns = ["p", *(head for form in linear.FORMS for head in (f"certified, {form}", "largest step"))]
    note = rf"{options.networks} networks a width, $\eta={options.eta:g}$; lower limits at 99.9 % confidence."
    record("linear_certified", columns, rows, note)


if __name__ == "__main__":
    main()
