"""The HTML report: one self-contained page with the table, the trajectories, their bounds, and their data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure

from fa_ref._support.storage import write_atomically
from validation.judge.inequalities import Inequality
from validation.report.verification import Finding

__all__ = ["check_writable", "row", "write_report"]


def check_writable(folder: str | Path) -> Path:
    """Create the report's folder if need be, and make sure that files can be written there.

    Raises
    ------
    ValueError
        If it cannot be created or written to.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(
            f"report: expected a folder that can be written to, got {path} ({error.strerror})"
        ) from None
    return path


def row(finding: Finding) -> dict[str, str]:
    """Return the cells of one line of the table.

    The hypotheses' cell counts those met among those that can be decided and names those that fail.
    """
    verdict = finding.verdict
    decided = [margin for margin in verdict.hypotheses if margin.met is not None]
    met = sum(bool(margin.met) for margin in decided)
    measured = len(verdict.hypotheses) - len(decided)
    tightest = verdict.tightest
    unjudged = f"; not judged: {', '.join(verdict.unjudged)}" if verdict.unjudged else ""
    return {
        "claim": verdict.claim,
        "setting": finding.label,
        "hypotheses": f"{met}/{len(decided)} met, {measured} measured"
        + (f" — {verdict.failing}" if verdict.failing else ""),
        "verdict": verdict.status,
        "slack": (f"{tightest.slack:.2e} {tightest.name}" if tightest else "–") + unjudged,
        "worst step": str(int(tightest.times[tightest.worst])) if tightest else "–",
    }


def write_report(findings: Sequence[Finding], folder: str | Path, *, command: str) -> Path:
    """Write ``report.html`` to the folder and return its path.

    Parameters
    ----------
    findings : sequence of Finding
        What `verify` yielded.
    folder : path
        Created if it does not exist.
    command : str
        How the report was made, printed on it.
    """
    groups = [list(group) for _, group in groupby(findings, key=lambda f: (f.setting.name, f.setting.activation))]
    environment = Environment(loader=PackageLoader("validation.report"), autoescape=select_autoescape())
    page = environment.get_template("report.html").render(
        rows=[row(finding) for finding in findings],
        sections=[_section(group) for group in groups],
        command=command,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=_version(),
    )
    target = check_writable(folder) / "report.html"
    write_atomically(target, lambda file: file.write(page.encode()))
    return target


def _version() -> str:
    try:
        return version("fa-ref")
    except PackageNotFoundError:
        from fa_ref import __version__

        return __version__


def _section(group: list[Finding]) -> dict[str, Any]:
    first = group[0]
    name = f"{first.setting.name}-{first.setting.activation}".replace(" ", "-").replace(",", "").lower()
    figure = draw(group)
    picture = io.BytesIO()
    figure.savefig(picture, format="svg")
    return {
        "title": f"{first.setting.name}, {first.setting.activation}",
        "claim": first.setting.claim,
        "facts": _facts(first),
        "picture": base64.b64encode(picture.getvalue()).decode(),
        "tables": [
            (title, f"{name}-{kind}.csv", base64.b64encode(table.to_csv(index=False).encode()).decode())
            for title, kind, table in (
                ("runs and predictions", "runs", _trajectories(group)),
                ("both sides of every inequality", "inequalities", _series(group)),
            )
        ],
        "unpredicted": [finding.width for finding in group if not _predicted_throughout(finding)],
        "details": [
            (
                f.width,
                [str(margin) for margin in f.verdict.hypotheses],
                [_counted(i) for i in f.verdict.inequalities],
            )
            for f in group
        ],
    }


def _predicted_throughout(finding: Finding) -> bool:
    return finding.predicted is not None and not np.isnan(finding.predicted.residual_norm).any()


def _counted(inequality: Inequality) -> str:
    judged = f"{inequality.judged.sum()} of {inequality.judged.size} steps judged"
    return f"{inequality.name}: {'holds' if inequality.holds else 'fails'}, {judged}, slack {inequality.slack:.3g}"


def _facts(finding: Finding) -> str:
    problem, kernel = finding.setting.problem, finding.kernel
    return (
        f"n = {problem.n}, d = {problem.d}, η = {finding.run.setting.eta:.4g}, "
        f"γ = {kernel.gamma:.4g} (at least {kernel.gamma_lower:.4g}), λ_max(K) = {problem.lambda_max:.4g}"
    )


def _series(group: list[Finding]) -> pd.DataFrame:
    """One row for each width, inequality and step: both sides, the tolerance, and whether it was judged."""
    frames = [
        pd.DataFrame(
            {
                "p": finding.width,
                "inequality": inequality.name,
                "step": inequality.times,
                "lhs": inequality.lhs,
                "rhs": inequality.rhs,
                "tolerance": inequality.tolerance,
                "judged": inequality.judged,
            }
        )
        for finding in group
        for inequality in finding.verdict.inequalities
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["p", "inequality", "step"])


def _trajectories(group: list[Finding]) -> pd.DataFrame:
    """One row for each width and step: ‖e‖ and cos∠(b, β), measured and predicted."""
    frames = []
    for finding in group:
        run = finding.run
        if finding.predicted is None:
            columns = {"step": run.times, "residual_norm": run.residual_norms, "alignment": run.alignment}
            frame = pd.DataFrame(columns)
        else:
            frame = finding.predicted.table(run)
        frame.insert(0, "p", finding.width)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def draw(group: list[Finding]) -> Figure:
    """Draw ‖e(t)‖ with the bound from the theorem's rate, cos∠(b, β(t)), both as predicted too, and each margin."""
    figure = Figure(figsize=(13.0, 3.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for k, finding in enumerate(group):
        finding.run.plot(left)
        left.get_lines()[-1].set_color(f"C{k}")
        for inequality in finding.verdict.inequalities[:1]:
            norms = finding.run.residual_norms
            seen = np.where(norms[:-1] > 0, norms[:-1], np.nan)  # λ ≡ 0: rhs is a multiple of ‖e‖
            bound = np.cumprod(np.append(norms[0], inequality.rhs / seen))
            left.semilogy(finding.run.times, bound, f"C{k}--", linewidth=0.8)
            right.plot(inequality.times, inequality.margins, f"C{k}", label=f"p = {finding.width}")
            right.set_title(f"margin of {inequality.name}", fontsize=10)
        middle.plot(finding.run.times, finding.run.alignment, f"C{k}", label=f"p = {finding.width}")
        if finding.predicted is not None:
            times, norms, cosines, mean = finding.predicted
            left.semilogy(times, norms, "k:", linewidth=1.4)
            middle.plot(times, cosines, "k:", linewidth=1.4)
            middle.plot(times, mean, f"C{k}-.", linewidth=0.8)
    left.set_title("‖e‖: dashed, bounded; dotted, predicted", fontsize=10)
    left.legend(fontsize=8)
    middle.set_title("alignment: dotted, predicted; dash-dot, its mean", fontsize=10)
    middle.set(xlabel="step t", ylabel="cos∠(b, β(t))")
    for axes in (middle, right):
        axes.axhline(0.0, color="black", linewidth=0.8)
    right.set(xlabel="step t", ylabel="1 − lhs/rhs")
    return figure
