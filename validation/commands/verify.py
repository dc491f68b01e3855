"""``fa-ref verify``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from validation.commands.console import (
    JsonFile,
    JunitFile,
    Seed,
    check_json,
    command_line,
    print_table,
    progress_bar,
    refuse_beside,
    say,
    write_json,
)
from validation.commands.inputs import Data, Files, Header, Standardise, XFile, YFile

if TYPE_CHECKING:
    from theory.kernels import MeanKernel
    from validation.report.verification import Finding, Setting

__all__ = ["verify"]


def verify(
    context: typer.Context,
    mnist: Annotated[
        Path | None,
        typer.Option(metavar="DIR", envvar="FA_REF_MNIST", help="Folder with MNIST's IDX files (plain or .gz)."),
    ] = None,
    x_file: XFile = None,
    y_file: YFile = None,
    header: Header = None,
    standardise: Standardise = False,
    report: Annotated[Path, typer.Option(metavar="DIR", help="Where report.html goes.")] = Path("fa-ref-report"),
    json_file: JsonFile = None,
    junit_file: JunitFile = None,
    seed: Seed = 0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 300,
) -> None:
    """Check Theorems 3.2 and 4.3 at every step of real runs: synthetic data, digits, or your own."""
    import numpy as np

    from validation.judge.verdicts import HOLDS
    from validation.report import page as reports
    from validation.report import verification
    from validation.report.junit import of_verdict, write_junit

    folder = reports.check_writable(report)
    check_json(json_file)
    check_json(junit_file, "--junit")
    given = Files(x_file, y_file, header, standardise).read()
    if given is not None:
        refuse_beside(context, "mnist", "--X and --y")
        settings = verification.given_settings(given.name, given.problem)
    else:
        settings = verification.synthetic_settings(np.random.default_rng(seed)) + verification.data_settings(mnist)
    findings = _run_verification(settings, seed, steps)
    print_table([reports.row(finding) for finding in findings])
    hints = _hints(findings, given)
    for hint in hints:
        say(f"hint: {hint}")
    command = command_line()
    page = reports.write_report(findings, folder, command=command)
    source = {} if given is None else given.to_dict()
    write_json(
        json_file,
        {"command": command, **source, "hints": hints, "findings": [finding.to_dict() for finding in findings]},
    )
    if junit_file is not None:
        write_junit(
            junit_file, (of_verdict(finding.label, finding.verdict) for finding in findings), "fa-ref verify"
        )
    violated = sum(finding.violated for finding in findings)
    held = sum(finding.verdict.status == HOLDS for finding in findings)
    say(f"{len(findings)} runs: {held} hold, {violated} violated, {len(findings) - held - violated} not decided")
    say(f"report: {page}")
    raise typer.Exit(1 if violated or not held else 0)


def _hints(findings: list[Finding], given: Data | None) -> list[str]:
    """What in the user's data keeps each activation's runs from being judged."""
    from validation.judge.verdicts import HOLDS
    from validation.report.advice import advise

    hints = []
    for activation in dict.fromkeys(finding.setting.activation for finding in findings if given is not None):
        runs = [finding for finding in findings if finding.setting.activation == activation]
        widest = max(runs, key=lambda finding: finding.width)
        if given is not None and not all(finding.verdict.status == HOLDS for finding in runs):
            said = advise(
                given.problem, activation, p=widest.width, lines=given.lines, kernel=_kernel(widest, given)
            )
            hints += [f"{activation}: {sentence}" for sentence in said]
    return hints


def _kernel(finding: Finding, given: Data) -> MeanKernel | None:
    """The finding's kernel, where it is that of the data and not of their projection."""
    return finding.kernel if len(finding.kernel.G) == given.problem.n else None


def _run_verification(settings: list[Setting], seed: int, steps: int) -> list[Finding]:
    from validation.report import verification

    total = sum(len(setting.widths) for setting in settings)
    with progress_bar("verify", total) as advance:
        return list(verification.verify(settings, seed, steps=steps, progress=advance))
