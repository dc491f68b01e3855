"""What every command shares: the progress bar, tables, files and JSON.

Heavy imports happen inside the functions, so that ``--help`` is quick.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_FLOOR, Context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "check_json",
    "command_line",
    "draws_bar",
    "figure",
    "half_step",
    "numbers",
    "print_table",
    "progress_bar",
    "refuse_beside",
    "say",
    "steps_bar",
    "typed",
    "write_json",
]


def typed(context: typer.Context, name: str) -> bool:
    """Whether the option was typed, and is no default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_beside(context: typer.Context, name: str, others: str) -> None:
    """Refuse an option typed beside others that leave it nothing to do; one from the environment is a mere default.

    Raises
    ------
    ValueError
        If it was typed.
    """
    if typed(context, name):
        raise ValueError(f"--{name} cannot be combined with {others}, whose data are used")


def half_step(top: float) -> float:
    """Half of 1/λ for the largest eigenvalue λ; ½ where it is 0 and no step is too long."""
    return 0.5 / top if top > 0 else 0.5


def figure(value: Any, *, down: bool = False) -> str:
    """One number, flag or word for a table: numbers with four digits, and what is only asked to be finite as such.

    What is proved to be at least ``value`` is rounded ``down``.

    Examples
    --------
    >>> figure(0.23549), figure(0.23549, down=True)
    ('0.2355', '0.2354')
    >>> [figure(value) for value in (0.123456, 1234567.0, 40, sys.float_info.max, None, True, "run")]
    ['0.1235', '1.235e+06', '40', 'finite', '–', 'yes', 'run']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and down and value - value == 0.0:
        return f"{Context(prec=4, rounding=ROUND_FLOOR).create_decimal_from_float(value):.4g}"
    if isinstance(value, float):
        return "finite" if value == sys.float_info.max else f"{value:.4g}"
    return str(value)


def command_line() -> str:
    """The command as it was typed, safe to print and to write to a report."""
    from fa_ref._support.text import printable

    return printable(shlex.join(["fa-ref", *sys.argv[1:]]))


def numbers(name: str, text: str, kind: Callable[[str], Any]) -> list[Any]:
    """Return the numbers in an option's text, separated by commas.

    Raises
    ------
    ValueError
        If one of them is none, or there are none.
    """
    try:
        found = [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if not found:
        raise ValueError(f"--{name}: expected numbers separated by commas, got {text!r}")
    return found


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


@contextmanager
def steps_bar(title: str, steps: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of steps on standard error while it is a terminal; the yielded function takes the step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    above = sys.stdout.isatty()  # lines printed meanwhile go above the bar, where both are on the terminal
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=above, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=steps)
        yield lambda step: bar.update(task, completed=step)


def print_table(rows: list[dict[str, str]]) -> None:
    """Print rows with the keys of the first as headings; one below the other where the terminal is narrow.

    Where it is narrower than that, too, lines are longer than it: none is cut, and no number.
    """
    from rich.console import Console

    from fa_ref._support.text import printable

    console = Console(width=_columns())
    rows = [{heading: printable(cell) for heading, cell in row.items()} for row in rows]
    across = [[heading, *(row[heading] for row in rows)] for heading in rows[0]]
    room = console.width - _between(len(across))
    if sum(map(_narrowest, across)) <= room:
        console.print(_table(rows, _widths(across, room)))
        return
    down = [[heading for heading, *_ in across], [cell for _, *cells in across for cell in cells]]
    widths = _widths(down, console.width - _between(2))
    console.width = max(console.width, sum(widths) + _between(2))
    for row in rows:
        fields = [{"": heading, "value": cell} for heading, cell in row.items()]
        console.print(_table(fields, widths, headings=False))


def _columns() -> int | None:
    """The terminal's width, or what COLUMNS says; room for every table elsewhere."""
    if sys.stdout.isatty():
        return None
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdecimal() and 0 < int(told) < 10_000 else 180


def _between(columns: int) -> int:
    """Characters beside the columns themselves: three between two of them, one at each end."""
    return 3 * columns - 1


def _narrowest(cells: list[str]) -> int:
    """The width that breaks no number of a column: that of its longest word, where that is no long name."""
    from rich.cells import cell_len

    return max([1, *(min(20, cell_len(word)) for cell in cells for word in cell.split())])


def _widths(columns: list[list[str]], room: int) -> list[int]:
    """Cut the widest columns to one width, so that all fit, and none below its narrowest: rich goes below it."""
    from rich.cells import cell_len

    narrowest = [_narrowest(cells) for cells in columns]
    wanted = [max([1, *map(cell_len, cells)]) for cells in columns]
    for most in range(max(wanted), 0, -1):
        widths = [max(least, min(all_of_it, most)) for least, all_of_it in zip(narrowest, wanted, strict=True)]
        if sum(widths) <= room:
            return widths
    return narrowest


def _table(rows: list[dict[str, str]], widths: list[int], *, headings: bool = True) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, show_header=headings)
    for heading, width in zip(rows[0], widths, strict=True):
        table.add_column(Text(heading), width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row.values()))  # text is no markup
    return table


#: Of verdicts, on a terminal that has colours.
_STYLES = {"holds": "green", "VIOLATED": "bold red", "violated": "bold red", "undecided": "yellow", "n/a": "yellow"}


def say(line: str) -> None:
    """Print one line, or several."""
    from fa_ref._support.text import printable

    typer.echo(printable(line, keep="\n\t"))


def check_json(path: Path | None, option: str = "--json") -> None:
    """Refuse, before any work is done, a file that cannot be written.

    Raises
    ------
    ValueError
        If its folder does not exist, or it is a folder itself.
    """
    if path is None:
        return
    folder = path.resolve().parent
    there = path.exists()
    writes = os.access(path, os.W_OK) if there else folder.is_dir() and os.access(folder, os.W_OK)
    if path.is_file():  # replaced by a file beside it
        writes = writes and os.access(folder, os.W_OK)
    if path.is_dir() or not writes:
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
