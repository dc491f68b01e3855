"""The judge: does what is promised hold?

`Evidence`, `check`, `falsify` and `holds_with_probability` can be taken from here; they are loaded when they are
first used, so that the command's ``--help`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Evidence", "check", "falsify", "holds_with_probability"]

_HOMES = {
    "Evidence": "judge.evidence",
    "check": "judge.probability",
    "falsify": "search.falsification",
    "holds_with_probability": "judge.probability",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'validation' has no attribute {name!r}")
    return getattr(import_module(f"validation.{_HOMES[name]}"), name)
