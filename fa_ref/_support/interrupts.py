"""Ctrl-C is heard, and heard where it does no harm.

Python raises KeyboardInterrupt between any two instructions of the main thread. Within Numba or LLVM, while they
compile a kernel, load it or look up its types, that is lost, or becomes a TypeError of theirs, or leaves a lock
held: they call back into Python from C, which has no way to pass an exception on.
"""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import cast

__all__ = ["interruptible"]

COMPILERS = ("numba", "llvmlite")

AGAIN = 0.02  # seconds after which an interrupt that came within them is sent again


@contextmanager
def interruptible() -> Iterator[None]:
    """Hold back an interrupt that comes within Numba until it is left; raise at once if it is sent again.

    It changes nothing outside the main thread, or where the process handles SIGINT in a way of its own.

    Examples
    --------
    >>> with interruptible():
    ...     signal.getsignal(signal.SIGINT) is signal.default_int_handler
    False
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    listener = _Listener()
    signal.signal(signal.SIGINT, listener)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _Listener:
    """A handler of SIGINT; ``held`` says that one came within Numba and is still to be raised."""

    held = False

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        if self.held or not _compiling(frame):
            self.held = False  # what was held back is raised now, and not once more
            raise KeyboardInterrupt
        self.held = True
        _thread.start_new_thread(self._send_again, ())  # threading.Thread takes locks that may be held here

    def _send_again(self) -> None:
        time.sleep(AGAIN)
        if self.held:
            self.held = False
            _interrupt()


def _interrupt() -> None:
    """As Ctrl-C does: it wakes a main thread that sleeps or waits, too, where the system can do so."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(cast(int, threading.main_thread().ident), signal.SIGINT)
    else:
        _thread.interrupt_main()


def _compiling(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in COMPILERS:
            return True
        frame = frame.f_back
    return False
