"""Inputs, teachers, and readers of data files.

Random inputs follow the paper's synthetic set-up; readers take CSV, ``.npy`` and MNIST's IDX files (plain or gzip).
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number, require_memory
from fa_ref.activations import Activation
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = [
    "digit_parity",
    "gaussian_inputs",
    "isometric_inputs",
    "linear_teacher",
    "network_teacher",
    "read_array",
    "read_digits",
    "read_idx",
    "read_mnist",
    "unit_rows",
]

Array = NDArray[np.float64]
StrPath = str | PathLike[str]

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def gaussian_inputs(n: int, d: int, rng: np.random.Generator, *, scale: float = 1.0) -> Array:
    """Draw X with independent N(0, scale²) entries, shape (n, d).

    ``scale=1`` is the published runs' choice; ``scale=d**-0.5`` that of Propositions 3.3 and 4.5.

    Examples
    --------
    >>> gaussian_inputs(50, 150, np.random.default_rng(0)).shape
    (50, 150)
    """
    n, d, scale = as_count("n", n), as_count("d", d), as_number("scale", scale, above=0)
    require_memory(f"n = {n}, d = {d}", 2 * 8 * n * d)
    return scale * rng.standard_normal((n, d))


def isometric_inputs(
    n: int, d: int, rng: np.random.Generator, *, gamma: float = 1.0, epsilon: float = 0.0
) -> Array:
    """Draw X whose Gram matrix has eigenvalues in [γ, (1 + ε)γ], both ends attained if n > 1 (Definition 4.4).

    The eigenvalues are evenly spaced; the eigenvectors are uniformly random.

    Raises
    ------
    ValueError
        If n > d: such a Gram matrix is singular.

    Examples
    --------
    >>> X = isometric_inputs(3, 5, np.random.default_rng(0), gamma=2.0, epsilon=0.5)
    >>> np.linalg.eigvalsh(X @ X.T).round(12)
    array([2. , 2.5, 3. ])
    """
    n, d = as_count("n", n), as_count("d", d)
    gamma, epsilon = as_number("gamma", gamma, above=0), as_number("epsilon", epsilon, at_least=0)
    if n > d:
        raise ValueError(f"n: expected at most d = {d} samples for an invertible Gram matrix, got {n}")
    left = np.linalg.qr(rng.standard_normal((n, n)))[0]
    right = np.linalg.qr(rng.standard_normal((d, n)))[0]
    singular = np.sqrt(gamma * (1.0 + epsilon * np.linspace(0.0, 1.0, n)))
    X: Array = (left * singular) @ right.T
    return X


def unit_rows(X: ArrayLike) -> Array:
    """Return X with every row divided by its norm.

    Raises
    ------
    ValueError
        If a row is zero.

    Examples
    --------
    >>> unit_rows([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    rows = as_array("X", X, ndim=2)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if (norms == 0).any():
        raise ValueError(f"X: expected rows that are not zero, got row {int(np.argmin(norms))} = 0")
    return rows / norms


def linear_teacher(X: ArrayLike, rng: np.random.Generator) -> Array:
    """Targets y = Xθ with θ ~ N(0, I_d), shape (n,)."""
    X = as_array("X", X, ndim=2)
    y: Array = X @ rng.standard_normal(X.shape[1])
    return y


def network_teacher(X: ArrayLike, p: int, activation: str | Activation, rng: np.random.Generator) -> Array:
    """Targets from a random Gaussian network of width p, shape (n,)."""
    X = as_array("X", X, ndim=2)
    return Network.gaussian(p, X.shape[1], rng).output(X, activation)


def read_array(path: StrPath, ndim: int, name: str = "X") -> Array:
    """Read numbers from a ``.npy`` file, or from comma-separated text with at most one line of headings.

    Raises
    ------
    ValueError, TypeError
        If the file does not exist or does not hold a finite numerical array with ``ndim`` axes.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{name}: expected a file, got {path}, which is none")
    if file.suffix.lower() == ".npy":
        try:
            raw = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, OSError, MemoryError) as error:
            raise ValueError(f"{name}: expected a numerical .npy file, got {path} ({error})") from None
    else:
        raw = _read_csv(file, name)
    if ndim == 1 and raw.ndim == 2 and 1 in raw.shape:
        raw = raw.reshape(-1)
    return as_array(name, raw, ndim)


def _read_csv(file: Path, name: str) -> Array:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name}: expected text, got {file}, which is not UTF-8") from None
    table = [(number, line.split(",")) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    width = len(table[0][1]) if table else 0
    if table and all(_is_heading(cell) for cell in table[0][1]):
        table = table[1:]
    rows: list[list[float]] = []
    for number, cells in table:
        if len(cells) != width:
            raise ValueError(f"{name}: expected {width} columns, got {len(cells)} in {file}, line {number}")
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError:
            line = ",".join(cells).strip()[:40]
            raise TypeError(f"{name}: expected numbers, got {line!r} in {file}, line {number}") from None
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else 0)


def _is_heading(cell: str) -> bool:
    """Whether a cell is a name: neither a number nor one of the usual signs of a missing value."""
    text = cell.strip().strip('"').lower()
    if text in ("", "na", "n/a", "null", "none", "?", "-"):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def read_idx(path: StrPath) -> NDArray[np.generic]:
    """Read an IDX file, plain or gzip.

    Raises
    ------
    ValueError
        If the file is missing, is not IDX, or does not hold exactly the entries that its header announces.
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"{path}: expected an IDX file, which is missing")
    raw = file.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: expected a complete gzip file ({error})") from None
    header = len(raw) >= 4 and raw[:2] == b"\x00\x00" and raw[2] in _IDX_TYPES and 1 <= raw[3] <= 4
    if not header or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"{path}: expected an IDX header, got the bytes {raw[:4].hex(' ') or '(none)'}")
    dtype, axes = np.dtype(_IDX_TYPES[raw[2]]), raw[3]
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", axes, offset=4))
    expected, start = math.prod(shape) * dtype.itemsize, 4 + 4 * axes
    if len(raw) - start != expected:
        raise ValueError(f"{path}: expected {expected} bytes of data for shape {shape}, got {len(raw) - start}")
    return np.frombuffer(raw, dtype, offset=start).reshape(shape)


def read_mnist(folder: StrPath, split: str = "train") -> tuple[Array, NDArray[np.int64]]:
    """Read MNIST from the four IDX files as distributed (``train-images-idx3-ubyte`` and so on, or their ``.gz``).

    Parameters
    ----------
    folder : path
        Where the files lie.
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
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise ValueError(f"{folder}: expected the MNIST file {name} or {name}.gz, which is missing")


def read_digits() -> tuple[Array, NDArray[np.int64]]:
    """Read scikit-learn's bundled 8×8 digits: pixels in [0, 1], shape (1797, 64), and labels.

    Raises
    ------
    ValueError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError("digits: expected scikit-learn to be installed (pip install fa-ref[mnist])") from None
    bunch = load_digits()
    return bunch.data / 16.0, bunch.target.astype(np.int64)


def digit_parity(read: Callable[[], tuple[Array, NDArray[np.int64]]], n: int = 50, *, unit: bool = True) -> Problem:
    """Make a regression problem of the first n digits: y = +1 for even digits, −1 for odd ones.

    Parameters
    ----------
    read : callable
        `read_digits`, or ``lambda: read_mnist(folder)``.
    n : int, optional
        How many images.
    unit : bool, optional
        Whether to scale every image to norm 1.

    Examples
    --------
    >>> problem = digit_parity(read_digits, n=10)
    >>> problem.d, problem.y
    (64, array([ 1., -1.,  1., -1.,  1., -1.,  1., -1.,  1., -1.]))
    """
    images, labels = read()
    if as_count("n", n) > len(images):
        raise ValueError(f"n: expected at most {len(images)} images, got {n}")
    X = images[:n]
    return Problem(unit_rows(X) if unit else X, np.where(labels[:n] % 2 == 0, 1.0, -1.0))
