"""Run `fa-ref verify` on the bundled data and put its table and one figure into the README."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

from validation.report import page as report
from validation.report import verification

ROOT = Path(__file__).parents[1]
PICTURE = "docs/_static/verify.svg"


def table(findings: list[verification.Finding]) -> str:
    """The same cells as the command prints, as Markdown."""
    rows = [report.row(finding) for finding in findings]
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(cells.values()) + " |" for cells in rows]
    return "\n".join(lines)


def main() -> None:
    """Write the part of the README between the two markers, and the picture it shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", help="folder with the MNIST files; the bundled digits without it")
    arguments = parser.parse_args()
    settings = verification.synthetic_settings(np.random.default_rng(0))
    findings = list(verification.verify([*settings, *verification.data_settings(arguments.mnist)], seed=0))
    target = ROOT / PICTURE
    target.parent.mkdir(exist_ok=True)
    shown = [f for f in findings if f.label.startswith("Gaussian inputs, tanh")]
    report.draw(shown).savefig(target, metadata={"Date": None})
    caption = (
        "Gaussian inputs, tanh: residuals with the bound of Theorem 3.2, alignment, both with their predictions as"
        " far as these apply (dotted), and the margin of (3.1) at every step"
    )
    body = f"\n{table(findings)}\n\n![{caption}]({PICTURE})\n\n*{caption}.*\n"
    readme = ROOT / "README.md"
    text = re.sub(
        r"(<!-- verify:begin -->).*(<!-- verify:end -->)",
        lambda match: f"{match[1]}{body}{match[2]}",
        readme.read_text(),
        flags=re.DOTALL,
    )
    readme.write_text(text)


if __name__ == "__main__":
    main()
