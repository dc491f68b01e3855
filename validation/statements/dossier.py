"""The dossier of one statement: all that is known of it, on given inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fa_ref import Network, Trajectory
from theory.convergence import theorem_3_2, theorem_4_3
from theory.convergence.ledger import audit
from validation.errata.ablation import ablate
from validation.errata.catalogue import demonstrate
from validation.statements.inputs import Inputs
from validation.statements.statement import Finding, Options, Statement

__all__ = ["Dossier", "Part", "dossier"]

#: The ledger is kept over so many steps: the bounds that do not depend on a certificate.
LEDGER_STEPS = 40


@dataclass(frozen=True, kw_only=True)
class Part:
    """A section of a dossier: sentences, a table, or code to paste."""

    title: str
    lines: tuple[str, ...] = ()
    rows: tuple[dict[str, str], ...] = ()
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """All that is known of one statement on some inputs.

    Attributes
    ----------
    statement : Statement
        Which.
    findings : tuple of Finding
        One for each set of inputs.
    parts : tuple of Part
        Hypotheses, constants, losses, ablation, errata, the sharp law, and how to reproduce each number.
    """

    statement: Statement
    findings: tuple[Finding, ...]
    parts: tuple[Part, ...]

    def __bool__(self) -> bool:
        return all(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        return {
            "statement": self.statement.number, "title": self.statement.title, "printed": self.statement.printed,
            "assumptions": self.statement.assumptions,
            "corrected": self.statement.corrected, "control": self.statement.control,
            "findings": [finding.to_dict() for finding in self.findings],
            "parts": [
                {"title": part.title, "lines": list(part.lines), "rows": list(part.rows), "code": part.code}
                for part in self.parts
            ],
        }  # fmt: skip


def dossier(statement: Statement, inputs: Sequence[Inputs], options: Options, *, command: str = "") -> Dossier:
    """Check one statement and gather what else is known of it.

    Parameters
    ----------
    statement : Statement
        From `validation.statements.find`.
    inputs : sequence of Inputs
        What to check it on.
    options : Options
        Seed, draws and steps.
    command : str, optional
        What makes the dossier again from the shell.

    Returns
    -------
    Dossier

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Problem
    >>> from validation.statements import find, inputs
    >>> found = dossier(find("4.5"), [inputs.own(Problem(np.eye(2), [1.0, 1.0]))], Options(draws=4, steps=5))
    >>> found.statement.number
    '4.5'
    """
    findings = tuple(statement.check(data, options) for data in inputs)
    parts = [
        *(_hypotheses(finding) for finding in findings if finding.verdict is not None),
        _numbers(findings), *_losses(findings), *_dropped(statement, options.seed),
        *_errata(statement, options.seed), _control(statement, inputs[0], options),
        _reproduce(findings, options, command),
    ]  # fmt: skip
    return Dossier(statement=statement, findings=findings, parts=tuple(parts))


def _hypotheses(finding: Finding) -> Part:
    verdict = finding.verdict
    if verdict is None:
        return Part(title="Hypotheses")
    rows = tuple({"hypothesis": str(margin)} for margin in verdict.hypotheses)
    return Part(title=f"Hypotheses, {finding.inputs}", rows=rows)


def _numbers(findings: tuple[Finding, ...]) -> Part:
    rows = tuple(
        {
            "inputs": finding.inputs, "number": number.symbol,
            "value": "none" if math.isnan(number.value) else f"{number.value:.6g}", "known as": number.kind,
            "note": number.note,
        }
        for finding in findings
        for number in finding.numbers
    )  # fmt: skip
    return Part(title="The numbers behind it", rows=rows)


def _losses(findings: tuple[Finding, ...]) -> list[Part]:
    """The slack ledger of the proof along the first run, for the convergence theorems."""
    parts = []
    for finding in findings:
        if finding.number not in ("3.2", "4.2", "4.3") or not finding.runs:
            continue
        ratios = _ledger(finding.runs[0])
        rows = tuple(
            {"lemma": lemma, "bound / observed": f"{ratio:.3g}"}
            for lemma, ratio in sorted(ratios.items(), key=lambda item: -item[1])
            if math.isfinite(ratio)
        )
        lines = (f"Smallest ratio of each lemma's bound to what it bounds, over {LEDGER_STEPS} steps: 1 is tight.",)
        parts.append(Part(title=f"Where the proof loses, {finding.inputs}", lines=lines, rows=rows))
    return parts


def _ledger(run: Trajectory) -> dict[str, float]:
    setting = run.setting
    if not isinstance(setting.network, Network):
        return {}
    theory = theorem_4_3 if setting.activation.linear else theorem_3_2
    ledger = audit(setting, theory.drifts(setting), steps=LEDGER_STEPS)
    return ledger.looseness("running")


def _dropped(statement: Statement, seed: int) -> list[Part]:
    """The ablation rows of the statement's sheet."""
    if statement.claim is None:
        return []
    rows = tuple(
        {key: cell for key, cell in ablation.row().items() if key != "theorem"}
        for ablation in ablate(seed, only=statement.claim)
    )
    return [Part(title="What breaks when a hypothesis is dropped", rows=rows)] if rows else []


def _errata(statement: Statement, seed: int) -> list[Part]:
    wanted = {int(number) for number in statement.errata}
    rows = tuple(
        {
            "erratum": str(found.number), "printed": found.printed, "corrected": found.corrected,
            "counterexample": found.setting, "seen": found.finding,
        }
        for found in demonstrate(seed, only=wanted)
    )  # fmt: skip
    return [Part(title="Errata, each with its counterexample", rows=rows)] if rows else []


def _control(statement: Statement, inputs: Inputs, options: Options) -> Part:
    """The negative control, run: the check must fail on it."""
    broken = statement.check(inputs, replace(options, broken=True))
    line = f"With this change — {statement.control} — the verdict on {inputs.name} is: {broken.status}."
    return Part(title="Negative control", lines=(line, *broken.remarks))


def _reproduce(findings: tuple[Finding, ...], options: Options, command: str) -> Part:
    """The command, and Python that can be pasted."""
    lines = [command] if command else []
    for finding in findings:
        chosen = f"Options(seed={options.seed}, draws={options.draws}, steps={options.steps}"
        chosen += f", width={options.width})" if options.width else ")"
        lines += [
            "", f"# {finding.inputs}: every number above",
            *_maker(finding.inputs, options.seed),
            f'finding = find("{finding.number}").check(data, {chosen})',
            "print(finding, finding.verdict, sep='\\n')",
        ]  # fmt: skip
        lines += [f"# first run: {run.setting}, digest {run.setting.digest()[:16]}…" for run in finding.runs[:1]]
    return Part(title="Reproduce it", code="\n".join(lines).strip())


def _maker(name: str, seed: int) -> list[str]:
    """Imports, and the inputs of this name."""
    ours = "from validation.statements import Options, find, inputs"
    if name == "Gaussian":
        return ["import numpy as np", ours, f"data = inputs.gaussian(np.random.default_rng({seed}))"]
    if name == "digits":
        return [ours, "data = inputs.digits()"]
    if name == "MNIST":
        return [ours, 'data = inputs.mnist("MNIST_FOLDER")']
    return ["from fa_ref.data import read_problem", ours, 'data = inputs.own(read_problem("X.csv", "y.csv")[0])']
