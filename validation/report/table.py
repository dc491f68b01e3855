"""The summary: one row a statement, one verdict for each set of inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from validation.statements.statement import Finding

__all__ = ["by_statement", "nothing_held", "summary", "tightest"]

SHORT = {"not applicable": "n/a", "violated": "VIOLATED"}


def by_statement(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Group findings by the number of their statement, in the order in which they come."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.number, []).append(finding)
    return groups


def tightest(group: list[Finding]) -> Finding:
    """The finding with the smallest margin; the first where none was measured."""
    measured = [finding for finding in group if not math.isnan(finding.slack)]
    return min(measured, key=lambda finding: finding.slack, default=group[0])


def summary(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return the cells of the table: statement, a verdict for each set of inputs, tightest margin, and a number.

    The number is that of the first set of inputs to which the statement applies.
    """
    rows, names = [], dict.fromkeys(finding.inputs for finding in findings)
    for group in by_statement(findings).values():
        closest = tightest(group)
        speaking = next((finding for finding in group if finding.numbers and finding), group[0])
        found = {finding.inputs: SHORT.get(finding.status, finding.status) for finding in group}
        verdicts = {name: found.get(name, "–") for name in names}
        rows.append(
            {
                "statement": group[0].title,
                **verdicts,
                "margin": "–" if math.isnan(closest.slack) else f"{closest.slack:.1e}",
                "behind it": speaking.numbers[0].brief if speaking.numbers else "–",
            }
        )
    return rows


def nothing_held(findings: Sequence[Finding]) -> bool:
    """Whether nothing that depends on the inputs holds: then nothing was shown of them, and that is no success."""
    telling = [finding for finding in findings if not finding.general] or findings
    return not any(telling)
