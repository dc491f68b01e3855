"""What a command learns from: the user's files, or a synthetic problem.

Heavy imports happen inside the functions, so that ``--help`` is quick.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from validation.commands.console import refuse_beside, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fa_ref import Problem

__all__ = ["Data", "Dimension", "Files", "Header", "Psi", "Samples", "Standardise", "Width", "XFile", "YFile"]

_READ = "CSV (columns separated by commas, semicolons, tabs or spaces) or .npy"
XFile = Annotated[Path | None, typer.Option("--X", metavar="FILE", help=f"Inputs, a sample a row: {_READ}.")]
YFile = Annotated[Path | None, typer.Option("--y", metavar="FILE", help="Targets, in the same formats.")]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether the files' first lines are headings; else asked."),
]
Standardise = Annotated[
    bool, typer.Option("--standardise", help="Shift and scale every column of X, and y, to mean 0 and SD 1.")
]
Samples = Annotated[int, typer.Option(min=1, help="Samples of the synthetic problem (without --X and --y).")]
Dimension = Annotated[int, typer.Option(min=1, help="Its input dimension.")]
Width = Annotated[int, typer.Option(min=1, help="Width.")]
Psi = Annotated[str, typer.Option(help="ψ: identity, relu, tanh, sigmoid, erf or softplus.")]


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """A problem, and where it comes from.

    Attributes
    ----------
    problem : Problem
        X and y.
    name : str
        A few words for tables and reports.
    notes : tuple of str
        How each file was read, and what was done to the numbers; empty for synthetic data.
    lines : ndarray of int, shape (n,), or None
        The line of the file of X that holds each sample, where it is text.
    """

    problem: Problem
    name: str
    notes: tuple[str, ...] = ()
    lines: NDArray[np.int64] | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        return {"data": self.name, "notes": list(self.notes)}


class Files(NamedTuple):
    """The options that name a user's data."""

    x: Path | None
    y: Path | None
    header: bool | None = None
    standardise: bool = False

    def read(self) -> Data | None:
        """Return what is in the files, saying how they were read; None if none is named.

        Raises
        ------
        ValueError, TypeError
            If only one of the two is named, an option has nothing to apply to, or a file is not what it should be.
        """
        from fa_ref import data
        from fa_ref._support.text import printable

        if self.x is None and self.y is None:
            for name, used in (("standardise", self.standardise), ("header", self.header is not None)):
                if used:
                    raise ValueError(f"--{name}: expected together with --X and --y")
            return None
        if self.x is None or self.y is None:
            raise ValueError("--X and --y: expected both or none")
        problem, (inputs, targets) = data.read_problem(self.x, self.y, header=self.header)
        notes, name = [str(inputs), str(targets)], printable(str(self.x))
        if self.standardise:
            problem, done = data.standardised(problem)
            notes.append(str(done))
            name += ", standardised"
        for note in notes[:2] * (inputs.separator is not None or targets.separator is not None) + notes[2:]:
            say(note)
        lines = inputs.lines if len(inputs.lines) == problem.n else None
        return Data(problem=problem, name=name, notes=tuple(map(printable, notes)), lines=lines)

    def or_synthetic(
        self, context: typer.Context, n: int, d: int, activation: str, rng: np.random.Generator, scale: float
    ) -> Data:
        """Return what is in the files, or Gaussian inputs with a linear or a random network's targets.

        Raises
        ------
        ValueError
            As `read`; and if --n or --d is typed beside files, which have sizes of their own.
        """
        from fa_ref import Problem, data
        from fa_ref.activations import resolve

        given = self.read()
        if given is not None:
            for name in ("n", "d"):
                refuse_beside(context, name, "--X and --y")
            return given
        X = data.gaussian_inputs(n, d, rng, scale=scale)
        linear = resolve(activation).linear
        y = data.linear_teacher(X, rng) if linear else data.network_teacher(X, 1000, activation, rng)
        return Data(problem=Problem(X, y), name="Gaussian inputs")
