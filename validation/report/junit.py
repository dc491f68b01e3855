"""Verdicts as a JUnit file, which continuous integration shows beside its tests."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from fa_ref._support.storage import write_atomically
from fa_ref._support.text import printable

if TYPE_CHECKING:
    from validation.judge.verdicts import Verdict

__all__ = ["of_verdict", "write_junit"]

Result = tuple[str, bool | None, str]


def of_verdict(name: str, verdict: Verdict) -> Result:
    """Return a verdict as a test case: "holds" passes, "violated" fails, all else is skipped with its reason.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Problem, Setting, Trajectory
    >>> from validation import theorem_4_3
    >>> setting = Setting(Problem([[1.0]], [1.0]), None, "tanh", eta=0.1)
    >>> of_verdict("one step", theorem_4_3.judge(Trajectory.recorded(setting, [0, 1], [[0.5], [0.4]])))
    ('one step: Theorem 4.3', None, 'not applicable: ψ is linear: no')
    """
    from validation.judge.verdicts import HOLDS, UNDECIDED, VIOLATED

    passed = {HOLDS: True, VIOLATED: False}.get(verdict.status)
    decided = verdict.status in (HOLDS, VIOLATED, UNDECIDED)
    reason = verdict.worst_words if decided or not verdict.failing else verdict.failing
    return f"{name}: {verdict.claim}", passed, f"{verdict.status}: {reason}"


def write_junit(path: str | PathLike[str], results: Iterable[Result], suite: str) -> None:
    """Write one test case for each result.

    Parameters
    ----------
    path : path
        The file.
    results : iterable of tuple
        Name, passed, text; passed is None where nothing was decided: such a case is reported as skipped, never as
        passed.
    suite : str
        Name of the test suite.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "verdicts.xml"
    ...     write_junit(path, [("Theorem 3.2", True, "holds"), ("sign", False, "violated at t = 0")], "fa-ref")
    ...     [case.tag for case in ElementTree.parse(path).getroot().iter()]
    ['testsuite', 'testcase', 'system-out', 'testcase', 'failure']
    """
    root = ElementTree.Element("testsuite", name=suite)
    count = {"tests": 0, "failures": 0, "skipped": 0}
    for name, passed, text in results:
        name, text = printable(name), printable(text, keep="\n\t")  # XML has no control characters
        case = ElementTree.SubElement(root, "testcase", name=name, classname=suite)
        count["tests"] += 1
        if passed:
            ElementTree.SubElement(case, "system-out").text = text
        else:
            kind = "skipped" if passed is None else "failure"
            count["skipped" if passed is None else "failures"] += 1
            ElementTree.SubElement(case, kind, message=text)
    root.attrib.update({key: str(value) for key, value in count.items()})
    content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    write_atomically(path, lambda file: file.write(content))
