"""Files: written complete or not at all, read without pickle and within bounded memory."""

from __future__ import annotations

import io
import json
import os
import secrets
import stat
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from fa_ref._support.npy import read_stream
from fa_ref._support.text import one_line

__all__ = ["check_inflation", "parse_json", "read_npz", "writable_folder", "write_atomically", "write_npz"]

#: A compressed file may inflate to this many times its size, and to `SMALL` bytes in any case.
INFLATION, SMALL = 100, 64 * 2**20

#: What zipfile and its decompressors raise for a damaged, encrypted or exotic archive.
_BAD_ZIP = (
    BadZipFile, KeyError, ValueError, OSError, EOFError, RuntimeError, NotImplementedError, MemoryError,
    OverflowError, TypeError, AttributeError, IndexError, struct.error, zlib.error,
)  # fmt: skip


def write_atomically(path: str | PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Call ``write`` on a file beside ``path`` and rename it to ``path`` once it is complete.

    Links are followed, and a file that is replaced keeps its mode. Devices and pipes cannot be replaced: they are
    written to, once the content is complete; so is standard output or standard error, whatever it leads to, after
    what was printed before.

    Raises
    ------
    OSError
        If there is no room, the folder cannot be written to, or the path is a folder, another's socket, a block
        device or a file without write permission. What was there before is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "note.txt", lambda file: file.write(b"done"))
    ...     [path.name for path in Path(folder).iterdir()]
    ['note.txt']
    """
    try:
        there = os.stat(path)  # noqa: PTH116 (os.PathLike, and follows /proc's links where resolve() cannot)
    except FileNotFoundError:
        _replace(Path(path).resolve(), write, None)
        return
    stream = _standard_stream(there)
    if stream is not None or stat.S_ISCHR(there.st_mode) or stat.S_ISFIFO(there.st_mode):
        _write_through(path, stream, write)
    elif not stat.S_ISREG(there.st_mode):
        raise OSError(f"{path}: expected a file, a device or a pipe to write to, got something else")
    elif not os.access(path, os.W_OK):
        raise PermissionError(f"{path}: expected a file that can be written to, got one that is read-only")
    else:
        _replace(Path(path).resolve(), write, stat.S_IMODE(there.st_mode))


def _replace(target: Path, write: Callable[[IO[bytes]], Any], mode: int | None) -> None:
    partial = target.parent / f".{secrets.token_hex(8)}.partial"
    try:
        with partial.open("xb") as file:
            if mode is not None:
                partial.chmod(mode)
            write(file)
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _write_through(path: str | PathLike[str], stream: Any, write: Callable[[IO[bytes]], Any]) -> None:
    content = io.BytesIO()
    write(content)
    if stream is not None:
        stream.flush()
        stream.buffer.write(content.getvalue())
        stream.flush()
        return
    with Path(path).open("wb") as device:
        device.write(content.getvalue())


def _standard_stream(there: os.stat_result) -> Any:
    """Standard output or standard error, if the path leads to it.

    A second handle would overwrite what the stream wrote to a file, and overtake what it still holds for a pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            if os.path.samestat(os.fstat(stream.fileno()), there):
                return stream
    return None


def check_inflation(what: str, inflated: int, stored: int) -> None:
    """Refuse compressed data that would take far more memory than they take on disk.

    Raises
    ------
    ValueError
        If they inflate to more than 64 MiB and more than a hundredfold.

    Examples
    --------
    >>> check_inflation("X.npz", 47_000_016, 9_912_422)
    >>> check_inflation("X.npz", 6 * 2**30, 3 * 2**20)
    Traceback (most recent call last):
    ...
    ValueError: X.npz: expected at most 300 MiB when decompressed (100 times its size), got 6144 MiB
    """
    bound = max(SMALL, INFLATION * stored)
    if inflated > bound:
        raise ValueError(
            f"{what}: expected at most {bound / 2**20:.0f} MiB when decompressed ({INFLATION} times its size), "
            f"got {inflated / 2**20:.0f} MiB"
        )


def parse_json(text: str, what: str) -> Any:
    """Read JSON: no key twice, no NaN, and one ValueError for whatever is wrong with it.

    Examples
    --------
    >>> parse_json('{"eta": 0.1}', "setting")
    {'eta': 0.1}
    >>> parse_json('{"eta": 0.1, "eta": 9}', "setting")
    Traceback (most recent call last):
    ...
    ValueError: setting: expected JSON, got text that cannot be read (the key 'eta' twice)
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError, OverflowError) as error:
        raise ValueError(f"{what}: expected JSON, got text that cannot be read ({one_line(error, 80)})") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for k, (key, _) in enumerate(pairs) if key in dict(pairs[:k]))
        raise ValueError(f"the key {twice[:20]!r} twice")
    return content


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def writable_folder(name: str, folder: str | PathLike[str]) -> Path:
    """Create a folder if need be and refuse, before any work is done, one where no file can be written.

    Raises
    ------
    ValueError
        If it cannot be created or written to.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(
            f"{name}: expected a folder that can be written to, got {path} ({error.strerror})"
        ) from None
    return path


def write_npz(path: str | PathLike[str], arrays: dict[str, Any]) -> None:
    """Write named arrays to an ``.npz`` file; the same arrays give the same bytes."""

    def write(file: IO[bytes]) -> None:
        with ZipFile(file, "w") as archive:
            for name, value in arrays.items():
                with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(value), allow_pickle=False)

    write_atomically(path, write)


def read_npz(path: str | PathLike[str], names: tuple[str, ...]) -> dict[str, Any]:
    """Read the named arrays of an ``.npz`` file.

    Raises
    ------
    ValueError
        If the file is missing, damaged, encrypted or lacks one of them, or an array is not what its header says or
        does not fit in memory.
    """
    try:
        with ZipFile(path) as archive:
            return {name: _member(archive, name, Path(path).stat().st_size) for name in names}
    except _BAD_ZIP as error:
        raise ValueError(
            f"{path}: expected an .npz file with {', '.join(names)}, got another ({one_line(error)})"
        ) from None


def _member(archive: ZipFile, name: str, stored: int) -> Any:
    entry = archive.getinfo(f"{name}.npy")
    if entry.flag_bits & 1:
        raise ValueError(f"{name} is encrypted")
    check_inflation(name, entry.file_size, stored)
    with archive.open(entry) as file:
        array = read_stream(file, entry.file_size, name)
        if file.read(1):  # at the end, zipfile compares the checksum
            raise ValueError(f"{name}: expected {entry.file_size} bytes, got more")
        return array
