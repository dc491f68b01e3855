"""Run `fa-ref verify` on the bundled data and put its table and one picture into the README."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from validation.report.table import summary
from validation.statements import STATEMENTS, Finding, Options, inputs, verify

ROOT = Path(__file__).parents[1]
PICTURE = "docs/_static/verify.svg"
CAPTION = (
    "Left: the residual of Theorem 3.2's run and the bound that (3.1) promises. Middle: without a penalty b and β"
    " do not align. Right: a penalty that is cut off aligns them, as Theorem 4.6 says; dotted, the limit"
)


def table(findings: list[Finding]) -> str:
    """The same cells as the command prints, as Markdown."""
    rows = summary(findings)
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells.values()) + " |" for cells in rows]
    return "\n".join(lines)


def picture(findings: list[Finding]) -> Figure:
    """Draw three runs on the Gaussian inputs."""
    found = {finding.number: finding for finding in findings if finding.inputs == "Gaussian"}
    figure = Figure(figsize=(13.0, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    run, verdict = found["3.2"].runs[0], found["3.2"].verdict
    norms = run.residual_norms
    left.semilogy(run.times, norms, label=f"tanh, p = {run.setting.p}")
    if verdict is not None:
        bound = np.cumprod(np.append(norms[0], verdict.inequalities[0].rhs / norms[:-1]))
        left.semilogy(run.times, bound, "--", label="(3.1)")
    left.set(xlabel="step t", ylabel="‖e(t)‖", title="Theorem 3.2")
    for sign, pair in zip(("b", "−b"), found["4.1"].runs, strict=True):
        middle.plot(pair.times, pair.alignment, label=f"feedback {sign}, p = {pair.setting.p}")
    middle.set(xlabel="step t", ylabel="cos∠(b, β(t))", title="Section 4.1: no alignment", ylim=(-0.1, 1.0))
    aligned = found["4.6"].runs[0]
    right.plot(aligned.times, aligned.alignment, label=f"linear, p = {aligned.setting.p}")
    right.axhline(found["4.6"].numbers[0].value, color="black", linestyle=":", label="limit as p → ∞")
    right.set(xlabel="step t", title="Theorem 4.6: ridge, then none", ylim=(-0.1, 1.0))
    for axes in (left, middle, right):
        axes.legend(fontsize=8)
    return figure


def main() -> None:
    """Write the part of the README between the two markers, and the picture it shows."""
    data = [inputs.gaussian(np.random.default_rng(0)), inputs.digits()]
    findings = list(verify(STATEMENTS, data, Options()))
    target = ROOT / PICTURE
    target.parent.mkdir(exist_ok=True)
    picture(findings).savefig(target, metadata={"Date": None})
    body = f"\n![{CAPTION}]({PICTURE})\n\n*{CAPTION}.*\n\n{table(findings)}\n"
    readme = ROOT / "README.md"
    text = re.sub(
        r"(<!-- verify:begin -->).*(<!-- verify:end -->)",
        lambda match: f"{match[1]}{body}{match[2]}",
        readme.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
