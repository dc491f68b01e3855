"""The HTML report: one self-contained page, statement by statement, with plots, margins and data."""

from __future__ import annotations

import base64
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from latex2mathml.converter import convert
from markupsafe import Markup, escape

from fa_ref import __version__
from fa_ref._support.storage import writable_folder, write_atomically
from validation.report.pictures import pictures, uri
from validation.report.table import SHORT, by_statement, summary
from validation.statements import Dossier, Finding, find

__all__ = ["mathematics", "render", "write_report"]


def mathematics(text: str) -> Markup:
    """Text with LaTeX between dollar signs, as HTML with MathML: no network and no script is needed to show it.

    Examples
    --------
    >>> "<math" in mathematics("where $a < b$"), mathematics("a < b")
    (True, Markup('a &lt; b'))
    """
    parts = re.split(r"\$([^$]+)\$", text)
    shown = (Markup(convert(part)) if k % 2 else escape(part) for k, part in enumerate(parts))
    return Markup("").join(shown)


def options(text: str) -> Markup:
    """Text as HTML in which no line is broken inside an option.

    Examples
    --------
    >>> options("try --p 400 < 500")
    Markup('try <span class="option">--p</span> 400 &lt; 500')
    """
    return Markup(re.sub(r"--[a-z][a-z-]*", r'<span class="option">\g<0></span>', str(escape(text))))


def write_report(
    findings: Sequence[Finding],
    folder: str | Path,
    *,
    command: str,
    seed: int,
    steps: int,
    notes: Sequence[str] = (),
) -> Path:
    """Write ``report.html`` to the folder and return its path.

    Parameters
    ----------
    findings : sequence of Finding
        What `validation.statements.verify` yielded.
    folder : path
        Created if it does not exist.
    command : str
        What makes the report again, printed on it.
    seed, steps : int
        Printed too.
    notes : sequence of str, optional
        Where the inputs come from.
    """
    target = writable_folder("report", folder) / "report.html"
    page = render(findings, command=command, seed=seed, steps=steps, notes=notes)
    write_atomically(target, lambda file: file.write(page.encode()))
    return target


def render(
    findings: Sequence[Finding], *, command: str, seed: int, steps: int, notes: Sequence[str] = (),
    dossier: Dossier | None = None,
) -> str:  # fmt: skip
    """Return the page as text; with a dossier, that of its one statement."""
    environment = Environment(loader=PackageLoader("validation.report"), autoescape=select_autoescape())
    environment.filters |= {"mathematics": mathematics, "options": options}
    rows, threads = summary(findings), numba.get_num_threads()
    return environment.get_template("report.html").render(
        headings=list(rows[0]), rows=list(zip(by_statement(findings), rows, strict=True)),
        sections=[_section(number, group) for number, group in by_statement(findings).items()],
        command=command, seed=seed, steps=steps, notes=notes, short=SHORT, dossier=dossier,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions=(
            f"fa-ref {__version__}, Python {platform.python_version()}, NumPy {np.__version__},"
            f" Numba {numba.__version__}"
        ),
        machine=f"{platform.machine()}, {platform.system()}, {threads} thread{'s' * (threads > 1)}",
    )  # fmt: skip


def _section(number: str, group: list[Finding]) -> dict[str, Any]:
    statement = find(number)
    return {
        "id": re.sub(r"\W+", "-", number), "statement": statement,
        "findings": [
            {
                "finding": finding,
                "figures": [(caption, uri(figure)) for caption, figure in pictures(finding)],
                "hypotheses": _hypotheses(finding),
                "data": _data(finding),
                "settings": [str(run.setting) for run in finding.runs],
            }
            for finding in group
        ],
    }  # fmt: skip


def _hypotheses(finding: Finding) -> list[str]:
    return [] if finding.verdict is None else [str(margin) for margin in finding.verdict.hypotheses]


def _data(finding: Finding) -> list[tuple[str, str, str]]:
    """Titles, file names and contents of the tables behind the plots."""
    stem = re.sub(r"\W+", "-", f"{finding.number}-{finding.inputs}").strip("-").lower()
    tables = [(f"run {k + 1}", f"{stem}-run-{k + 1}.csv", run.to_frame()) for k, run in enumerate(finding.runs)]
    frames = [
        pd.DataFrame(
            {"inequality": i.name, "step": i.times, "lhs": i.lhs, "rhs": i.rhs, "tolerance": i.tolerance,
             "judged": i.judged}
        )
        for i in (finding.verdict.inequalities if finding.verdict is not None else ())
    ]  # fmt: skip
    if frames:
        tables.append(("both sides of every inequality", f"{stem}-inequalities.csv", pd.concat(frames)))
    return [(title, name, base64.b64encode(frame.to_csv().encode()).decode()) for title, name, frame in tables]
