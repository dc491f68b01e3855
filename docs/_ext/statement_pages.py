"""One page a statement of the paper: as printed, corrected, checked now, with losses, ablation and errata."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from validation.experiments.sweeps.provenance import package_digest
from validation.report.pictures import pictures
from validation.statements import STATEMENTS, Dossier, Finding, Options, dossier, inputs

FOLDER = "paper/statements"

#: Of the inputs that a page checks its statement on.
SIZE = {"n": 5, "d": 15}

CONTROL = (
    'A control is judged without the hypotheses that have no number, such as "p large enough", so that these do not'
    " excuse it; the table of ablations keeps them, and may say *undecided* or *not applicable* of the same change."
)

#: Where the proof, or the sharp law, is told.
PROOFS = {
    "identity": ("../../kernels", "Kernels"),
    "A3.1": ("../../kernels", "Kernels, γ and isometry"),
    "3.2": ("../../convergence", "Theorems 3.2 and 4.2 with explicit constants"),
    "movement": ("../../convergence", "Theorems 3.2 and 4.2 with explicit constants"),
    "3.3": ("../../kernels", "Kernels, γ and isometry"),
    "4.1": ("../../alignment", "Alignment: the numbers behind the orders of magnitude"),
    "4.2": ("../../convergence", "Theorems 3.2 and 4.2 with explicit constants"),
    "4.3": ("../../linear", "Theorem 4.3 with explicit constants"),
    "4.5": ("../../kernels", "Kernels, γ and isometry"),
    "4.6": ("../../alignment", "Alignment: the numbers behind the orders of magnitude"),
    "schedules": ("../../open_questions", "What the paper leaves open"),
    "n > d": ("../../linear", "Theorem 4.3 with explicit constants"),
    "A": ("../../nonlinear_alignment", "Nonlinear networks align"),
}


def name_of(number: str) -> str:
    """The file name of a statement's page."""
    return re.sub(r"\W+", "_", number).strip("_").lower()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _table(rows: tuple[dict[str, str], ...]) -> list[str]:
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return [*lines, *("| " + " | ".join(_cell(cell) for cell in row.values()) + " |" for row in rows), ""]


def page(found: Dossier, figures: list[tuple[str, str]]) -> str:
    """The page as MyST Markdown."""
    statement, finding = found.statement, found.findings[0]
    proof, title = PROOFS[statement.number]
    parts = [
        f"# {statement.title}",
        "",
        f":::{{card}} {statement.source.capitalize()}",
        statement.printed,
        "",
        f"**Hypotheses:** {statement.assumptions}.",
        ":::",
        "",
    ]
    if statement.corrected:
        errata = (
            f" (errata {', '.join(statement.errata)}, [demonstrated](../../errata))" if statement.errata else ""
        )
        parts += [f":::{{card}} As it should read{errata}", statement.corrected, ":::", ""]
    parts += [f"The proof and the constants: [{title}]({proof}).", "", "## Checked when this page was built", ""]
    parts += _verdict(finding)
    for caption, file in figures:
        parts += [f"```{{figure}} {file}", ":width: 60%", f":alt: {caption}", caption, "```", ""]
    for part in found.parts:
        if part.title.startswith("Hypotheses"):  # the verdict's card has them
            continue
        if "control" in part.title.lower():
            part = replace(part, lines=(*part.lines, CONTROL))
        parts += [f"## {part.title}", "", *part.lines, ""]
        parts += _table(part.rows) if part.rows else []
        code = part.code.replace("default_rng(0))", f"default_rng(0), n={SIZE['n']}, d={SIZE['d']})")
        if code != part.code:
            parts += [
                "The command takes inputs of the paper's size, $n=50$, $d=150$; the Python those of this page.",
                "",
            ]
        parts += ["```text", code, "```", ""] if part.code else []
    return "\n".join(parts) + "\n"


def _verdict(finding: Finding) -> list[str]:
    """What was found, with every hypothesis of the run that was judged, as a card."""
    card = [
        f":::{{card}} {finding.inputs} inputs, $n={SIZE['n']}$, $d={SIZE['d']}$: {finding.status}",
        finding.confidence,
        "",
        *(f"- {remark}" for remark in finding.remarks),
        "",
    ]
    if finding.verdict is not None:
        card += ["Its hypotheses on the first run, with their margins:", ""]
        card += [f"- {_cell(str(margin))}" for margin in finding.verdict.hypotheses]
    return [*card, ":::", ""]


def contents(found: list[Dossier]) -> str:
    """The page that lists them: a card each, with the hypotheses and what was found."""
    names = [f"statements/{name_of(one.statement.number)}" for one in found]
    parts = ["# Statements", ""]
    for one, name in zip(found, names, strict=True):
        parts += [f":::{{card}} [{one.statement.title}]({name})", *_summary(one), ":::", ""]
    return "\n".join([*parts, "```{toctree}", ":hidden:", "", *names, "```", ""])


def _summary(found: Dossier) -> list[str]:
    statement, finding = found.statement, found.findings[0]
    said = [f"{finding.status}.", f"{finding.confidence}." if finding.confidence else ""]
    if finding.verdict is not None:
        decided = "; ".join(str(margin) for margin in finding.verdict.hypotheses if margin.met is not None)
        said.append(f"Decided on the first run: {_cell(decided)}.")
    return [
        statement.printed, "",
        f"**Hypotheses:** {statement.assumptions}.", "",
        f"**Checked** when this page was built: {' '.join(filter(None, said))}",
    ]  # fmt: skip


def write(source: Path) -> None:
    """Check every statement on a small problem and write its page, unless the code is the same as last time."""
    folder = source / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    stamp, digest = folder / ".made-by", package_digest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    data, options = inputs.gaussian(np.random.default_rng(0), **SIZE), Options(steps=60)
    dossiers = []
    for statement in STATEMENTS:
        name = name_of(statement.number)
        found = dossier(statement, [data], options, command=f'fa-ref theorem "{statement.number}"')
        dossiers.append(found)
        figures = []
        for k, (caption, figure) in enumerate(pictures(found.findings[0])):
            figure.savefig(folder / f"{name}_{k}.svg", metadata={"Date": None})
            figures.append((caption, f"{name}_{k}.svg"))
        (folder / f"{name}.md").write_text(page(found, figures), encoding="utf-8")
    (source / "paper" / "statements.md").write_text(contents(dossiers), encoding="utf-8")
    stamp.write_text(digest)


def setup(app):
    """Write the pages before Sphinx looks for them."""
    app.connect("config-inited", lambda app, config: write(Path(app.srcdir)))
    return {"parallel_read_safe": True}
