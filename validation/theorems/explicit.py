r"""Theorems 3.2, 4.2 and 4.3 with every constant explicit, so that each hypothesis is decided on the instance.

**Assumptions.** Those of `theory.convergence.theorem_3_2` and `theory.convergence.theorem_4_3` at the printed rate
a (γ/4 with γ = λ_min(Ḡ), or γ/2 with γ = λ_min(XXᵀ)): (A1)–(A3) at initialisation, what the drift of the kernels
leaves of λ_min(G(0)) is at least a, and a step-size clause.

**Claim.** For all t ≥ 0, for this network and with certainty,

    ‖e(t+1)‖ ≤ (1 − ηa − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖                              (3.1), (4.2), (4.3)

and, where B0 is finite, the movement bounds (3.2) with E = ‖e(0)‖ + η Σλ ‖y‖ for ‖e(0)‖.

**Guarantee.** **Upper** bounds. Nothing here holds "with high probability" or "for p large enough", so that one
violation refutes the claim. These are the sheets to search for counterexamples with.
"""

from __future__ import annotations

from fa_ref import Trajectory
from theory.convergence import theorem_3_2 as convergence
from theory.convergence import theorem_4_3 as linear
from theory.convergence.lemmas_3_2 import Drifts
from theory.margins import Margin
from validation.judge.claims import Claim, Conclusion
from validation.judge.record import known_start, mean_kernel
from validation.theorems.inequality_3_1 import contraction
from validation.theorems.inequality_3_2 import movement

__all__ = ["LINEAR", "NONLINEAR", "PRINTED_PULL", "RATE", "STEP", "Linear", "Nonlinear", "PrintedPull"]

#: Names of the two hypotheses that close the argument.
RATE, STEP = "rate that the drifts leave", "step size"


def _margins(lemmas: Drifts, rate: float) -> tuple[Margin, ...]:
    given = lemmas.hypotheses()
    closes = rate > 0 and all(margin.met for margin in given)
    U, size = (lemmas.instance.E / rate, lemmas.instance.largest) if closes else (0.0, 0.0)
    left = Margin(RATE, lemmas.floor(U, size), rate) if closes else Margin(RATE, 0.0, max(rate, 0.0), ">")
    step = lemmas.step_size(rate, U, size)
    return (*given, left, Margin(STEP, step.value, step.threshold, step.relation))


class Nonlinear(Claim):
    """Theorems 3.2 and 4.2 with the constants of `theory.convergence.theorem_3_2`.

    Examples
    --------
    >>> print(Nonlinear().source)
    Theorems 3.2 and 4.2, (3.1), (3.2) and (4.2), with the constants of theory.convergence.theorem_3_2
    """

    name = "Theorems 3.2 and 4.2, explicit"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ/4 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖, and no weight moves far"
    source = "Theorems 3.2 and 4.2, (3.1), (3.2) and (4.2), with the constants of theory.convergence.theorem_3_2"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Every condition of the argument at the rate γ/4, decided."""
        if known_start(run) is None or run.setting.rule != "fa":
            return (_recorded(run), _feedback(run))
        return (_feedback(run), *_margins(convergence.drifts(run.setting), _nonlinear_rate(run)))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(4.2) at the rate γ/4, and (3.2)."""
        rate = _nonlinear_rate(run)
        return (contraction("(4.2)", run, rate), *movement(run, rate)) if rate > 0 else ()


class Linear(Claim):
    """Theorem 4.3 with the constants of `theory.convergence.theorem_4_3`.

    Examples
    --------
    >>> print(Linear().source)
    Theorem 4.3, (4.3), with the constants of theory.convergence.theorem_4_3
    """

    name = "Theorem 4.3, explicit"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ/2 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖"
    source = "Theorem 4.3, (4.3), with the constants of theory.convergence.theorem_4_3"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Every condition of the argument at the rate γ/2, decided."""
        is_linear = Margin.fact("ψ is linear", run.setting.activation.linear)
        if known_start(run) is None or run.setting.rule != "fa" or not is_linear:
            return (_recorded(run), _feedback(run), is_linear)
        return (_feedback(run), *_margins(linear.drifts(run.setting), _linear_rate(run)))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(4.3) at the rate γ/2."""
        rate = _linear_rate(run)
        return (contraction("(4.3)", run, rate),) if rate > 0 else ()


class PrintedPull(Linear):
    """Theorem 4.3 with λ(t) ‖y‖ as printed, in place of ηλ(t) ‖y‖.

    Examples
    --------
    >>> print(PrintedPull().source)
    Theorem 4.3, (4.3) as printed
    """

    name = "Theorem 4.3 as printed"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ/2 − ηλ(t)) ‖e(t)‖ + λ(t) ‖y‖"
    source = "Theorem 4.3, (4.3) as printed"

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(4.3) as printed, at the rate γ/2."""
        rate = _linear_rate(run)
        return (contraction("(4.3) as printed", run, rate, pull=1.0),) if rate > 0 else ()


def _recorded(run: Trajectory) -> Margin:
    return Margin.fact("starting weights recorded", known_start(run) is not None)


def _feedback(run: Trajectory) -> Margin:
    return Margin.fact("rule is FA", run.setting.rule == "fa")


def _nonlinear_rate(run: Trajectory) -> float:
    return mean_kernel(run).gamma / 4.0


def _linear_rate(run: Trajectory) -> float:
    return run.setting.problem.lambda_min / 2.0


NONLINEAR, LINEAR, PRINTED_PULL = Nonlinear(), Linear(), PrintedPull()
