"""Runs until the first counterexample, with Hypothesis' targeting and without: the table of docs/judge.md.

python -m studies.targeting
"""

import time

import numpy as np

from studies.record import record
from validation.errata.readings import ascend
from validation.judge.record import reference_run
from validation.search import laws, strategies
from validation.search.falsification import falsify
from validation.theorems import explicit

FALSE = {
    "Theorem 3.2 without its step-size clause": (explicit.NONLINEAR.without(explicit.STEP), "tanh", reference_run),
    "λ‖y‖ as printed in (4.3), η > 1": (explicit.PRINTED_PULL, "identity", reference_run),
    "the sign of the residual": (explicit.NONLINEAR, "tanh", ascend),
}
SEEDS = range(10)


def main():
    rows = []
    for name, (claim, activation, simulate) in FALSE.items():
        claim.judge(simulate(laws.small_settings(activation)(np.random.default_rng(0)), 20))  # compile
        cells, seconds = {"targeting": [], "law": []}, {"targeting": [], "law": []}
        for seed in SEEDS:  # interleaved
            for way, space in (("targeting", strategies.small_settings), ("law", laws.small_settings)):
                start = time.process_time()
                rng = np.random.default_rng(seed)
                found = falsify(claim, space(activation), rng=rng, simulate=simulate, simplify=False)
                seconds[way].append(time.process_time() - start)
                cells[way].append(found.evaluations)
        row = [f"{np.mean(cells[way]):.0f} ({max(cells[way])})" for way in cells]
        longest = [f"{max(seconds[way]):.1f} s" for way in seconds]
        rows.append([name, *row])
        print("|", " | ".join([name, *row]), "| longest:", ", ".join(longest))
    columns = ["claim", "targeting: mean (most)", "law: mean (most)"]
    record("targeting", columns, rows, f"Runs until the first counterexample, seeds 0 to {SEEDS[-1]}.")


if __name__ == "__main__":
    main()
