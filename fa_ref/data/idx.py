"""MNIST's file format, IDX, plain or gzip."""

from __future__ import annotations

import gzip
import math
import zlib
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import LARGEST, require_memory
from fa_ref._support.storage import check_inflation

__all__ = ["read_idx", "read_mnist"]

Array = NDArray[np.float64]
StrPath = str | PathLike[str]

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: StrPath) -> NDArray[np.generic]:
    """Read an IDX file, plain or gzip.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    ndarray
        With the shape and the type that the header states.

    Raises
    ------
    ValueError
        If the file is missing, is not IDX, does not hold exactly the entries that its header announces, or does
        not fit in memory; the header is read before anything is inflated.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))
    ...     read_idx(path).tolist()
    [7, 3]
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{path}: expected an IDX file, got none of that name")
    stored = file.stat().st_size
    with file.open("rb") as raw:
        if raw.read(2) != b"\x1f\x8b":
            raw.seek(0)
            return _read_plain(raw, path, available=stored)
        raw.seek(0)
        try:
            with gzip.GzipFile(fileobj=raw) as inflated:
                return _read_plain(inflated, path, stored=stored)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a complete gzip file, got one that cannot be read ({error})"
            ) from None


def _read_plain(
    file: IO[bytes] | gzip.GzipFile, path: StrPath, *, available: int | None = None, stored: int | None = None
) -> NDArray[Any]:
    """Read header and entries; of plain files the length is known beforehand, of compressed ones what is stored."""
    magic = file.read(4)
    header = len(magic) == 4 and magic[:2] == b"\x00\x00" and magic[2] in _IDX_TYPES and 1 <= magic[3] <= 4
    sizes = file.read(4 * magic[3]) if header else b""
    if not header or len(sizes) < 4 * magic[3]:
        raise ValueError(f"{path}: expected an IDX header, got the bytes {magic.hex(' ') or '(none)'}")
    dtype = np.dtype(_IDX_TYPES[magic[2]])
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    expected, start = math.prod(shape) * dtype.itemsize, 4 + len(sizes)
    wanted = f"{expected} bytes of data for shape {shape}"
    if available is not None and available - start != expected:
        raise ValueError(f"{path}: expected {wanted}, got {available - start}")
    if stored is not None:
        check_inflation(str(path), expected, stored)
    if math.prod(size or 1 for size in shape) > LARGEST:  # NumPy has no such shape, though it may have no entries
        raise ValueError(f"{path}: expected a shape that an array can have, got {shape}")
    require_memory(str(path), expected)
    raw = file.read(expected)
    more = len(file.read(1))
    if len(raw) + more != expected:
        raise ValueError(f"{path}: expected {wanted}, got {'more' if more else len(raw)}")
    return np.frombuffer(raw, dtype).reshape(shape)


def read_mnist(folder: StrPath, split: str = "train") -> tuple[Array, NDArray[np.int64]]:
    """Read MNIST from its IDX files: ``train-images-idx3-ubyte`` and so on, also ``train-images.idx3-ubyte``.

    Parameters
    ----------
    folder : path
        Where the files lie, plain or as ``.gz``.
    split : {"train", "t10k"}, optional
        Which pair to read.

    Returns
    -------
    images : ndarray, shape (m, 784)
        Pixels in [0, 1].
    labels : ndarray of int, shape (m,)
        Digits 0 … 9.

    Raises
    ------
    ValueError
        If a file is missing, damaged, or not what its name says.

    Examples
    --------
    >>> read_mnist("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: ...
    """
    if split not in ("train", "t10k"):
        raise ValueError(f"split: expected 'train' or 't10k', got {split!r}")
    paths = [_idx_path(Path(folder), f"{split}-{kind}") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    images, labels = (read_idx(path) for path in paths)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ValueError(f"{paths[0]}: expected images (3 axes of bytes), got {images.ndim} axes of {images.dtype}")
    if images.size == 0:
        raise ValueError(f"{paths[0]}: expected at least one image, got shape {images.shape}")
    if labels.ndim != 1 or labels.dtype != np.uint8 or (labels.size and labels.max() > 9):
        raise ValueError(
            f"{paths[1]}: expected labels 0 … 9 (1 axis of bytes), got {labels.ndim} axes of {labels.dtype}"
        )
    if len(images) != len(labels):
        raise ValueError(f"{paths[1]}: expected {len(images)} labels, one for each image, got {len(labels)}")
    return images.reshape(len(images), -1).astype(np.float64) / 255.0, labels.astype(np.int64)


def _idx_path(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")
    for path in (folder / f"{stem}{end}" for stem in (name, dotted) for end in ("", ".gz")):
        if path.is_file():
            return path
    raise ValueError(f"{folder}: expected the MNIST file {name} or {dotted}, plain or .gz, got neither")
