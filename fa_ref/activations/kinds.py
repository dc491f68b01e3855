"""What is known of the named ψ, by their compiled functions: kind, sup-norms, smoothness, strip of analyticity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from fa_ref._support.checks import as_number
from fa_ref.activations import psi as _psi

__all__ = ["BOUNDS", "FUNCTIONS", "KNOWN", "Facts", "Kind", "Strip"]

Kind = Literal["identity", "relu", "tanh", "sigmoid", "erf", "softplus"]


@dataclass(frozen=True)
class Strip:
    """Where ψ is analytic, and how large it gets there: the data of exponentially accurate quadrature.

    On the complex strip |Im z| ≤ ``width``, ψ is analytic, |ψ(z)| ≤ ``offset`` + ``growth``·|Re z| and
    |ψ′(z)| ≤ ``slope``.

    Attributes
    ----------
    width, offset, growth, slope : float
        As above; the width is positive.

    Raises
    ------
    ValueError
        If a number is not finite, or ``width`` is not positive.

    Examples
    --------
    >>> from fa_ref.activations import tanh
    >>> tanh.strip.width < math.pi / 2  # tanh has poles at ±iπ/2
    True
    """

    width: float
    offset: float
    growth: float
    slope: float

    def __post_init__(self) -> None:
        as_number("width", self.width, above=0)
        for name in ("offset", "growth", "slope"):
            as_number(name, getattr(self, name), at_least=0)


class Facts(NamedTuple):
    """What is known of a ψ whose functions are those of `fa_ref.activations.psi`."""

    kind: Kind
    B0: float
    B1: float
    B2: float
    B3: float
    smooth: bool
    strip: Strip | None


# tanh:     |tanh(x+iy)|² = (sinh²x + sin²y)/(sinh²x + cos²y) ≤ tan²y and |cosh(x+iy)| ≥ cos y, at y = 0.45π
# sigmoid:  |1 + exp(−z)| ≥ sin y, and ψ′ = sech²(z/2)/4, at y = 0.9π
# erf:      |erf(x+iy)| ≤ 1 + (2/√π) y exp(y²) and |ψ′| ≤ (2/√π) exp(y²), at y = 1.5
# softplus: |log(1 + exp z)| ≤ max(|x| + log 2, −log sin y) + y, and ψ′ is the sigmoid, at y = 0.9π
KNOWN: dict[tuple[Any, Any], Facts] = {
    (_psi.identity, _psi.one): Facts("identity", math.inf, 1.0, 0.0, 0.0, True, Strip(1.0, 1.0, 1.0, 1.0)),
    (_psi.relu, _psi.step): Facts("relu", math.inf, 1.0, math.inf, math.inf, False, None),
    (_psi.tanh, _psi.dtanh): Facts(
        "tanh", 1.0, 1.0, 4.0 / (3.0 * math.sqrt(3.0)), 2.0, True, Strip(0.45 * math.pi, 6.32, 0.0, 40.9)
    ),
    (_psi.sigmoid, _psi.dsigmoid): Facts(
        "sigmoid", 1.0, 0.25, math.sqrt(3.0) / 18.0, 0.125, True, Strip(0.9 * math.pi, 3.24, 0.0, 10.3)
    ),
    (_psi.erf, _psi.derf): Facts(
        "erf", 1.0, 2.0 / math.sqrt(math.pi), 2.0 * math.sqrt(2.0 / math.pi) * math.exp(-0.5),
        4.0 / math.sqrt(math.pi), True, Strip(1.5, 17.1, 0.0, 10.8),
    ),
    (_psi.softplus, _psi.sigmoid): Facts(
        "softplus", math.inf, 1.0, 0.25, math.sqrt(3.0) / 18.0, True, Strip(0.9 * math.pi, 4.01, 1.0, 3.24)
    ),
}  # fmt: skip
FUNCTIONS = {facts.kind: functions for functions, facts in KNOWN.items()}
BOUNDS = ("B0", "B1", "B2", "B3")
