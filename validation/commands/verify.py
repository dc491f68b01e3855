"""``fa-ref verify``: the main job, and ``fa-ref theorem``: all that is known of one statement."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from validation.commands.console import (
    check_json,
    command_line,
    print_table,
    progress_bar,
    refuse_beside,
    say,
    typed,
    write_json,
)
from validation.commands.inputs import Data, Files
from validation.commands.options import Common, JunitFile, spread
from validation.commands.terminal import Interrupted

if TYPE_CHECKING:
    from validation.statements import Finding, Inputs, Options, Statement

__all__ = ["theorem", "verify"]

Mnist = Annotated[
    Path | None,
    typer.Option(metavar="DIR", envvar="FA_REF_MNIST", help="Folder with MNIST's IDX files (plain or .gz)."),
]
Names = Annotated[
    str, typer.Option("--data", metavar="NAMES", help="Among gaussian, digits and mnist, separated by commas.")
]

BROKEN = "Negative controls: every statement is altered as its row says, and no row may hold"
CUT = "Interrupted: statements that are not here were not checked"


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is run for a statement."""

    draws: Annotated[
        int, typer.Option(min=1, help="Networks for a claim of probability; without it fewer for a large table.")
    ]
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 300
    p: Annotated[
        int | None, typer.Option(min=1, help="Width of the networks, in place of each statement's own.")
    ] = None


@spread
def verify(
    context: typer.Context,
    files: Files,
    mnist: Mnist = None,
    data: Names = "gaussian,digits",
    only: Annotated[str | None, typer.Option(metavar="NUMBERS", help="These statements alone: 3.2,4.6.")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List the statements, and check none.")] = False,
    broken: Annotated[
        bool, typer.Option("--break", help="Run each statement's negative control in its place.")
    ] = False,
    report: Annotated[Path, typer.Option(metavar="DIR", help="Where report.html goes.")] = Path("fa-ref-report"),
    junit_file: JunitFile = None,
    effort: Effort = Effort(draws=32),
    common: Common = Common(),
) -> None:
    """Check the whole paper, statement by statement: on synthetic data, digits, or your own."""
    from fa_ref._support.storage import writable_folder
    from validation.report.page import write_report
    from validation.report.table import nothing_held
    from validation.statements import STATEMENTS, find
    from validation.statements import verify as check

    if list_them:
        print_table([{"number": s.number, "statement": s.title, "control": s.control} for s in STATEMENTS])
        return
    statements = [find(number) for number in only.split(",")] if only else list(STATEMENTS)
    folder = writable_folder("--report", report)
    check_json(common.json_file)
    check_json(junit_file, "--junit")
    given = files.read()
    inputs = _inputs(context, given, data, mnist, common.seed)
    findings: list[Finding] = []
    interrupted = False
    with _options(context, statements, inputs, effort, seed=common.seed, broken=broken) as options:
        try:
            for finding in check(statements, inputs, options):
                findings.append(finding)
        except KeyboardInterrupt:
            interrupted = True
    if interrupted and not findings:
        raise Interrupted("no statement was finished, and nothing was written")
    findings = findings if interrupted else _with_remedies(findings, given)
    _tell(findings)
    command, notes = command_line(), [note for chosen in inputs for note in chosen.notes]
    said = [*notes, *([BROKEN] if broken else []), *([CUT] if interrupted else [])]
    page = write_report(findings, folder, command=command, seed=common.seed, steps=effort.steps, notes=said)
    content = {"command": command, "complete": not interrupted, "notes": notes, "hints": list(_hints(findings))}
    write_json(common.json_file, {**content, "findings": [finding.to_dict() for finding in findings]})
    if junit_file is not None:
        _write_junit(junit_file, findings)
    say(_count(findings, broken=broken))
    say(f"report: {page}")
    if interrupted:
        rest = shlex.quote(",".join(_unfinished(statements, inputs, findings)))
        kept = f"what was found is kept in {page}"
        raise Interrupted(f"{kept}; to go on: --only {rest}, with another --report")
    violated = any(finding.status == "violated" for finding in findings)
    raise typer.Exit(1 if violated or nothing_held(findings) else 0)


def _tell(findings: list[Finding]) -> None:
    """Print the table; below it the remarks, where a row is violated, and what in the data stands in the way."""
    from validation.report.table import summary

    print_table(summary(findings))
    for finding in findings:
        name = f"{finding.title}, {finding.inputs}"
        if finding.status == "violated":
            say(f"{name}: violated: {'; '.join(part for part in (finding.confidence, finding.where) if part)}")
        for remark in finding.remarks:
            say(f"{name}: {remark}")
    for hint, titles in _hints(findings).items():
        say(f"hint for {', '.join(titles)}: {hint}")


def _hints(findings: list[Finding]) -> dict[str, list[str]]:
    """Every remedy, with the titles of the statements that it would help."""
    found: dict[str, list[str]] = {}
    for finding in findings:
        for remedy in finding.remedies:
            found.setdefault(remedy, []).append(finding.title)
    return found


def _count(findings: list[Finding], *, broken: bool) -> str:
    violated, held = (sum(finding.status == status for finding in findings) for status in ("violated", "holds"))
    number, others = len(findings), len(findings) - held - violated
    if broken:
        rest = f", {others} say nothing here" if others else ""
        return f"{number} negative controls: {violated} violated as they must be, {held} hold{rest}"
    return f"{number} judged: {held} hold, {violated} violated, {others} not decided"


def _unfinished(statements: list[Statement], inputs: list[Inputs], findings: list[Finding]) -> list[str]:
    """Numbers of the statements that some inputs still wait for."""
    done = [finding.number for finding in findings]
    return [s.number for s in statements if done.count(s.number) < (1 if s.general else len(inputs))]


@spread
def theorem(
    context: typer.Context,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="Which statement: 4.6. `verify --list` lists them.")
    ],
    files: Files,
    mnist: Mnist = None,
    data: Names = "gaussian",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the dossier as a page too.")] = None,
    effort: Effort = Effort(draws=128),
    common: Common = Common(),
) -> None:
    """Tell all that is known of one statement: hypotheses, verdict, constants, losses, errata, how to reproduce."""
    from fa_ref._support.storage import write_atomically
    from validation.report.page import render
    from validation.report.unicode_mathematics import in_unicode
    from validation.statements import dossier, find

    statement = find(number)
    check_json(html, "--html")
    check_json(common.json_file)
    inputs = _inputs(context, files.read(), data, mnist, common.seed)
    command = command_line()
    with _options(context, [statement], inputs, effort, seed=common.seed) as options:
        found = dossier(statement, inputs, options, command=command)
    say(f"{statement.title}\n\n{statement.source}: {in_unicode(statement.printed)}")
    if statement.corrected:
        say(f"as it should read: {in_unicode(statement.corrected)}")
    say(f"hypotheses: {in_unicode(statement.assumptions)}")
    for finding in found.findings:
        said = "; ".join(part for part in (finding.confidence, finding.where) if part)
        say(f"\n{finding.inputs}: {finding.status}. {said}".rstrip())
        for remark in finding.remarks:
            say(f"  {remark}")
    for part in found.parts:
        say(f"\n{part.title}")
        for line in part.lines:
            say(line)
        if part.rows:
            print_table(list(part.rows))
        if part.code:
            say(part.code)
    if html is not None:
        notes = [note for chosen in inputs for note in chosen.notes]
        page = render(
            found.findings, command=command, seed=common.seed, steps=effort.steps, notes=notes, dossier=found
        )
        write_atomically(html, lambda file: file.write(page.encode()))
    write_json(common.json_file, {"command": command, **found.to_dict()})
    raise typer.Exit(0 if any(found.findings) else 1)


@contextmanager
def _options(
    context: typer.Context,
    statements: list[Statement],
    inputs: list[Inputs],
    effort: Effort,
    *,
    seed: int,
    broken: bool = False,
) -> Iterator[Options]:
    from validation.statements import Options

    most = math.inf if typed(context, "draws") else Options.evaluations * effort.draws / Options.draws
    with progress_bar("verify", sum(1 if s.general else len(inputs) for s in statements)) as advance:
        yield Options(
            seed=seed, draws=effort.draws, evaluations=most, steps=effort.steps, width=effort.p, broken=broken,
            progress=advance,
        )  # fmt: skip


def _inputs(context: typer.Context, given: Data | None, names: str, folder: Path | None, seed: int) -> list[Inputs]:
    """The user's data if they are given, else the named ones; a folder with MNIST adds MNIST."""
    import numpy as np

    from validation.statements import inputs

    if given is not None:
        refuse_beside(context, "mnist", "--X and --y")
        refuse_beside(context, "data", "--X and --y")
        return [inputs.own(given.problem, given.name, given.notes)]
    makers = {"gaussian": lambda: inputs.gaussian(np.random.default_rng(seed)), "digits": inputs.digits}
    if folder is not None:
        makers["mnist"] = lambda: inputs.mnist(folder)
    wanted = [name.strip().lower() for name in names.split(",")]
    wanted += ["mnist"] if folder is not None and "mnist" not in wanted else []
    for name in wanted:
        if name == "mnist" and folder is None:
            raise ValueError("--data: expected --mnist DIR beside mnist, got none")
        if name not in makers:
            raise ValueError(f"--data: expected names among gaussian, digits and mnist, got {name!r}")
    return [makers[name]() for name in wanted]


#: Statements that a table may keep from being judged, by the activation that they speak of.
_ABOUT = {"identity": ("4.3", "4.6", "n > d"), "tanh": ("A3.1", "3.2", "4.1", "4.2", "movement", "A")}


def _with_remedies(findings: list[Finding], given: Data | None) -> list[Finding]:
    """Say of a user's data what keeps statements from holding, and what would help."""
    from validation.report.advice import advise
    from validation.statements.convergence import LINEAR_WIDTH, NONLINEAR_WIDTH

    if given is None:
        return findings
    widths = {"identity": LINEAR_WIDTH, "tanh": NONLINEAR_WIDTH}
    said: dict[str, tuple[str, ...]] = {}
    for activation, numbers in _ABOUT.items():
        if any(finding.number in numbers and not finding for finding in findings):
            sentences = advise(given.problem, activation, p=widths[activation], lines=given.lines)
            said |= dict.fromkeys(numbers, tuple(sentences))
    return [f if f else replace(f, remedies=said.get(f.number, ())) for f in findings]


def _write_junit(path: Path, findings: list[Finding]) -> None:
    from validation.report.junit import write_junit

    passed = {"holds": True, "violated": False}
    write_junit(
        path,
        (
            (f"{f.title}, {f.inputs}", passed.get(f.status), f"{f.status}: {'; '.join(f.remarks) or f.where}")
            for f in findings
        ),
        "fa-ref verify",
    )
