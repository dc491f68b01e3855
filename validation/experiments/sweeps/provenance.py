"""What made a number: a digest of the source text of this package and of the versions of what it computes with.

A result kept on disk is worth keeping only while the code that made it is the code that would make it again. The
version string does not say so: between two releases it stands still while the code changes.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

__all__ = ["code_digest", "digest_of_sources", "package_digest", "package_sources"]

#: Packages whose whole source counts. Which part of it a computation uses cannot be known without running it.
PACKAGES = ("fa_ref", "theory", "validation")

#: Libraries whose versions count: they draw, multiply and compile.
LIBRARIES = ("numpy", "scipy", "numba")


def package_sources() -> Iterator[tuple[str, Path]]:
    """Yield name and path of every module of this package, in the order of their names."""
    for name in PACKAGES:
        (root,) = importlib.import_module(name).__path__
        for path in sorted(Path(root).rglob("*.py")):
            yield f"{name}/{path.relative_to(root).as_posix()}", path


def digest_of_sources(sources: Iterable[tuple[str, Path]]) -> str:
    """Return 16 hexadecimal digits that change with any name or text among these files.

    Line ends do not count, so that a checkout on another system has the same digest.
    """
    sha = hashlib.sha256()
    for name, path in sources:
        text = path.read_bytes().replace(b"\r\n", b"\n")
        sha.update(f"{name}\0{len(text)}\0".encode() + text)
    return sha.hexdigest()[:16]


@lru_cache(maxsize=1)
def package_digest() -> str:
    """Return 16 hexadecimal digits for the code of this package and the versions of the libraries it uses.

    Read once a process, as the code is.
    """
    versions = " ".join(f"{name} {importlib.import_module(name).__version__}" for name in LIBRARIES)
    return hashlib.sha256(f"{digest_of_sources(package_sources())} {versions}".encode()).hexdigest()[:16]


def code_digest(work: Callable[..., Any]) -> str:
    """Return 16 hexadecimal digits for the code of this function, of this package and of the libraries it uses.

    Parameters
    ----------
    work : callable
        A function, or a `functools.partial` of one. If its module is not of this package, that file counts too;
        what the module imports from elsewhere does not.

    Examples
    --------
    >>> def work(cell, rng):
    ...     return []
    >>> len(code_digest(work)), code_digest(work) == code_digest(partial(work, 1))
    (16, True)
    """
    while isinstance(work, partial):
        work = work.func
    if work.__module__.partition(".")[0] in PACKAGES:
        return package_digest()
    try:
        source = inspect.getsourcefile(work)
    except TypeError:  # built in
        source = None
    own = [("work", Path(source))] if source and Path(source).is_file() else []
    return hashlib.sha256(f"{package_digest()} {digest_of_sources(own)}".encode()).hexdigest()[:16]
