"""What the laboratory's menus and sliders say, and the setting that it means."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fa_ref import Network, Problem, Setting, data, schedules
from fa_ref._support.checks import one_of
from fa_ref.activations import resolve
from fa_ref.schedules import Schedule

__all__ = ["DATA", "PENALTIES", "RECORDS", "TEACHER", "Choices"]

#: The menu of inputs.
DATA = ("Gaussian, variance 1/d", "Gaussian, variance 1", "orthonormal", "digits")

#: The menu of λ(t).
PENALTIES = ("none", "constant", "cutoff", "inverse square", "exponential")

#: Width of the network that answers where ψ is not linear: one y for all widths of the student.
TEACHER = 1000

#: A run is recorded at no more steps than about this many.
RECORDS = 2000


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One position of all menus and sliders.

    Attributes
    ----------
    data : str
        One of `DATA`. Gaussian inputs come with a linear teacher where ψ is linear, else with a random network of
        `TEACHER` units; orthonormal ones with targets ±1 in turn; digits with ±1 by parity, and their own d = 64.
    n, d, p : int
        Samples, input dimension, width.
    activation : str
        ψ by name.
    eta : float
        Step size.
    penalty : str
        One of `PENALTIES`.
    lam : float
        λ(0); unused without a penalty.
    tau : int
        Steps until the cutoff, or the time scale of a decay; unused elsewhere.
    rule : str
        One of `fa_ref.setting.RULES`.
    steps : int
        Steps to train.
    seed : int
        Seed of inputs, teacher and weights, which are drawn in this order.

    Raises
    ------
    ValueError
        If a choice is not among those on offer.

    Examples
    --------
    >>> choices = Choices(n=3, d=5, p=40, penalty="cutoff", lam=0.5, tau=20)
    >>> print(choices.setting())
    tanh, n = 3, d = 5, p = 40, η = 0.1, λ = cutoff(0.5, 20), rule fa
    """

    data: str = DATA[0]
    n: int = 10
    d: int = 30
    p: int = 800
    activation: str = "tanh"
    eta: float = 0.1
    penalty: str = "none"
    lam: float = 0.1
    tau: int = 100
    rule: str = "fa"
    steps: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("data", self.data, DATA)
        one_of("penalty", self.penalty, PENALTIES)

    @property
    def record_every(self) -> int:
        """How many steps lie between two records."""
        return max(1, math.ceil(self.steps / RECORDS))

    @property
    def ridge(self) -> Schedule:
        """λ(t)."""
        if self.penalty == "none":
            return schedules.zero()
        if self.penalty == "constant":
            return schedules.constant(self.lam)
        if self.penalty == "cutoff":
            return schedules.cutoff(self.lam, self.tau)
        decay = schedules.inverse_square if self.penalty == "inverse square" else schedules.exponential
        return decay(self.lam, self.tau)

    def problem(self, rng: np.random.Generator) -> Problem:
        """Draw inputs and targets.

        Raises
        ------
        ValueError
            If there are no such inputs: more orthonormal ones than dimensions, say.
        """
        if self.data == "digits":
            return data.digit_parity(data.read_digits, self.n)
        if self.data == "orthonormal":
            return Problem(data.isometric_inputs(self.n, self.d, rng), (-1.0) ** np.arange(self.n))
        scale = self.d**-0.5 if self.data == DATA[0] else 1.0
        X = data.gaussian_inputs(self.n, self.d, rng, scale=scale)
        if resolve(self.activation).linear:
            return Problem(X, data.linear_teacher(X, rng))
        return Problem(X, data.network_teacher(X, TEACHER, self.activation, rng))

    def setting(self) -> Setting:
        """The experiment.

        Raises
        ------
        ValueError
            If it cannot be made: orthonormal inputs with n > d, or η·λ(t) ≥ 1.
        """
        rng = np.random.default_rng(self.seed)
        problem = self.problem(rng)
        network = Network.gaussian(self.p, problem.d, rng)
        return Setting(problem, network, self.activation, eta=self.eta, ridge=self.ridge, rule=self.rule)
