"""NumPy's array format, header first: nothing is allocated that the file cannot fill or the machine cannot hold."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from fa_ref._support.checks import LARGEST, require_memory
from fa_ref._support.text import one_line

__all__ = ["read_npy", "read_stream"]

#: What NumPy raises for a header that is none: it evaluates the text as a Python literal.
_NO_HEADER = (ValueError, SyntaxError, TokenError, TypeError, OverflowError, RecursionError, MemoryError, KeyError)


def read_npy(path: Path, name: str) -> NDArray[Any]:
    """Read a ``.npy`` file, of which every byte must be accounted for.

    Raises
    ------
    ValueError
        If it is no such file, holds Python objects, is cut off or longer than its header says, or does not fit in
        memory.
    """
    with path.open("rb") as file:
        return read_stream(file, path.stat().st_size, f"{name}: {path}")


def read_stream(file: IO[bytes], size: int, what: str) -> NDArray[Any]:
    """Read one array from a stream that holds ``size`` bytes; ``what`` begins each message.

    Raises
    ------
    ValueError
        As `read_npy`.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> np.save(stream, np.arange(3))
    >>> length = stream.tell()
    >>> _ = stream.seek(0)
    >>> read_stream(stream, length, "X")
    array([0, 1, 2])
    """
    shape, fortran, dtype, start = _header(file, what)
    if dtype.hasobject or dtype.itemsize == 0:
        raise ValueError(f"{what}: expected an array of numbers, got entries of type {dtype}, which are not read")
    expected = math.prod(shape) * dtype.itemsize
    if size - start != expected:
        raise ValueError(f"{what}: expected {expected} bytes of data for shape {shape}, got {max(0, size - start)}")
    require_memory(what, 2 * expected)
    raw = file.read(expected)
    if len(raw) != expected:
        raise ValueError(f"{what}: expected {expected} bytes of data for shape {shape}, got {len(raw)}")
    flat = np.frombuffer(raw, dtype).copy()
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order, type and the place of the first entry."""
    try:
        version = npy_format.read_magic(file)
        read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}[version]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the spelling of the literal
            shape, fortran, dtype = read(file)
    except _NO_HEADER as error:
        reason = f"format version {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(
            f"{what}: expected a .npy header, got one that cannot be read ({one_line(reason, 80)})"
        ) from None
    if any(isinstance(side, bool) or side < 0 for side in shape) or math.prod(s or 1 for s in shape) > LARGEST:
        raise ValueError(f"{what}: expected a .npy header with a shape, got {str(shape)[:80]}")
    return shape, fortran, dtype, file.tell()
