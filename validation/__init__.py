"""The judge: does what is promised hold?

The theorems' sheets (`theorem_3_2`, `theorem_4_2`, `theorem_4_3`, `theorem_4_6`, `alignment_bound`, each with a
method ``judge(run)``), `Claim` for one of your own, `check`, `falsify`, `holds_with_probability` and the assertions
can be taken from here; they are loaded when they are first used, so that the command's ``--help`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "Claim",
    "Inequality",
    "alignment_bound",
    "assert_contracts",
    "assert_holds",
    "assert_same_run",
    "assert_scaling",
    "check",
    "falsify",
    "holds_with_probability",
    "theorem_3_2",
    "theorem_4_2",
    "theorem_4_3",
    "theorem_4_6",
]

_HOMES = {
    "Claim": ("judge.claims", "Claim"),
    "Inequality": ("judge.inequalities", "Inequality"),
    "check": ("judge.draws", "check"),
    "alignment_bound": ("theorems.alignment_bound", "CLAIM"),
    "falsify": ("search.falsification", "falsify"),
    "holds_with_probability": ("judge.draws", "holds_with_probability"),
}
_HOMES |= {name: (f"theorems.{name}", "CLAIM") for name in __all__ if name.startswith("theorem_")}
_HOMES |= {name: ("judge.assertions", name) for name in __all__ if name.startswith("assert_")}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'validation' has no attribute {name!r}")
    module, inside = _HOMES[name]
    return getattr(import_module(f"validation.{module}"), inside)
