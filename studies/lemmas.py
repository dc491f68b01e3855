"""Verify every lemma at every step over many certified random networks: Theorems 3.2 and 4.3, printed and sharper.

    python -m studies.lemmas [--networks 200] [--seed 0] [CASE ...]

For each case it prints how many networks were drawn and certified, the violations, and per lemma the smallest
bound/measured over all networks and steps (1 is tight).
"""

import argparse
import time

import numpy as np

from fa_ref import Network, Problem, Setting, data, schedules
from studies.record import record
from theory.convergence import theorem_3_2 as convergence
from theory.convergence import theorem_4_3 as linear
from theory.convergence.closing import close
from theory.convergence.ledger import LEMMAS, audit


def cases():
    """Per case: problem, ψ, p, η, λ(t) and the function that builds the lemmas."""
    pair = Problem(np.eye(2), [0.2, -0.2])
    five = Problem(np.eye(5), [1.0, -1.0, 1.0, -1.0, 1.0])
    uneven = Problem(data.isometric_inputs(5, 7, np.random.default_rng(7), epsilon=99.0), np.ones(5))
    none, short = schedules.zero(), schedules.cutoff(0.05, 19)

    def nonlinear(form):
        return lambda problem, network, eta, ridge: convergence.drifts(
            Setting(problem, network, "tanh", eta=eta, ridge=ridge), form=form
        )

    def of_linear(form):
        return lambda problem, network, eta, ridge: linear.drifts(
            Setting(problem, network, "identity", eta=eta, ridge=ridge), form=form
        )

    return {
        "3.2": (pair, "tanh", 100_000, 0.5, none, nonlinear("explicit")),
        "4.2": (pair, "tanh", 150_000, 0.45, short, nonlinear("explicit")),
        "3.2-first": (pair, "tanh", 20_000, 0.8, none, nonlinear("first-order")),
        "4.2-first": (pair, "tanh", 20_000, 0.8, short, nonlinear("first-order")),
        "3.2-second": (pair, "tanh", 5_000, 0.8, none, nonlinear("second-order")),
        "4.3": (Problem(np.eye(2), [1.0, -1.0]), "identity", 2_000, 0.3, none, of_linear("explicit")),
        "4.3-ridge": (Problem(np.eye(2), [1.0, -1.0]), "identity", 20_000, 0.3, short, of_linear("explicit")),
        "4.3-sharper": (five, "identity", 200, 0.05, none, of_linear("sharper")),
        "4.3-uneven": (uneven, "identity", 100, 1e-6, none, of_linear("sharper")),
        "4.3-sharper-ridge": (five, "identity", 5_000, 0.2, short, of_linear("sharper")),
    }


def verify(case, networks, seed, steps=100, until=1e-6, report=None):
    """Draw networks until ``networks`` of them are certified, and audit each of those."""
    problem, activation, p, eta, ridge, build = cases()[case]
    rng = np.random.default_rng([seed, sorted(cases()).index(case)])
    drawn, certified, violations, entries = 0, 0, 0, 0
    loosest = {lemma: float("inf") for lemma in LEMMAS}
    rates = []
    while certified < networks and drawn < 4 * networks:
        network = Network.gaussian(p, problem.d, rng)
        drawn += 1
        lemmas = build(problem, network, eta, ridge)
        proof = close(lemmas)
        if not proof:
            continue
        certified += 1
        rates.append(proof.rate)
        ledger = audit(
            Setting(problem, network, activation, eta=eta, ridge=ridge),
            lemmas,
            proof=proof,
            steps=steps,
            until=until,
        )
        violations += len(ledger.violations())
        entries += len(ledger.rows)
        for lemma, value in ledger.looseness().items():
            loosest[lemma] = min(loosest[lemma], value) if value == value else loosest[lemma]
        if report:
            report(certified, violations)
    return {
        "case": case, "p": p, "n": problem.n, "eta": eta, "ridge": ridge.name,
        "drawn": drawn, "certified": certified, "entries": entries, "violations": violations,
        "rate": [min(rates), max(rates)] if rates else None, "bound/measured": loosest,
    }  # fmt: skip


COLUMNS = ["case", "certified / drawn", "inequalities", "violations", *LEMMAS]


def row(result):
    """A line of the table: the smallest bound/measured of each lemma."""
    case = rf"{result['case']}, $n={result['n']}$, $p={result['p']}$, $\eta={result['eta']:g}$"
    loosest = [f"{value:.3g}" for value in result["bound/measured"].values()]
    counts = [f"{result['certified']} / {result['drawn']}", result["entries"], result["violations"]]
    return [case, *counts, *loosest]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=[], metavar="CASE", help=", ".join(cases()))
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results = []
    for case in options.cases or cases():
        began = time.perf_counter()
        result = verify(case, options.networks, options.seed)
        results.append(result)
        print(f"{case}: n = {result['n']}, p = {result['p']}, η = {result['eta']}, λ = {result['ridge']}")
        print(
            f"  {result['certified']} certified of {result['drawn']} drawn, rates {result['rate']},"
            f" {result['entries']} inequalities, {result['violations']} violations,"
            f" {time.perf_counter() - began:.0f} s"
        )
        for lemma, value in result["bound/measured"].items():
            print(f"    {lemma:20s} {value:12.4g}", flush=True)
        record("lemmas", COLUMNS, [row(result) for result in results], measured=results)
    raise SystemExit(int(any(result["violations"] for result in results)))


if __name__ == "__main__":
    main()
