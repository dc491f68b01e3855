"""How much memory a piece of a test takes."""

import tracemalloc
from contextlib import contextmanager


@contextmanager
def peak_below(limit):
    """Fail where Python's own allocations reach this many bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
