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

from fa_ref.setting import Setting
from theory.convergence import theorem_3_2 as convergence
from theory.convergence import theorem_4_3 as linear
from theory.convergence.lemmas_3_2 import Drifts
from theory.margins import Margin
from validation.judge.claims import Claim, Evidence, Inequality
from validation.theorems.contraction import contraction
from validation.theorems.movement import movement

__all__ = ["LINEAR", "NONLINEAR", "PRINTED_PULL", "RATE", "STEP"]

#: Names of the two hypotheses that close the argument.
RATE, STEP = "rate that the drifts leave", "step size"


def _margins(lemmas: Drifts, rate: float) -> tuple[Margin, ...]:
    given = lemmas.hypotheses()
    closes = rate > 0 and all(margin.met for margin in given)
    U, size = (lemmas.instance.E / rate, lemmas.instance.largest) if closes else (0.0, 0.0)
    left = Margin(RATE, lemmas.floor(U, size), rate) if closes else Margin(RATE, 0.0, max(rate, 0.0), ">")
    step = lemmas.step_size(rate, U, size)
    return (*given, left, Margin(STEP, step.value, step.threshold, step.relation))


def _setting(evidence: Evidence) -> Setting:
    return Setting(evidence.problem, evidence.start, evidence.psi, eta=evidence.eta, ridge=evidence.ridge)


def _nonlinear_rate(evidence: Evidence) -> float:
    return evidence.mean_kernel.gamma / 4.0


def _linear_rate(evidence: Evidence) -> float:
    return evidence.problem.lambda_min / 2.0


def _nonlinear_hypotheses(evidence: Evidence) -> tuple[Margin, ...]:
    if evidence.start is None:
        return (Margin("starting weights recorded", 0.0, 1.0),)
    lemmas = convergence.drifts(_setting(evidence))
    return _margins(lemmas, _nonlinear_rate(evidence))


def _linear_hypotheses(evidence: Evidence) -> tuple[Margin, ...]:
    if evidence.start is None or not evidence.psi.linear:
        return (Margin("ψ linear, starting weights recorded", 0.0, 1.0),)
    lemmas = linear.drifts(_setting(evidence))
    return _margins(lemmas, _linear_rate(evidence))


def _nonlinear_conclusions(evidence: Evidence) -> tuple[Inequality, ...]:
    rate = _nonlinear_rate(evidence)
    return (contraction("(4.2)", evidence, rate), *movement(evidence, rate)) if rate > 0 else ()


def _linear_conclusions(evidence: Evidence) -> tuple[Inequality, ...]:
    rate = _linear_rate(evidence)
    return (contraction("(4.3)", evidence, rate),) if rate > 0 else ()


def _printed_conclusions(evidence: Evidence) -> tuple[Inequality, ...]:
    rate = _linear_rate(evidence)
    return (contraction("(4.3) as printed", evidence, rate, pull=1.0),) if rate > 0 else ()


NONLINEAR = Claim(
    "Theorems 3.2 and 4.2, explicit",
    "‖e(t+1)‖ ≤ (1 − ηγ/4 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖, and no weight moves far",
    "Theorems 3.2 and 4.2, (3.1), (3.2) and (4.2), with the constants of theory.convergence.theorem_3_2",
    "UPPER",
    _nonlinear_hypotheses,
    _nonlinear_conclusions,
)

LINEAR = Claim(
    "Theorem 4.3, explicit",
    "‖e(t+1)‖ ≤ (1 − ηγ/2 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖",
    "Theorem 4.3, (4.3), with the constants of theory.convergence.theorem_4_3",
    "UPPER",
    _linear_hypotheses,
    _linear_conclusions,
)

PRINTED_PULL = Claim(
    "Theorem 4.3 as printed",
    "‖e(t+1)‖ ≤ (1 − ηγ/2 − ηλ(t)) ‖e(t)‖ + λ(t) ‖y‖",
    "Theorem 4.3, (4.3) as printed",
    "UPPER",
    _linear_hypotheses,
    _printed_conclusions,
)
