"""The paper, statement by statement: what the main job checks, in the paper's order, and what goes beyond it.

To add one: a subclass of `Statement` that judges with a sheet, for which see `validation.theorems`, and its place
in `STATEMENTS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from validation.statements.alignment import CosineBound, Theorem46
from validation.statements.convergence import LargeSample, Theorem32, Theorem42, Theorem43
from validation.statements.dossier import Dossier, dossier
from validation.statements.geometry import Assumption31, Proposition33, Proposition45
from validation.statements.inputs import Inputs
from validation.statements.ridge import RidgeRegression, Watched
from validation.statements.schedules import Schedules
from validation.statements.statement import Finding, Number, Options, Statement
from validation.statements.steps import Movement, OneStepIdentity

__all__ = [
    "STATEMENTS",
    "Dossier",
    "Finding",
    "Inputs",
    "Number",
    "Options",
    "Statement",
    "dossier",
    "find",
    "verify",
]

STATEMENTS: tuple[Statement, ...] = (
    OneStepIdentity(), Assumption31(), Theorem32(), Movement(), Proposition33(), CosineBound(), Theorem42(),
    Theorem43(), Proposition45(), Theorem46(), Schedules(), LargeSample(), RidgeRegression(),
)  # fmt: skip


def find(number: str) -> Statement:
    """Return the statement of this number.

    Parameters
    ----------
    number : str
        As "3.2".

    Returns
    -------
    Statement

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> find("4.6").title
    'Theorem 4.6'
    """
    for statement in STATEMENTS:
        if statement.number.lower() == number.strip().lower():
            return statement
    known = ", ".join(statement.number for statement in STATEMENTS)
    raise ValueError(f"statement: expected one of {known}, got {number!r}")


def verify(statements: Sequence[Statement], inputs: Sequence[Inputs], options: Options) -> Iterator[Finding]:
    """Check every statement on every set of inputs, in this order; one that does not depend on them once.

    Of a negative control the remarks say what was changed.

    Parameters
    ----------
    statements : sequence of Statement
        Of `STATEMENTS`.
    inputs : sequence of Inputs
    options : Options

    Yields
    ------
    Finding

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Problem
    >>> from validation.statements.inputs import own
    >>> data = own(Problem(np.eye(3), [1.0, -1.0, 1.0]))
    >>> [finding.status for finding in verify([find("identity")], [data], Options(draws=4, steps=5))]
    ['holds']
    """
    if any(isinstance(statement, RidgeRegression) for statement in statements) and not options.broken:
        options = replace(options, watch=Watched())
    for statement in statements:
        for data in inputs[:1] if statement.general else inputs:
            options.progress(f"{statement.title}, {data.name}")
            finding = statement.check(data, options)
            if options.broken:
                finding = replace(finding, remarks=(f"negative control: {statement.control}", *finding.remarks))
            yield finding
