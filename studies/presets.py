"""Run both presets of Figure 2: what the two readings of Section 5 do to the alignment.

python -m studies.presets [--runs 5] [--jobs 1] [--activations linear relu tanh] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile

import pandas as pd

from studies.record import record
from validation.experiments.figure2 import figure2, final
from validation.experiments.sweeps import SweepOptions
from validation.experiments.synthetic import PRESETS

WIDTHS = (200, 800, 3200)


def table(finals):
    """Mean final alignment per preset and width: headings and rows."""
    cells = finals.pivot_table("alignment", ["activation", "label"], ["preset", "p"], sort=False)
    columns = [(preset, p) for preset in PRESETS for p in WIDTHS]
    rows = [
        [activation, f"{label:g}", *(f"{row[column]:.3f}" for column in columns)]
        for (activation, label), row in cells.iterrows()
    ]
    return [r"$\psi$", r"plotted $\lambda$", *(f"{preset}, $p={p}$" for preset, p in columns)], rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--activations", nargs="+", default=["linear", "relu", "tanh"])
    parser.add_argument("--out", help="keep the finished cells here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        tables = [
            figure2(
                options.out or temporary, activations=options.activations, widths=WIDTHS, runs=options.runs,
                preset=preset, predictions=0, options=SweepOptions(jobs=options.jobs),
            ).table
            for preset in PRESETS
        ]  # fmt: skip
    finals = final(pd.concat(tables))
    ended = ", ".join(f"{count} {status}" for status, count in finals["status"].value_counts().items())
    print(record("presets", *table(finals), f"Means of {options.runs} runs; how they ended: {ended}."))


if __name__ == "__main__":
    main()
