"""What every command shares: options, data, the progress bar, tables and JSON.

Heavy imports happen inside the functions, so that ``--help`` is quick.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from fa_ref import Problem

__all__ = [
    "Dimension",
    "JsonFile",
    "JunitFile",
    "Samples",
    "Seed",
    "Width",
    "XFile",
    "YFile",
    "check_json",
    "draws_bar",
    "given_or_synthetic",
    "numbers",
    "print_table",
    "progress_bar",
    "refuse_beside",
    "say",
    "write_json",
]

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON too.")]
JunitFile = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdicts as a JUnit file too.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
XFile = Annotated[Path | None, typer.Option("--X", metavar="FILE", help="Inputs, CSV or .npy, a sample a row.")]
YFile = Annotated[Path | None, typer.Option("--y", metavar="FILE", help="Targets, CSV or .npy.")]
Samples = Annotated[int, typer.Option(min=1, help="Samples of the synthetic problem (without --X and --y).")]
Dimension = Annotated[int, typer.Option(min=1, help="Its input dimension.")]
Width = Annotated[int, typer.Option(min=1, help="Width.")]


def given(x_file: Path | None, y_file: Path | None) -> Problem | None:
    """Return the problem in the user's files, or None if no file is named.

    Raises
    ------
    ValueError
        If only one of the two is named, or a file is not what it should be.
    """
    from fa_ref import Problem, data

    if x_file is None and y_file is None:
        return None
    if x_file is None or y_file is None:
        raise ValueError("--X and --y: expected both or none")
    return Problem(data.read_array(x_file, 2, "X"), data.read_array(y_file, 1, "y"))


def refuse_beside(context: typer.Context, name: str, others: str) -> None:
    """Refuse an option typed beside others that leave it nothing to do; one from the environment is a mere default.

    Raises
    ------
    ValueError
        If it was typed.
    """
    source = context.get_parameter_source(name)
    if source is not None and source.name == "COMMANDLINE":
        raise ValueError(f"--{name}: expected without {others}, whose data are used instead")


def given_or_synthetic(
    x_file: Path | None,
    y_file: Path | None,
    n: int,
    d: int,
    activation: str,
    rng: np.random.Generator,
    scale: float,
) -> Problem:
    """Return the problem in the user's files, or Gaussian inputs with a linear or a random network's targets."""
    from fa_ref import Problem, data
    from fa_ref.activations import resolve

    problem = given(x_file, y_file)
    if problem is not None:
        return problem
    X = data.gaussian_inputs(n, d, rng, scale=scale)
    linear = resolve(activation).linear
    return Problem(X, data.linear_teacher(X, rng) if linear else data.network_teacher(X, 1000, activation, rng))


def half_step(top: float) -> float:
    """Half of 1/λ for the largest eigenvalue λ; ½ where it is 0 and no step is too long."""
    return 0.5 / top if top > 0 else 0.5


def numbers(name: str, text: str, kind: Callable[[str], Any]) -> list[Any]:
    """Return the numbers in an option's text, separated by commas.

    Raises
    ------
    ValueError
        If one of them is none.
    """
    try:
        return [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ValueError(f"--{name}: expected numbers separated by commas, got {text!r}") from None


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on standard error while it is a terminal; call the yielded function before each piece of work."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, begun = bar.add_task("", total=total), iter(range(total + 1))

        def advance(label: str) -> None:
            bar.update(task, completed=next(begun), description=label)

        yield advance


@contextmanager
def draws_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of draws, for the ``progress`` of `validation.check`, on standard error while it is a terminal.

    Examples
    --------
    >>> from itertools import repeat
    >>> from validation.judge.probability import sequential_verdict
    >>> with draws_bar("always") as progress:
    ...     sequential_verdict(repeat(True), 1000, delta=0.1, progress=progress).draws
    128
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda made, most: bar.update(task, completed=made, total=most)


def print_table(rows: list[dict[str, str]]) -> None:
    """Print rows with the keys of the first as headings."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 180)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))  # text is no markup
    console.print(table)


def say(line: str) -> None:
    """Print one line."""
    typer.echo(line)


def check_json(path: Path | None, option: str = "--json") -> None:
    """Refuse, before any work is done, a file that cannot be written.

    Raises
    ------
    ValueError
        If its folder does not exist, or it is a folder itself.
    """
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"{option}: expected a file in a folder that exists and can be written to, got {path}")


def write_json(path: Path | None, content: dict[str, Any]) -> None:
    """Write results for machines, complete or not at all, if a file is named."""
    from fa_ref._support.storage import write_atomically

    if path is not None:
        text = json.dumps(_plain(content), indent=1, allow_nan=False)
        write_atomically(path, lambda file: file.write(text.encode()))


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say: non-finite numbers become strings, NumPy scalars Python's."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value
