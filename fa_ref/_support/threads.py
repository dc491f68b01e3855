"""How many threads compute: of compiled loops, which never changes a bit, and of BLAS, which may.

`threads` sets both for a block of code. `one_blas_thread` is for products whose bits must not depend on the number
of cores. `parallel_kernel` decides what runs in parallel: nothing small, since waking threads takes time; one
kernel at a time, since Numba's workqueue layer ends a process in which two Python threads start one at once; and
nothing in a process made by fork, since GNU OpenMP does not survive that.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
from threadpoolctl import ThreadpoolController

__all__ = ["available_threads", "one_blas_thread", "parallel_kernel", "threads"]

WITH_BLAS = ("scipy.linalg", "torch")  # modules that may bring a BLAS of their own

#: Rounds that a thread of GNU OpenMP waits awake for the others before it sleeps: some 0.1 ms. Its own number is
#: 150 times that, and where others use the cores training on two threads then takes four times as long as on one.
AWAKE = "2000"

if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ):  # read when Numba loads OpenMP, at the first kernel
    os.environ["GOMP_SPINCOUNT"] = AWAKE

SERIAL = 1_000_000  # multiplications below which threads cost more than they save


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run compiled loops and BLAS on at most this many threads.

    Examples
    --------
    >>> with threads(1):
    ...     numba.get_num_threads()
    1
    """
    before = numba.get_num_threads()
    numba.set_num_threads(min(count, before))
    try:
        with _blas.limited(count, _libraries(*(name in sys.modules for name in WITH_BLAS))):
            yield
    finally:
        numba.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run NumPy's products on one thread, so that their bits do not depend on how many there are."""
    with _blas.limited(1, _libraries()):
        yield


@contextmanager
def parallel_kernel(work: int) -> Iterator[bool]:
    """Say whether a kernel of so many multiplications should be parallel; wait until no other one is."""
    if work < SERIAL or available_threads() == 1:
        yield False
    else:
        with _state.kernel:
            yield True


def available_threads() -> int:
    """Threads that a parallel kernel may use now: Numba's setting, and one in a process made by fork."""
    return 1 if _state.forked else int(numba.get_num_threads())


@cache
def _libraries(*_loaded: bool) -> ThreadpoolController:
    """NumPy's BLAS and those of the modules that are loaded; looking for them takes longer than a small run."""
    return ThreadpoolController()


class _Blas:
    """Limits on the threads of BLAS, for the whole process: of several limits in force the lowest counts."""

    def __init__(self) -> None:
        self.lock, self.limits = threading.RLock(), list[int]()
        self.libraries: dict[str, tuple[Any, int]] = {}  # with the number of threads that each had before

    @contextmanager
    def limited(self, count: int, controller: ThreadpoolController) -> Iterator[None]:
        with self.lock:
            for library in controller.lib_controllers:
                if library.user_api == "blas":
                    self.libraries.setdefault(library.filepath, (library, library.num_threads))
            self.limits.append(count)
            self._apply()
        try:
            yield
        finally:
            with self.lock:
                self.limits.remove(count)
                self._apply()
                if not self.limits:
                    self.libraries.clear()

    def _apply(self) -> None:
        for library, before in self.libraries.values():
            count = min([before, *self.limits])
            if library.num_threads != count:
                library.set_num_threads(count)


class _State:
    def __init__(self, *, forked: bool) -> None:
        self.kernel, self.forked = threading.Lock(), forked


_state, _blas = _State(forked=False), _Blas()


def _after_fork() -> None:
    """Nobody in the child holds the locks that other threads of the parent held."""
    global _state
    _state, _blas.lock = _State(forked=True), threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
