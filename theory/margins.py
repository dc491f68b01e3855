"""A condition with the margin by which it holds or fails, and a proof made of such conditions."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

__all__ = ["Certificate", "Margin"]


@dataclass(frozen=True)
class Margin:
    """One condition ``value ≥ threshold`` (or ≤), measured.

    Attributes
    ----------
    name : str
        The condition in words or symbols.
    value : float
        What was measured.
    threshold : float or None
        What is required. None where the source names no number: then the value is reported and nothing is decided.
    relation : {"≥", "≤", ">"}
        Which way the condition reads.

    Examples
    --------
    >>> step = Margin("η λ_max(G)", 0.5, 1.0, "≤")
    >>> step.met, step.factor
    (True, 2.0)
    >>> Margin("pγ²/n²", 0.3).met is None
    True
    """

    name: str
    value: float
    threshold: float | None = None
    relation: str = "≥"

    @property
    def met(self) -> bool | None:
        """Whether the condition holds; None where there is no threshold."""
        if self.threshold is None:
            return None
        if self.relation == "≤":
            return bool(self.value <= self.threshold)
        return bool(self.value > self.threshold) if self.relation == ">" else bool(self.value >= self.threshold)

    @property
    def slack(self) -> float:
        """Signed distance to the threshold, positive where the condition holds; NaN without a threshold."""
        if self.threshold is None:
            return math.nan
        return self.threshold - self.value if self.relation == "≤" else self.value - self.threshold

    @property
    def factor(self) -> float:
        """By which factor the condition is met (> 1) or missed (< 1); NaN where the signs give no factor."""
        if self.threshold is None:
            return math.nan
        over, under = (self.threshold, self.value) if self.relation == "≤" else (self.value, self.threshold)
        if under > 0:
            return max(over, 0.0) / under
        return math.inf if over > 0 and under == 0 else math.nan

    def __str__(self) -> str:
        if self.threshold is None:
            return f"{self.name} = {self.value:.3g} (measured)"
        verdict = "met" if self.met else "not met"
        needed = "(finite)" if self.threshold == sys.float_info.max else f"{self.relation} {self.threshold:.3g}"
        return f"{self.name} = {self.value:.3g} {needed}: {verdict}"


@dataclass(frozen=True)
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

    Examples
    --------
    >>> none = Certificate("Theorem 3.2", None, (Margin("γ", 0.0, 0.0, ">"),))
    >>> bool(none), none.why
    (False, 'γ = 0 > 0: not met')
    """

    theorem: str
    rate: float | None
    margins: tuple[Margin, ...] = ()
    constants: dict[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.rate is not None

    @property
    def why(self) -> str:
        """The conditions that fail, each with its numbers; empty where the certificate exists."""
        return "; ".join(str(margin) for margin in self.margins if margin.met is False)
