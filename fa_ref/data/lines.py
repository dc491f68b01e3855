"""Lines of text as rows of numbers: separator, headings, index, and one clear message for what is none of them."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SEPARATORS", "AmbiguousHeadingsError", "Lines", "read_lines"]

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_MISSING = ("", "na", "n/a", "null", "none", "?", "-", ".")
#: Letters that pass for digits.
_LOOKALIKES = str.maketrans("OoIl", "0011")
_WHICH = "say which with --header or --no-header (header=True or False)"


class AmbiguousHeadingsError(ValueError):
    """The first line of a table can be read as headings or as a sample."""


class Lines(NamedTuple):
    """What `read_lines` found; the attributes are those of `fa_ref.data.Table`."""

    values: NDArray[np.float64]
    separator: str
    header: int | None
    headings: tuple[str, ...]
    lines: NDArray[np.int64]
    has_index: bool


class _Line(NamedTuple):
    number: int
    text: str


def read_lines(text: Iterable[str], path: str, name: str, header: bool | None) -> Lines:
    """Read the lines of a text, as `fa_ref.data.read_table` says; ``path`` and ``name`` are for messages."""
    lines = (_Line(k, line.strip("\r\n")) for k, line in enumerate(text, start=1) if _counts(line))
    head = list(islice(lines, 20))
    separator = _separator([line.text for line in head])
    if not head:
        return Lines(np.zeros((0, 0)), separator, None, (), np.zeros(0, dtype=np.int64), False)
    first = [cell.strip() for cell in _cells(head[0].text, separator)]
    is_header, index = _is_header(first, path, head[0].number, name, header)
    values, numbers, width = array("d"), array("q"), len(first)
    for line in chain(head[1:] if is_header else head, lines):
        values.extend(_numbers(line, separator, width, path, name))
        numbers.append(line.number)
    table = np.array(values, dtype=np.float64).reshape(len(numbers), width)
    index = index and len(table) > 0 and width > 1 and bool((table[:, 0] == np.arange(len(table))).all())
    if is_header and first[0] == "" and not index:
        where = f"{path}, line {head[0].number}"
        raise TypeError(f"{name}: expected a heading for every column, got an empty one in {where}")
    return Lines(
        values=table[:, 1:] if index else table,
        separator=separator,
        header=head[0].number if is_header else None,
        headings=tuple(first[1:] if index else first) if is_header else (),
        lines=np.array(numbers, dtype=np.int64),
        has_index=index,
    )


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _cells(line: str, separator: str) -> list[str]:
    if '"' in line:
        try:
            return next(csv.reader([line], delimiter=separator, skipinitialspace=True))
        except (csv.Error, StopIteration):
            pass
    return line.split() if separator == " " else line.split(separator)


def _separator(head: list[str]) -> str:
    """The separator that makes numbers of all lines but the first, and the most columns of them."""
    body = head[1:] or head

    def columns(separator: str, is_cell: Callable[[str], bool]) -> int:
        rows = [_cells(line, separator) for line in body]
        whole = all(is_cell(cell) for row in rows for cell in row) and len({len(row) for row in rows}) == 1
        return len(rows[0]) if whole else 0

    for is_cell in (_is_number, _is_number_with_comma):  # the second kind is refused later, and needs its columns
        found = {separator: columns(separator, is_cell) for separator in SEPARATORS} if body else {",": 1}
        best = max(found, key=lambda separator: found[separator])
        if found[best] > 0:
            return best
    return next((separator for separator in (";", "\t", ",", " ") if separator in body[0].strip()), ",")


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def _is_number_with_comma(cell: str) -> bool:
    return _is_number(cell) or _DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def _is_header(first: list[str], path: str, line: int, name: str, told: bool | None) -> tuple[bool, bool]:
    """Whether the first line holds headings, and whether it leaves room for an index."""
    indexed = len(first) > 1 and first[0] == "" and all(cell != "" for cell in first[1:])
    if told is not None:
        return told, told and indexed
    names = first[1:] if indexed else first
    where = f"{path}, line {line}"
    if all(_is_number(cell) for cell in names):
        if [int(cell) if cell.isdecimal() else -1 for cell in names] != list(range(len(names))):
            return False, False
        if indexed:
            return True, True
        shown = ",".join(names[:3]) + (",…" if len(names) > 3 else "")
        raise AmbiguousHeadingsError(
            f"{name}: expected headings or a sample, got {shown} in {where}, which can be either; {_WHICH}"
        )
    if not all(_is_name(cell) for cell in names):
        return False, False
    mistyped = next((cell for cell in names if _is_mistyped(cell)), None)
    if mistyped is not None:
        raise AmbiguousHeadingsError(
            f"{name}: expected headings or numbers, got {mistyped[:40]!r} in {where}: a number mistyped? "
            f"If it is a heading, {_WHICH}"
        )
    return True, indexed


def _is_name(cell: str) -> bool:
    """Whether a cell is neither a number nor one of the usual signs of a missing value."""
    return cell.lower() not in _MISSING and not _is_number(cell)


def _is_mistyped(cell: str) -> bool:
    """Whether a name begins as a number does, or would be one but for letters that look like digits."""
    begins = re.match(r"[+-]?[.,]?\d", cell) is not None
    return begins or ("." in cell and _is_number(cell.translate(_LOOKALIKES)))


def _numbers(line: _Line, separator: str, width: int, path: str, name: str) -> Iterator[float]:
    cells = _cells(line.text, separator)
    where = f"{path}, line {line.number}"
    if len(cells) != width:
        raise ValueError(f"{name}: expected {width} columns, got {len(cells)} in {where}{_hint(line, separator)}")
    plain = line.text.isascii() and "_" not in line.text  # float() takes more than a file should hold
    for column, cell in enumerate(cells, start=1):
        try:
            value = float(cell) if plain or _is_number(cell) else None
        except ValueError:
            value = None
        if value is None:
            shown = line.text.strip()[:40]
            raise TypeError(f"{name}: expected numbers, got {shown!r} in {where}{_hint(line, separator)}")
        if value - value != 0.0:
            raise ValueError(
                f"{name}: expected finite numbers, got {cell.strip()[:40]} in {where}, column {column}"
            )
        yield value


def _hint(line: _Line, separator: str) -> str:
    if separator != "," and any(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in _cells(line.text, separator)):
        return "; write decimal points, not commas"
    return f" (columns read as separated by {SEPARATORS[separator]})"
