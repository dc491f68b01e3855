"""A condition with the margin by which it holds or fails, and a proof made of such conditions."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal, get_args

from fa_ref._support.notebook import html_table, shortened

__all__ = ["Certificate", "Margin", "Relation", "failing"]

Relation = Literal["≥", "≤", ">", "<"]

_ASCII: dict[str, Relation] = {">=": "≥", "<=": "≤"}
_OVER = ("≥", ">")


@dataclass(frozen=True)
class Margin:
    """One condition ``value ≥ threshold`` (or ≤, >, <), measured. It reads as it is written: value, threshold.

    ``bool(margin)`` is `met`, and refuses where nothing is decided.

    Attributes
    ----------
    name : str
        The condition in words or symbols.
    value : float
        What was measured. A NaN meets nothing.
    threshold : float or None
        What is required. None where the source names no number: then the value is reported and nothing is decided.
    relation : {"≥", "≤", ">", "<"}
        Which way the condition reads; ">=" and "<=" are accepted and stored as "≥" and "≤".
    is_fact : bool
        Whether the value is 1 for yes and 0 for no, see `fact`.

    Raises
    ------
    TypeError
        If the value or the threshold is no real number.
    ValueError
        If the relation is none of these; from ``bool(margin)``, if there is no threshold.

    Examples
    --------
    >>> step = Margin("η λ_max(G)", 0.5, 1.0, "<=")
    >>> step.met, step.factor, step.relation
    (True, 2.0, '≤')
    >>> Margin("pγ²/n²", 0.3).met is None
    True
    """

    name: str
    value: float
    threshold: float | None = None
    relation: Relation | Literal[">=", "<="] = "≥"
    is_fact: bool = False

    @classmethod
    def fact(cls, name: str, truth: bool) -> Margin:
        """Return a condition that is a yes or a no, without a size.

        Examples
        --------
        >>> print(Margin.fact("ψ is linear", False))
        ψ is linear: no
        """
        return cls(name, float(bool(truth)), 1.0, is_fact=True)

    def __post_init__(self) -> None:
        relation = _ASCII.get(self.relation, self.relation) if isinstance(self.relation, str) else self.relation
        for part, number in (("value", self.value), ("threshold", self.threshold)):
            if not (isinstance(number, Real) or (part == "threshold" and number is None)):
                raise TypeError(f"{part}: expected a real number for {self.name}, got {number!r:.60}")
        if relation not in get_args(Relation):
            raise ValueError(f"relation: expected one of ≥, ≤, >, <, >=, <=, got {self.relation!r}")
        object.__setattr__(self, "relation", relation)

    @property
    def met(self) -> bool | None:
        """Whether the condition holds; None where there is no threshold."""
        if self.threshold is None:
            return None
        holds = {
            "≥": self.value >= self.threshold, "≤": self.value <= self.threshold,
            ">": self.value > self.threshold, "<": self.value < self.threshold,
        }  # fmt: skip
        return bool(holds[self.relation])

    def __bool__(self) -> bool:
        met = self.met
        if met is None:
            raise ValueError(
                f"{self.name}: expected a threshold, without which it is neither met nor missed, got none"
            )
        return met

    @property
    def slack(self) -> float:
        """Signed distance to the threshold, positive where the condition holds; NaN without a threshold."""
        if self.threshold is None:
            return math.nan
        return self.value - self.threshold if self.relation in _OVER else self.threshold - self.value

    @property
    def factor(self) -> float:
        """By which factor the condition is met (> 1) or missed (< 1); NaN where the signs give no factor."""
        if self.threshold is None:
            return math.nan
        over, under = (self.value, self.threshold) if self.relation in _OVER else (self.threshold, self.value)
        if under > 0:
            return max(over, 0.0) / under
        return math.inf if over > 0 and under == 0 else math.nan

    def __str__(self) -> str:
        if self.threshold is None:
            return f"{self.name} = {self.value:.3g} (measured)"
        if self.is_fact:
            return f"{self.name}: {'yes' if self.met else 'no'}"
        said, finite = f"{self.name} = {self.value:.3g}", self.threshold == sys.float_info.max
        needed = "finite" if finite else f"{self.relation} {self.threshold:.3g}"
        if not self.met:
            return f"{said}, not {needed}"
        return f"{said} ({needed}): met" if finite else f"{said} {needed}: met"


def failing(margins: Iterable[Margin]) -> str:
    """The conditions that are not met, each with its numbers; empty where none fails.

    Parameters
    ----------
    margins : iterable of Margin

    Returns
    -------
    str

    Examples
    --------
    >>> failing([Margin("γ", 0.0, 0.0, ">"), Margin("p/n", 3.0)])
    'γ = 0, not > 0'
    """
    return "; ".join(str(margin) for margin in margins if margin.met is False)


@dataclass(frozen=True, repr=False)
class Certificate:
    """A proof, or the reason why there is none, that ‖e(t+1)‖ ≤ (1 − ηa) ‖e(t)‖ + ηλ(t)‖y‖ − ηλ(t)‖e(t)‖ for all t.

    Attributes
    ----------
    theorem : str
        Which theorem's argument was used.
    rate : float or None
        The proved a > 0, None where no certificate exists.
    margins : tuple of Margin
        Every condition of the argument, the step-size clause included.
    constants : dict
        Named quantities that entered.

    Raises
    ------
    ValueError
        If a rate is claimed although a condition fails, or is not a positive number.

    Examples
    --------
    >>> none = Certificate("Theorem 3.2", None, (Margin("γ", 0.0, 0.0, ">"),))
    >>> bool(none), none.why
    (False, 'γ = 0, not > 0')
    """

    theorem: str
    rate: float | None
    margins: tuple[Margin, ...] = ()
    constants: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rate is None:
            return
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate: expected a positive number or None, got {self.rate!r}")
        if self.why:
            raise ValueError(f"rate: expected None, since {self.why}, got {self.rate!r}")

    def __bool__(self) -> bool:
        return self.rate is not None

    @property
    def why(self) -> str:
        """The conditions that fail, each with its numbers; empty where the certificate exists."""
        return failing(self.margins)

    @property
    def line(self) -> str:
        """The certificate in one line."""
        if self.rate is None:
            return f"{self.theorem}: no rate is proved: {self.why or 'no reason was recorded'}"
        return f"{self.theorem}: ‖e‖ contracts at the proved rate a = {self.rate:.6g}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.line}>"

    def __str__(self) -> str:
        """At most ten lines: what is proved, then every condition, those that fail first."""
        return "\n".join([self.line, *shortened([f"  {margin}" for margin in self._ordered()], 9)])

    def _repr_html_(self) -> str:
        return html_table(self.line, [("condition", margin) for margin in self._ordered()])

    def _ordered(self) -> list[Margin]:
        return sorted(self.margins, key=lambda margin: margin.met is not False)
