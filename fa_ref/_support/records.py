"""Arrays that were recorded elsewhere, checked at the door: steps, and real numbers that need not be finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import has_mask

__all__ = ["as_reals", "as_times"]


def as_times(times: ArrayLike) -> NDArray[np.int64]:
    """Whole numbers that increase from 0."""
    if has_mask(times):
        raise TypeError("times: expected an array without a mask, got a masked array")
    steps = np.asarray(times)
    whole = steps.dtype.kind in "iu" or (steps.dtype.kind == "f" and bool(np.all(steps == np.floor(steps))))
    if steps.ndim != 1 or steps.size == 0 or not whole:
        raise ValueError(f"times: expected whole numbers, one a recorded step, got {steps!r:.60}")
    if steps.max() >= 2**62:
        raise ValueError(f"times: expected steps below 2⁶², got {steps.max():.4g}")
    if steps[0] != 0 or (np.diff(steps.astype(np.int64)) <= 0).any():
        raise ValueError(f"times: expected steps that increase from 0, got {steps!r:.60}")
    return steps.astype(np.int64)


def as_reals(name: str, values: ArrayLike) -> NDArray[Any]:
    """An array of real numbers, not finite ones of necessity: a run may diverge."""
    if has_mask(values):
        raise TypeError(f"{name}: expected an array without a mask, got a masked array")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"{name}: expected an array of real numbers, got one that cannot be read ({error})"
        ) from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected real numbers, got entries of type {array.dtype}")
    return array
