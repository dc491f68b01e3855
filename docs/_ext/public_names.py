"""Every public name of the three floors, grouped by what a reader wants to do."""

from __future__ import annotations

from importlib import import_module
from inspect import ismodule
from pkgutil import iter_modules

FLOORS = ("fa_ref", "theory", "validation")

#: The rooms, grouped by what a reader is up to; what is exported twice is listed where it comes first.
GROUPS = {
    "What is typed most": FLOORS,
    "Set up an experiment and run it": (
        "fa_ref.problem", "fa_ref.network", "fa_ref.setting", "fa_ref.schedules", "fa_ref.activations",
        "fa_ref.data", "fa_ref.adapters", "fa_ref.training", "fa_ref.trajectory", "fa_ref.measures",
    ),
    "Engines, classifiers, deeper networks": (
        "fa_ref.engines", "fa_ref.classifier", "fa_ref.deep",
    ),
    "Kernels, γ and the one-step identity": ("theory.kernels", "theory.margins", "theory.precision"),
    "Theorems with their constants": (
        "theory.convergence", "theory.convergence.theorem_3_2", "theory.convergence.theorem_4_3",
    ),
    "Prove that one network converges": ("theory.certificates",),
    "Alignment and the wide limits": ("theory.alignment", "theory.alignment.nonlinear", "theory.limits"),
    "Judge a run": ("validation.judge", "validation.theorems"),
    "The whole paper, and its errata": ("validation.statements", "validation.errata"),
    "Break a claim": ("validation.search",),
    "Lessons and laboratory": ("validation.lessons", "validation.laboratory"),
}  # fmt: skip


#: Modules for the code itself, not for readers.
INSIDE = {"validation.laboratory.page", "theory.sliced"}


def found_rooms() -> set[str]:
    """The floors, their rooms, and the modules that a room names among what is public in it."""
    found = set(FLOORS)
    for floor in FLOORS:
        for module in iter_modules(import_module(floor).__path__):
            if not module.name.startswith("_") and hasattr(import_module(f"{floor}.{module.name}"), "__all__"):
                found.add(f"{floor}.{module.name}")
    for room in tuple(found):
        module = import_module(room)
        found |= {getattr(module, name).__name__ for name in module.__all__ if ismodule(getattr(module, name))}
    return found - INSIDE


def rooms() -> list[str]:
    """The rooms in the order of the groups.

    Raises
    ------
    ValueError
        If a room is in no group.
    """
    listed = [room for group in GROUPS.values() for room in group]
    if left := sorted(found_rooms() - set(listed)):
        raise ValueError(f"GROUPS: expected every room in a group, {', '.join(left)} are in none")
    return listed


def public(room: str) -> list[str]:
    """The names in a room's ``__all__`` that are not modules."""
    module = import_module(room)
    names = getattr(module, "__all__", [])
    return [name for name in names if not ismodule(getattr(module, name))]
