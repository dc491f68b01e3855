"""The synthetic set-up of Section 5: n = 50 Gaussian inputs in d = 150 dimensions and a random teacher.

Two presets read its step sizes and penalties.

``as-run``      what the published runs did: they descended on the *mean* squared error, with update steps
                10⁻³ (linear), 10⁻² (ReLU), 10⁻¹ (tanh, sigmoid). In the convention of this package that is
                η = 2·step/n and λ = n·label/2, where the label is what the figure's legend says.
``as-printed``  the text taken at its word: the loss ½ Σ e² of (2.2), η = 10⁻⁴, 10⁻³, 10⁻², and λ = label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fa_ref import Network, Problem
from fa_ref._support.checks import as_count, one_of
from fa_ref.adapters import eta_from_mean_squared_step, ridge_from_mean_squared_label
from fa_ref.data import gaussian_inputs, linear_teacher, network_teacher
from validation.experiments.sweeps import Cell

__all__ = ["LABELS", "PRESETS", "WIDTHS", "D", "N", "Preset", "chosen", "draw", "planned_steps", "resolve_preset"]

N, D = 50, 150

#: p = 100 · 2^k, k = 1, …, 7.
WIDTHS = (200, 400, 800, 1600, 3200, 6400, 12800)

#: The λ of the legends. Sigmoid is not in the paper.
LABELS = {
    "linear": (0.0, 0.2, 0.5),
    "relu": (0.0, 0.02, 0.2),
    "tanh": (0.0, 0.001, 0.005),
    "sigmoid": (0.0, 0.001, 0.003, 0.01),
}


@dataclass(frozen=True)
class Preset:
    """How step sizes and penalties are read.

    Attributes
    ----------
    name : str
        ``"as-run"`` or ``"as-printed"``.
    eta : dict
        Step size η for each activation, in the loss ½ Σ e².
    ridge : callable
        λ of (4.1) for a plotted label.
    """

    name: str
    eta: dict[str, float]
    ridge: Callable[[float], float]


_STEPS_RUN = {"linear": 1e-3, "relu": 1e-2, "tanh": 1e-1, "sigmoid": 1e-1}
_ETA_PRINTED = {"linear": 1e-4, "relu": 1e-3, "tanh": 1e-2, "sigmoid": 1e-2}

PRESETS = {
    "as-run": Preset(
        "as-run",
        {name: eta_from_mean_squared_step(step, N) for name, step in _STEPS_RUN.items()},
        lambda label: ridge_from_mean_squared_label(label, N),
    ),
    "as-printed": Preset("as-printed", _ETA_PRINTED, lambda label: label),
}


def resolve_preset(name: str) -> Preset:
    """Return the preset with this name.

    Examples
    --------
    >>> preset = resolve_preset("as-run")
    >>> preset.eta["linear"], preset.ridge(0.2)
    (4e-05, 5.0)
    """
    return PRESETS[one_of("preset", name, PRESETS)]


def planned_steps(p: int) -> int:
    """⌊5000√p/14⌋, the number of steps after which the published runs began to look whether to stop.

    Examples
    --------
    >>> [planned_steps(p) for p in (200, 12800)]
    [5050, 40406]
    """
    return int(5000 * as_count("p", p) ** 0.5 / 14)


def draw(cell: Cell, rng: np.random.Generator) -> tuple[Problem, Network]:
    """Draw inputs, targets and a network for this cell, in this order.

    y = Xθ with θ ~ N(0, I) where ψ is linear; otherwise a random network of the student's width answers.
    """
    X = gaussian_inputs(N, D, rng)
    linear = cell["activation"] == "linear"
    y = linear_teacher(X, rng) if linear else network_teacher(X, cell["p"], cell["activation"], rng)
    return Problem(X, y), Network.gaussian(cell["p"], D, rng)


def chosen(name: str, values: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the values, all of them known."""
    for value in values:
        if value not in known:
            raise ValueError(f"{name}: expected some of {', '.join(known)}, got {value!r}")
    return list(values)
