"""Every constant that the paper leaves unnamed, for one problem: proved values and observed ones, never mixed.

In the paper's units, with rate a = γ/4 (Theorem 3.2) or γ/2 (Theorem 4.3):

    c₁    ‖w_r(t) − w_r(0)‖ ≤ c₁ n √(log p)/(γ√p) for every unit r and every t        (3.2)
    c₂    |β_r(t) − β_r(0)| ≤ c₂ n/(γ√p) for every unit r and every t                  (3.2)
    c     |cos∠(b, β(t))| ≤ c n/√p for every t, λ ≡ 0                                  (Section 4)
    c_S   S_λ = c_S γ√(γp)/(η√n M), the sum of λ(t) that Theorem 4.3 admits
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref import Problem, Setting, train
from fa_ref._support.checks import as_count, as_number
from fa_ref.activations import Activation, resolve
from theory.convergence import levels
from theory.convergence import theorem_4_3 as linear
from theory.convergence.closing import budget, close, closes_at
from theory.convergence.lemmas_3_2 import Drifts
from theory.convergence.widths_3_2 import probable_drifts, sufficient_width
from theory.kernels import MeanKernel, mean_kernel
from theory.precision import power

__all__ = ["Constant", "constants_table", "observed_constants"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Constant:
    """One line of the table.

    Attributes
    ----------
    name : str
        Symbol, as in the paper.
    value : float
        NaN where nothing is proved; ``note`` says why.
    meaning : str
        What it bounds.
    source : str
        Theorem or assumption, and the form of the proof.
    kind : {"problem", "proved"}
        Whether it is a property of the data or a bound with probability 1 − δ.
    vacuous : float
        0 where the bound says something; otherwise the factor ≥ 1 by which it exceeds what no run can exceed.
    note : str
        Why there is no value, or what it rests on.
    """

    name: str
    value: float
    meaning: str
    source: str
    kind: str = "proved"
    vacuous: float = 0.0
    note: str = ""


def constants_table(
    problem: Problem, activation: str | Activation, *, eta: float, delta: float = 0.1, p: int | None = None
) -> list[Constant]:
    """All constants of a problem, for networks of width p drawn as the paper draws them.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ; the identity is treated by Theorem 4.3, all others by Theorems 3.2 and 4.2.
    eta : float
        Step size of the loss ½‖e‖².
    delta : float, optional
        Every line holds with probability at least 1 − δ (each by itself).
    p : int, optional
        Width, the sufficient one if not given.

    Returns
    -------
    list of Constant

    Examples
    --------
    >>> table = constants_table(Problem(np.eye(2), [1.0, -1.0]), "tanh", eta=1e-3)
    >>> [line.name for line in table if line.kind == "problem"]
    ['γ', 'λ_max(Ḡ)', 'R', 'χ', 'B0', 'B1', 'B2']
    >>> rate = next(line for line in table if line.name == "a")
    >>> rate.value > 0.394 / 4
    True
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    delta = as_number("delta", delta, above=0, below=1)
    p = None if p is None else as_count("p", p)
    kernel = mean_kernel(problem.X, psi)
    lines = _problem_lines(problem, psi, kernel)
    if psi.linear:
        return lines + _linear_lines(problem, eta, delta, p)
    for form in ("explicit", "first-order"):
        enough = sufficient_width(problem, psi, eta=eta, delta=delta, form=form, kernel=kernel)
        source = f"Theorem 3.2, {form}"
        lines.append(_width_line(enough, source, delta, _why_none(problem, psi, kernel, eta)))
        width = p if p is not None else enough
        if width is None:
            continue
        lemmas = probable_drifts(problem, psi, eta=eta, p=width, delta=delta, form=form, kernel=kernel)
        lines += _at_width(lemmas, width, kernel.gamma_lower, kernel.gamma_lower / 4, source, delta)
    return lines


def _problem_lines(problem: Problem, psi: Activation, kernel: MeanKernel) -> list[Constant]:
    top = kernel.lambda_max_upper
    found = [
        ("γ", kernel.gamma_lower, "lower bound of λ_min(Ḡ)"),
        ("λ_max(Ḡ)", top, "upper bound of it"),
        ("R", problem.radius, "largest ‖xᵢ‖"),
        ("χ", problem.spectral_norm, "‖X‖₂"),
        ("B0", psi.B0, "sup |ψ|"),
        ("B1", psi.B1, "sup |ψ′|"),
        ("B2", psi.B2, "sup |ψ″|"),
    ]
    note = "" if kernel.gamma_lower > 0 else kernel.assumption_3_1
    return [
        Constant(name, value, meaning, "Assumption 3.1", "problem", note=note if name == "γ" else "")
        for name, value, meaning in found
    ]


def _width_line(enough: int | None, source: str, delta: float, why: str) -> Constant:
    meaning = f"sufficient width at δ = {delta:g}"
    if enough is None:
        return Constant("p*", math.nan, meaning, source, note=f"no width suffices: {why}")
    return Constant("p*", float(enough), meaning, source)


def _why_none(problem: Problem, psi: Activation, kernel: MeanKernel, eta: float) -> str:
    """The hypothesis of Theorem 3.2 that no width can meet."""
    if not (psi.smooth and math.isfinite(psi.B0)):
        return f"Theorem 3.2 asks for bounded ψ, ψ′ and ψ″, which {psi.name} does not have"
    if not kernel.certified:
        return f"Assumption 3.1, γ > 0, {kernel.assumption_3_1}"
    ceiling = problem.n * power(psi.B0, 2)
    return f"the step-size clause fails: η n B0² = {eta * ceiling:.3g}; 1 would do, η = {1 / ceiling:.3g}"


def _why_none_linear(problem: Problem, eta: float) -> str:
    """The hypothesis of Theorem 4.3 that no width can meet."""
    if not problem.lambda_min > 0 or problem.rank < problem.n:
        return f"γ = λ_min(K) = 0 to rounding: X has rank {problem.rank} and n = {problem.n}"
    top = problem.lambda_max
    return f"the step-size clause fails: η λ_max(K) = {eta * top:.3g}; it needs less than 1, η < {1 / top:.3g}"


def _linear_lines(problem: Problem, eta: float, delta: float, p: int | None) -> list[Constant]:
    lines = []
    gamma = problem.lambda_min
    for form in linear.FORMS:
        source = f"Theorem 4.3, {form}"
        enough = linear.sufficient_width(problem, eta=eta, delta=delta, form=form)
        lines.append(_width_line(enough, source, delta, _why_none_linear(problem, eta)))
        width = p if p is not None else enough
        if width is None:
            continue
        lemmas = linear.probable_drifts(problem, eta=eta, p=width, delta=delta, form=form)
        lines += _at_width(lemmas, width, gamma, gamma / 2, source, delta)
        if lemmas is not None:
            found = budget(lemmas)
            total = math.nan if found is None else found
            c_S = _quotient(total, linear.unit_of_budget(problem, width, eta))
            note = "" if found is not None else "no ridge is certified at this width"
            lines.append(Constant("S_λ", total, "largest Σ λ(t)", source, note=note))
            lines.append(Constant("c_S", c_S, "S_λ in units γ√(γp)/(η√n M)", source, note=note))
    return lines


def _at_width(
    lemmas: Drifts | None, p: int, gamma: float, paper_rate: float, source: str, delta: float
) -> list[Constant]:
    """The constants at width p: the rate, and c₁, c₂, c at the paper's own rate."""
    if lemmas is None:
        return [Constant("a", math.nan, "proved rate", source, note=f"p = {p} is below the events' own widths")]
    proof = close(lemmas)
    rate = Constant("a", proof.rate or math.nan, f"proved rate at p = {p}", source, note=proof.why)
    if not closes_at(lemmas, paper_rate):
        return [rate]
    i, n = lemmas.instance, lemmas.instance.n
    U = i.E / paper_rate
    b_max = math.sqrt(2 * math.log(p / delta))  # P(max |b_r| > x) ≤ p e^{−x²/2}
    c_1 = _quotient(lemmas.weight(U) * b_max * gamma * math.sqrt(p), n * math.sqrt(math.log(p)))
    c_2 = lemmas.unit(U) * gamma * math.sqrt(p) / n
    share = delta / 2
    low = math.sqrt(p * max(0.0, 1 - 2 * math.sqrt(math.log(1 / share) / p)))
    left = low - lemmas.beta(U)
    cosine = (levels.inner_level(share) + lemmas.beta(U)) / left if left > 0 else math.inf
    note = f"at a = {paper_rate:.4g}, which holds with probability {1 - delta:g}; with {1 - 2 * delta:g} together"
    lines = [rate, Constant("c₁", c_1, "‖w_r(t) − w_r(0)‖ ≤ c₁ n √(log p)/(γ√p)", source, note=note)]
    if math.isfinite(c_2):
        lines.append(Constant("c₂", c_2, "|β_r(t) − β_r(0)| ≤ c₂ n/(γ√p)", source, note=note))
    vacuous = cosine if cosine >= 1 else 0.0
    meaning = "|cos∠(b, β(t))| ≤ c n/√p"
    said = note if left > 0 else "no c at this width: β may move by its own length"
    lines.append(Constant("c", cosine * math.sqrt(p) / n, meaning, source, vacuous=vacuous, note=said))
    # Never vacuous: where the rate is proved, this is less than λ_min(G(0)), or than 1.5 λ_min(G(0)) (first order).
    lines.append(Constant("drift of G", lemmas.G(U), "‖G(t) − G(0)‖", source, note=note))
    return lines


def observed_constants(setting: Setting, *, gamma: float, steps: int) -> dict[str, float]:
    """c₁, c₂ and c as one run shows them: the largest values over all units and recorded steps.

    Examples
    --------
    >>> from fa_ref import Network
    >>> problem, network = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(500, 2, np.random.default_rng(0))
    >>> seen = observed_constants(Setting(problem, network, "tanh", eta=0.3), gamma=0.394, steps=60)
    >>> sorted(seen), all(0 < value < 5 for value in seen.values())
    (['c', 'c₁', 'c₂'], True)
    """
    run = train(setting, steps=steps)
    n, p = setting.problem.n, setting.start.p
    root = math.sqrt(p)
    return {
        "c₁": _quotient(float(run.measures["weight_movement"].max()) * gamma * root, n * math.sqrt(math.log(p))),
        "c₂": float(run.measures["beta_movement"].max()) * gamma * root / n,
        "c": float(np.abs(run.alignment).max()) * root / n,
    }


def _quotient(value: float, unit: float) -> float:
    """How many units; NaN where the unit is 0, as √log p is at p = 1, and nothing is measured in it."""
    return value / unit if unit > 0 else math.nan
