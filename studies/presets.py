"""Run both presets of Figure 2 and put what they give into docs/experiments.md."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

import pandas as pd

from validation.experiments.figure2 import figure2, final
from validation.experiments.sweeps import Outcome
from validation.experiments.synthetic import PRESETS

PAGE = Path(__file__).parents[1] / "docs" / "experiments.md"
WIDTHS = (200, 800, 3200)


def table(finals: pd.DataFrame, runs: int) -> str:
    """Mean final alignment per preset and width, as Markdown."""
    cells = finals.pivot_table("alignment", ["activation", "label"], ["preset", "p"], sort=False)
    columns = [(preset, p) for preset in PRESETS for p in WIDTHS]
    heads = ["ψ", "plotted λ", *(f"{preset}, p = {p}" for preset, p in columns)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for (activation, label), row in cells.iterrows():
        numbers = [f"{row[column]:.3f}" for column in columns]
        lines.append("| " + " | ".join([activation, f"{label:g}", *numbers]) + " |")
    ended = finals["status"].value_counts().to_dict()
    return "\n".join([*lines, "", f"Means of {runs} runs; how the runs ended: {ended}."])


def main() -> None:
    """Write the part of the page between the two markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--activations", nargs="+", default=["linear", "relu", "tanh"])
    parser.add_argument("--out", help="keep the finished cells here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        finals = []
        for preset in PRESETS:
            outcome = figure2(
                options.out or temporary, activations=options.activations, widths=WIDTHS, runs=options.runs,
                preset=preset, predictions=0, jobs=options.jobs,
            )  # fmt: skip
            assert isinstance(outcome, Outcome)
            finals.append(final(outcome.table))
    body = f"\n{table(pd.concat(finals), options.runs)}\n"
    text = re.sub(
        r"(<!-- presets:begin -->).*(<!-- presets:end -->)",
        lambda match: f"{match[1]}{body}{match[2]}",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
