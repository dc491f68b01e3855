"""What the theorems ask of the inputs: Assumption 3.1, Proposition 3.3, Definition 4.4 and Proposition 4.5."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Problem
from fa_ref.activations import resolve
from theory.kernels import kernel_of
from theory.kernels.isometry import isometry, limiting_aspect_ratio, sufficient_dimension
from validation.judge.probability import ProbabilityVerdict
from validation.judge.verdicts import HOLDS, NOT_APPLICABLE, UNDECIDED, VIOLATED
from validation.statements.inputs import Inputs
from validation.statements.statement import DELTA, ERROR, Finding, Number, Options, Statement
from validation.theorems import assumption_3_1, proposition_3_3, proposition_4_5

__all__ = ["Assumption31", "Proposition33", "Proposition45"]

STATUS = {"confirmed": HOLDS, "refuted": VIOLATED, "undecided": UNDECIDED}


def _drawn(counted: ProbabilityVerdict) -> dict[str, object]:
    words = f"P ≥ {1 - DELTA:g} ({1 - ERROR:.0%}, {counted.draws} draws)"
    if counted.status != "confirmed":
        words = f"{counted.failures} of {counted.draws} draws fail"
    more = f"{words}; {counted.needed} more would decide (--draws)" if counted.needed > 0 else ""
    said = {"remarks": (more,)} if more else {}
    return {"status": STATUS[counted.status], "confidence": words, "probability": counted, **said}


class Assumption31(Statement):
    """γ = λ_min(Ḡ) > 0."""

    number = "A3.1"
    title = "Assumption 3.1"
    printed = (
        r"$\gamma = \lambda_{\min}(\bar G) > 0$, $\bar G_{ij} = \mathbb E\,\psi(w\cdot x_i)\psi(w\cdot x_j)$, "
        r"$w \sim N(0, I_p)$"
    )
    assumptions = r"none: it speaks of the inputs $X$ and of $\psi$ alone"
    corrected = r"$w \sim N(0, I_d)$"
    control = "the first row of X stands twice"
    errata = ("4",)

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Certify a lower bound of γ for tanh, all numerical error included."""
        problem = inputs.nonlinear
        if options.broken:
            X = np.vstack([problem.X[:1], problem.X[:-1]]) if problem.n > 1 else np.zeros_like(problem.X)
            problem = Problem(X, problem.y)
        kernel = kernel_of(problem, resolve("tanh"))
        numbers = (
            Number(symbol="γ ≥", value=kernel.gamma_lower, kind="proved"),
            Number(symbol="λ_max/γ =", value=_condition(kernel.G), kind="observed"),
        )
        error = float(np.linalg.norm(kernel.error))
        slack = 1.0 - error / kernel.gamma if kernel.gamma > 0 else math.nan
        if assumption_3_1.decide(kernel).met:
            return self.finding(inputs, HOLDS, slack=slack, where="error of Ḡ over γ", numbers=numbers)
        status = VIOLATED if options.broken else NOT_APPLICABLE  # of equal rows γ = 0 is certain
        return self.finding(inputs, status, slack=slack, numbers=numbers, remarks=(kernel.assumption_3_1,))


def _condition(G: np.ndarray) -> float:
    values = np.linalg.eigvalsh(G)
    return float(values[-1] / values[0]) if values[0] > 0 else math.inf


class Proposition33(Statement):
    """Gaussian inputs satisfy Assumption 3.1."""

    number = "3.3"
    general = True
    title = "Proposition 3.3"
    printed = (
        r"$x_i \sim N(0, I_d/d)$, $\psi$ sigmoid or tanh, $d = \Omega(n)$: "
        r"$\gamma$ is bounded away from 0 with high probability"
    )
    assumptions = r"$x_i \sim N(0, I_d/d)$ independent; $\psi$ sigmoid or tanh; $d/n$ large"
    control = "d = 1"

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Draw Gaussian inputs of this d/n and certify γ ≥ r/2 on each; n is at most 20, to be quick."""
        n = min(inputs.n, 20)
        d = 1 if options.broken else max(n, round(n * max(inputs.d, inputs.n) / inputs.n))
        counted = proposition_3_3.judge(
            n, d, "tanh", options.rng(self.number, inputs), delta=DELTA, draws=options.draws, error=ERROR
        )
        least = proposition_3_3.nonlinear_part("tanh") / 2.0
        kernel = kernel_of(inputs.nonlinear, resolve("tanh"))
        numbers = (
            Number(symbol="γ ≥ r/2 =", value=least, kind="limit", note=f"judged at n = {n}, d = {d}"),
            Number(symbol="γ of these inputs ≥", value=kernel.gamma_lower, kind="proved"),
        )
        found = _drawn(counted)
        return self.finding(inputs, str(found.pop("status")), numbers=numbers, **found)


class Proposition45(Statement):
    """Gaussian inputs are nearly isometric."""

    number = "4.5"
    general = True
    title = "Def. 4.4, Prop. 4.5"
    printed = (
        r"$d = \Omega\bigl(\tfrac1\varepsilon\log\tfrac n\delta + "
        r"\tfrac n\varepsilon\log\tfrac1\varepsilon\bigr)$: $X$ is "
        r"$(1-\varepsilon, 4\varepsilon)$-isometric with probability $1-\delta$"
    )
    assumptions = r"$X$ has independent $N(0, 1/d)$ entries; $0 < \varepsilon < \tfrac12$; $d$ large enough"
    corrected = r"$d = \Theta\bigl((n + \log(1/\delta))/\varepsilon^2\bigr)$"
    control = "d = 2n"
    errata = ("7",)

    EPSILON = 0.3

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Draw Gaussian inputs of the sufficient dimension at ε = 0.3, and measure ε of these inputs."""
        n, epsilon = min(inputs.n, 50), self.EPSILON
        d = 2 * n if options.broken else sufficient_dimension(n, epsilon, DELTA)
        counted = proposition_4_5.judge(
            n, epsilon, DELTA, options.rng(self.number, inputs), d=d, draws=options.draws, error=ERROR
        )
        numbers = (
            Number(symbol="d/n ≤", value=d / n, kind="proved", note=f"ε = {epsilon}, δ = {DELTA}, n = {n}"),
            Number(symbol="d/n ≥", value=limiting_aspect_ratio(epsilon), kind="limit", note="as n → ∞"),
            Number(symbol="ε of these inputs =", value=isometry(inputs.linear.X).epsilon, kind="observed"),
        )
        found = _drawn(counted)
        return self.finding(inputs, str(found.pop("status")), numbers=numbers, **found)
