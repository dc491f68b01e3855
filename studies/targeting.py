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
    r"$\lambda\|y\|$ as printed in (4.3), $\eta>1$": (explicit.PRINTED_PULL, "identity", reference_run),
    "the sign of the residual": (explicit.NONLINEAR, "tanh", ascend),
}
SEEDS = range(10)


def main():
    rows, longest = [], 0.0
    for name, (claim, activation, simulate) in FALSE.items():
        claim.judge(simulate(laws.small_settings(activation)(np.random.default_rng(0)), 20))  # compile
        cells = {"targeting": [], "law": []}
        for seed in SEEDS:  # interleaved
            for way, space in (("targeting", strategies.small_settings), ("law", laws.small_settings)):
                start = time.process_time()
                rng = np.random.default_rng(seed)
                found = falsify(claim, space(activation), rng=rng, simulate=simulate, simplify=False)
                longest = max(longest, time.process_time() - start)
                cells[way].append(found.evaluations)
        rows.append([name, *(f"{np.mean(found):.0f} ({max(found)})" for found in cells.values())])
        print("|", " | ".join(rows[-1]), "|", flush=True)
    note = f"The longest search took {longest:.0f} s of one core."
    record("targeting", ["claim", "targeting: mean (most)", "law: mean (most)"], rows, note)


if __name__ == "__main__":
    main()
