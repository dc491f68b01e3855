"""Every public name of the three floors, grouped by what a reader wants to do."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

FLOORS = ("fa_ref", "theory", "validation")


def rooms() -> list[str]:
    """The floors and their rooms, in reading order: packages whose names do not begin with an underscore."""
    found = []
    for floor in FLOORS:
        found.append(floor)
        package = import_module(floor)
        found += [
            f"{floor}.{module.name}"
            for module in sorted(iter_modules(package.__path__), key=lambda module: module.name)
            if not module.name.startswith("_") and hasattr(import_module(f"{floor}.{module.name}"), "__all__")
        ]
    return found


def public(room: str) -> list[str]:
    """The names in a room's ``__all__`` that are not modules."""
    module = import_module(room)
    names = getattr(module, "__all__", [])
    return [name for name in names if not hasattr(getattr(module, name), "__path__")]
