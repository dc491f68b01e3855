"""Tables of numbers in text files and ``.npy``, with a record of which line was read as what.

Nothing is guessed in silence: a first line that may be headings or a sample is refused, unless the reader is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_array, require_memory
from fa_ref._support.npy import read_npy
from fa_ref.data.formats import NPY_MAGIC, refuse_foreign
from fa_ref.data.lines import SEPARATORS, AmbiguousHeadingsError, read_lines
from fa_ref.problem import Problem

__all__ = ["AmbiguousHeadingsError", "Table", "read_array", "read_problem", "read_table"]

Array = NDArray[np.float64]
StrPath = str | PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Numbers from a file, and how the file was read.

    Attributes
    ----------
    values : ndarray of float64, shape (rows, columns)
        Of a ``.npy`` file: as it is stored.
    path : str
        The file.
    separator : str or None
        What separates columns; None for ``.npy``.
    header : int or None
        Number of the line that holds headings, counted from 1.
    headings : tuple of str
        What it says, without an index's.
    lines : ndarray of int, shape (rows,)
        The line in the file of every row; empty for ``.npy``.
    has_index : bool
        Whether a first column without a heading, counting 0, 1, 2, …, was left out (pandas' index).
    """

    values: NDArray[np.generic]
    path: str
    separator: str | None = None
    header: int | None = None
    headings: tuple[str, ...] = ()
    lines: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    has_index: bool = False

    def __str__(self) -> str:
        shape = " × ".join(map(str, self.values.shape))
        if self.separator is None:
            return f"{self.path}: {shape} numbers"
        parts = (
            [] if self.header is None else [f"line {self.header} read as headings ({_shortened(self.headings)})"]
        )
        rows, columns = self.values.shape
        where = f"lines {self.lines[0]}–{self.lines[-1]}" if rows else "no lines"
        separated = f", separated by {SEPARATORS[self.separator]}" if columns > 1 or self.has_index else ""
        parts.append(
            f"{where} as {rows} row{'s' * (rows != 1)} of {columns} number{'s' * (columns != 1)}{separated}"
        )
        parts += ["first column left out (an index)"] * self.has_index
        return f"{self.path}: " + ", ".join(parts)


def _shortened(headings: tuple[str, ...]) -> str:
    shown = [heading if len(heading) <= 20 else heading[:19] + "…" for heading in headings[:4]]
    return ", ".join(shown) + (f", … {len(headings)} in all" if len(headings) > 4 else "")


def read_array(path: StrPath, ndim: int, name: str = "X", *, header: bool | None = None) -> Array:
    r"""Read numbers from a ``.npy`` file or a text table, as `read_table` does.

    Parameters
    ----------
    path : path
        The file.
    ndim : int
        1 for targets, 2 for inputs.
    name : str, optional
        How messages name it.
    header : bool, optional
        As in `read_table`.

    Returns
    -------
    ndarray of float64
        With ``ndim`` axes.

    Raises
    ------
    ValueError, TypeError
        If the file does not exist, is ambiguous, or does not hold a finite numerical array with ``ndim`` axes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "y.csv"
    ...     _ = path.write_text("1\n-1\n")
    ...     read_array(path, 1, "y")
    array([ 1., -1.])
    """
    return _as_axes(read_table(path, name, header=header), ndim, name)


def _as_axes(table: Table, ndim: int, name: str) -> Array:
    raw = table.values
    if ndim == 1 and raw.ndim == 2 and 1 in raw.shape:
        raw = raw.reshape(-1)
    return as_array(name, raw, ndim)


def read_problem(X: StrPath, y: StrPath, *, header: bool | None = None) -> tuple[Problem, tuple[Table, Table]]:
    r"""Read inputs and targets; a first line that one of the files leaves open is decided by the other's rows.

    Parameters
    ----------
    X, y : path
        Files of the inputs and of the targets.
    header : bool, optional
        As in `read_table`, for both.

    Returns
    -------
    problem : Problem
    tables : tuple of Table
        How the two files were read.

    Raises
    ------
    ValueError, TypeError
        As `read_array` and `Problem`; and if the first lines of both files are ambiguous.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     X, y = Path(folder) / "X.csv", Path(folder) / "y.csv"
    ...     _ = X.write_text("0,1\n0.5,2\n3,4\n"), y.write_text("target\n1\n-1\n")
    ...     problem, (inputs, targets) = read_problem(X, y)
    >>> problem, inputs.header
    (Problem(n=2, d=2), 1)
    """
    inputs = _or_ambiguous(X, "X", header)
    targets = _or_ambiguous(y, "y", header)
    if isinstance(inputs, AmbiguousHeadingsError):
        if isinstance(targets, AmbiguousHeadingsError):
            raise inputs
        inputs = _of_length(X, "X", targets.values.size, inputs)
    elif isinstance(targets, AmbiguousHeadingsError):
        targets = _of_length(y, "y", len(inputs.values), targets)
    return Problem(_as_axes(inputs, 2, "X"), _as_axes(targets, 1, "y")), (inputs, targets)


def _or_ambiguous(path: StrPath, name: str, header: bool | None) -> Table | AmbiguousHeadingsError:
    try:
        return read_table(path, name, header=header)
    except AmbiguousHeadingsError as ambiguous:
        return ambiguous


def _of_length(path: StrPath, name: str, rows: int, ambiguous: AmbiguousHeadingsError) -> Table:
    for header in (True, False):
        table = read_table(path, name, header=header)
        if len(table.values) == rows:
            return table
    raise ambiguous


def read_table(path: StrPath, name: str = "X", *, header: bool | None = None) -> Table:
    r"""Read a table, by content: ``.npy``, or columns separated by commas, semicolons, tabs or spaces.

    Empty lines and lines that begin with ``#`` are passed over.

    Parameters
    ----------
    path : path
        The file.
    name : str, optional
        How messages name it.
    header : bool, optional
        Whether the first line holds headings. If not given, it does when all its entries are names; entries that
        may be either, such as ``0,1,2`` (pandas' own headings) or ``1.O``, are refused.

    Returns
    -------
    Table
        The numbers, and how the file was read.

    Raises
    ------
    AmbiguousHeadingsError
        If the first line may be headings or a sample.
    ValueError, TypeError
        If the file does not exist, is of another kind, or an entry is no finite number; the line is named.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "X.csv"
    ...     _ = path.write_text("a;b\n1;2\n3;4\n")
    ...     table = read_table(path)
    >>> table.headings, table.header, table.lines.tolist(), table.separator
    (('a', 'b'), 1, [2, 3], ';')
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(
            f"{name}: expected a file, got {path}, which is {'a folder' if file.is_dir() else 'missing'}"
        )
    with file.open("rb") as raw:
        start = raw.read(16)
    if start.startswith(NPY_MAGIC) or file.suffix.lower() == ".npy":
        if not start.startswith(NPY_MAGIC):
            raise ValueError(f"{name}: expected a .npy header, got {path}, which begins otherwise")
        return Table(values=read_npy(file, name), path=str(path))
    refuse_foreign(file, name, start)
    require_memory(f"{name}: {path}", 8 * file.stat().st_size)
    try:
        with file.open(encoding="utf-8-sig") as text:
            return Table(path=str(path), **read_lines(text, str(path), name, header)._asdict())
    except UnicodeDecodeError:
        raise ValueError(f"{name}: expected text, got {file}, which is not UTF-8") from None
