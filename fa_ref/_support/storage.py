"""Arrays on disk: written complete or not at all, read without pickle."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from os import PathLike
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np

__all__ = ["read_npz", "write_atomically", "write_npz"]


def write_atomically(path: str | PathLike[str], write: Callable[[IO[bytes]], Any]) -> None:
    """Call ``write`` on a file beside ``path`` and rename it to ``path`` once it is complete.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "note.txt", lambda file: file.write(b"done"))
    ...     [path.name for path in Path(folder).iterdir()]
    ['note.txt']
    """
    target = Path(path)
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as created:
        partial = Path(created.name)
    try:
        with partial.open("wb") as file:
            write(file)
        partial.chmod(0o666 & ~_umask())
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_npz(path: str | PathLike[str], arrays: dict[str, Any]) -> None:
    """Write named arrays to an ``.npz`` file."""
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def read_npz(path: str | PathLike[str], names: tuple[str, ...]) -> dict[str, Any]:
    """Read the named arrays of an ``.npz`` file.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or lacks one of them.
    """
    expected = f"{path}: expected an .npz file with {', '.join(names)}"
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as content:
            return {name: content[name] for name in names}
    except (KeyError, ValueError, OSError, EOFError, BadZipFile, TypeError, AttributeError) as error:
        raise ValueError(f"{expected} ({error})") from None
