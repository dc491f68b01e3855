"""The mathematics: what the theorems promise, with every constant a number.

What is asked for most can be taken from here; it is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "alignment_width",
    "certify",
    "constants_table",
    "deep_kernel",
    "fixed_time_limit",
    "from_state",
    "isometry",
    "long_run",
    "mean_kernel",
    "no_alignment_coefficient",
    "one_step",
    "proved_alignment",
    "sharp_constant",
    "sharp_schedule",
    "sufficient_width",
    "survival",
    "wide_alignment",
]

_HOMES = {
    "alignment_width": "alignment.nonlinear",
    "certify": "certificates",
    "constants_table": "convergence",
    "deep_kernel": "kernels.deep",
    "fixed_time_limit": "limits",
    "from_state": "certificates",
    "isometry": "kernels.isometry",
    "long_run": "limits",
    "mean_kernel": "kernels",
    "no_alignment_coefficient": "alignment",
    "one_step": "kernels.one_step",
    "proved_alignment": "alignment.nonlinear",
    "sharp_constant": "alignment",
    "sharp_schedule": "alignment",
    "sufficient_width": "convergence",
    "survival": "alignment.nonlinear",
    "wide_alignment": "limits",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'theory' has no attribute {name!r}")
    return getattr(import_module(f"theory.{_HOMES[name]}"), name)
