"""`njit` whose compiled code, kept on disk, belongs to the source as it is now.

Numba checks the file of the function that is called, not the files of the functions that it calls in turn, although
their code is compiled into it. Here compiled code is keyed on the texts of all files that can have a part in it:
the file of the function and all that it imports from these packages, directly or through others. So an edit, a
change of branch or an upgrade takes effect at the next run, and going back finds the earlier code again.

Code is kept in ``NUMBA_CACHE_DIR`` if that is set, else in ``__pycache__`` beside the source, else in the user's
own cache; where none of them can be written to, every process compiles anew.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, UserWideCacheLocator

__all__ = ["njit", "source_digest"]

OURS = ("fa_ref", "theory", "validation")
ROOT = Path(__file__).parents[2]  # the folder that holds these packages

VERSIONS = 8  # of a file's compiled code that are kept in any case
DAY = 86400.0  # seconds for which the others are kept as well


def njit(signature: Any = None, *, cache: bool = False, **options: Any) -> Any:
    """`numba.njit`, where ``cache=True`` keeps the code on disk under the digest of all texts that it was made of.

    With a signature, the function is compiled for that signature at its first call.

    Examples
    --------
    >>> @njit(cache=True)
    ... def twice(x):
    ...     return 2 * x
    >>> twice(1.5)
    3.0
    """
    if inspect.isfunction(signature):
        return numba.njit(signature)
    if config.DISABLE_JIT or not cache:  # type: ignore[attr-defined]
        return numba.njit(signature, **options) if signature is not None else numba.njit(**options)

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        kept = _kept(function)
        if kept is not None:
            dispatcher._cache = kept
        if signature is not None:
            dispatcher._compile_for_args = lambda *_args, **_options: _first_compiled(dispatcher, signature)
        return dispatcher

    return compiled


def _first_compiled(dispatcher: Any, signature: Any) -> Any:
    """Compile at the first call, not on import, and for this signature alone; return what is to be called."""
    dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher


def source_digest(file: Path) -> str:
    """SHA-256 of the text of this file and of all files of these packages that it imports, directly or not."""
    texts, waiting = {}, [file]
    while waiting:
        current = waiting.pop()
        if current not in texts:
            state = current.stat()
            texts[current], imports = _read(current, state.st_mtime_ns, state.st_size)
            waiting += imports
    sha = hashlib.sha256(f"{llvmlite.__version__} {np.__version__}".encode())
    for current in sorted(texts):
        sha.update(f"{current.relative_to(ROOT) if current.is_relative_to(ROOT) else current}".encode())
        sha.update(texts[current])
    return sha.hexdigest()


@cache
def _read(file: Path, _modified: int, _size: int) -> tuple[bytes, tuple[Path, ...]]:
    """The digest of a file's text, and the files of these packages that it imports."""
    text = file.read_bytes()
    imports: list[Path | None] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                imports += (_file(".".join(parts[: k + 1])) for k in range(len(parts)))
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, file)
            for alias in node.names:  # a module of the package, or what the package's own file defines
                imports.append(_file(f"{module}.{alias.name}") or _file(module))
    return hashlib.sha256(text).digest(), tuple(dict.fromkeys(f for f in imports if f is not None))


def _absolute(node: ast.ImportFrom, file: Path) -> str:
    if not node.level:
        return node.module or ""
    folder = file.parents[node.level - 1]
    package = folder.relative_to(ROOT).parts if folder.is_relative_to(ROOT) else (folder.name,)
    return ".".join((*package, *([node.module] if node.module else [])))


@cache
def _file(module: str) -> Path | None:
    """The file of a module of these packages; None of any other."""
    parts = module.split(".")
    if parts[0] not in OURS:
        return None
    place = ROOT.joinpath(*parts)
    candidates = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _kept(function: Any) -> FunctionCache | None:
    """The function's code on disk; None where there is no source, or no folder to keep it in."""
    file = Path(inspect.getfile(function))
    if not file.is_file():
        return None
    digest = source_digest(file.absolute())
    for folder in _folders(file.absolute()):
        place = folder / f"{file.stem}.{digest[:16]}"
        if (place.is_dir() and os.access(place, os.W_OK)) or _writable(folder):
            return _Kept(function, place, digest)
    return None


def _folders(file: Path) -> Iterator[Path]:
    path = os.fspath(file)
    chosen = config.CACHE_DIR  # type: ignore[attr-defined]
    if chosen:
        yield Path(chosen) / UserWideCacheLocator.get_suitable_cache_subpath(path)
    yield file.parent / "__pycache__"
    with suppress(RuntimeError, OSError):
        from numba.misc.appdirs import AppDirs

        user = AppDirs(appname="numba", appauthor=False).user_cache_dir
        yield Path(user) / UserWideCacheLocator.get_suitable_cache_subpath(path)


@cache
def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


class _Locator:
    """What Numba asks of a place for compiled code."""

    def __init__(self, file: str, folder: Path) -> None:
        self._py_file, self.folder = file, folder

    def ensure_cache_path(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            _forget_old_versions(self.folder)


class _Implementation(CompileResultCacheImpl):
    def __init__(self, function: Any, folder: Path) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(inspect.getfile(function), folder)
        name = function.__qualname__.replace("<", "").replace(">", "")
        python = f"py{sys.version_info[0]}{sys.version_info[1]}{getattr(sys, 'abiflags', '')}"
        self._filename_base = f"{name}-{self._lineno}.{python}"


class _Kept(FunctionCache):
    """One function's compiled code on disk, in the folder of one version of its source.

    What cannot be read is compiled again, and what cannot be written is not kept: neither is an error.
    """

    def __init__(self, function: Any, folder: Path, digest: str) -> None:
        self._name, self._py_func = repr(function), function
        self._impl = _Implementation(function, folder)
        self._cache_path = os.fspath(folder)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, digest)
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # a damaged file: unpickling one can raise anything
            return None
        if found is not None:  # what is compiled with it starts Numba's threads too, when it is read back
            found.library._reload_init.update(found.reload_init)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:  # a damaged index, which is begun anew
            with suppress(Exception):
                self.flush()
                super().save_overload(sig, data)

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        with suppress(OSError):
            yield


def _forget_old_versions(newest: Path) -> None:
    """Keep the latest versions of a file's code, and those of the last day."""
    stem = newest.name.rpartition(".")[0]
    with suppress(OSError):
        versions = [p for p in newest.parent.glob(f"{stem}.*") if len(p.name) == len(newest.name) and p.is_dir()]
        versions.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in versions[VERSIONS:]:
            if path.stat().st_mtime < time.time() - DAY:
                shutil.rmtree(path, ignore_errors=True)
