"""What a command learns from: the user's files, or a synthetic problem.

Heavy imports happen inside the functions, so that ``--help`` is quick.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validation.commands.console import refuse_beside, say
from validation.commands.options import Synthetic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fa_ref import Problem

__all__ = ["Data", "Files"]

_READ = "CSV (columns separated by commas, semicolons, tabs or spaces) or .npy"


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


@dataclass(frozen=True, kw_only=True)
class Files:
    """The options that name a user's data."""

    x_file: Annotated[
        Path | None, typer.Option("--X", metavar="FILE", help=f"Inputs, a sample a row: {_READ}.")
    ] = None
    y_file: Annotated[Path | None, typer.Option("--y", metavar="FILE", help="Targets, in the same formats.")] = None
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether the files' first lines are headings; else asked."),
    ] = None
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Shift and scale every column of X, and y, to mean 0 and SD 1.")
    ] = False

    def read(self) -> Data | None:
        """Return what is in the files, saying how they were read; None if none is named.

        Raises
        ------
        ValueError, TypeError
            If only one of the two is named, an option has nothing to apply to, or a file is not what it should be.
        """
        from fa_ref import data
        from fa_ref._support.text import printable

        if self.x_file is None and self.y_file is None:
            for name, used in (("standardise", self.standardise), ("header", self.header is not None)):
                if used:
                    raise ValueError(f"--{name}: expected together with --X and --y, got neither")
            return None
        if self.x_file is None or self.y_file is None:
            raise ValueError(
                f"--X and --y: expected both or none, got --{'y' if self.x_file is None else 'X'} alone"
            )
        problem, (inputs, targets) = data.read_problem(self.x_file, self.y_file, header=self.header)
        notes, name = [str(inputs), str(targets)], printable(str(self.x_file))
        if self.standardise:
            problem, done = data.standardised(problem)
            notes.append(str(done))
            name += ", standardised"
        for note in notes[:2] * (inputs.separator is not None or targets.separator is not None) + notes[2:]:
            say(note)
        lines = inputs.lines if len(inputs.lines) == problem.n else None
        return Data(problem=problem, name=name, notes=tuple(map(printable, notes)), lines=lines)

    def or_synthetic(
        self,
        context: typer.Context,
        sizes: Synthetic,
        activation: str,
        rng: np.random.Generator,
        *,
        scale: float | None = None,
    ) -> Data:
        """Return what is in the files, or Gaussian inputs with a linear or a random network's targets.

        The inputs' entries have standard deviation ``scale``, by default 1/√d.

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
        X = data.gaussian_inputs(sizes.n, sizes.d, rng, scale=sizes.d**-0.5 if scale is None else scale)
        linear = resolve(activation).linear
        y = data.linear_teacher(X, rng) if linear else data.network_teacher(X, 1000, activation, rng)
        return Data(problem=Problem(X, y), name="Gaussian inputs")
