"""Errata about the inputs: the dimension of w in Ḡ, and how many coordinates make X nearly isometric."""

from __future__ import annotations

import numpy as np
from scipy import stats

from fa_ref import Network, data
from theory.kernels import empirical_G
from theory.kernels.isometry import printed_dimension, sufficient_dimension
from theory.kernels.one_step import one_step
from validation.errata.entry import Outcome, demonstration

__all__ = ["isometry_rate", "mean_kernel_dimension"]


@demonstration(
    4,
    place="Assumption 3.1; Section 4.2, G of the linear network",
    printed="w ~ N(0, I_p);  G = XWᵀWXᵀ",
    corrected="w ~ N(0, I_d);  G = XWᵀWXᵀ/p",
)
def mean_kernel_dimension(rng: np.random.Generator) -> Outcome:
    """W ∈ R^{p×d}, so w ~ N(0, I_d); and G = XWᵀWXᵀ needs its 1/p."""
    X, p = data.gaussian_inputs(4, 6, rng, scale=6**-0.5), 300
    network, y = Network.gaussian(p, 6, rng), np.ones(4)
    step = one_step(X, y, network, "identity", eta=0.01)
    corrected = float(np.abs(step.after - step.linear - step.remainder).max())
    without_p = step.linear - 0.01 * (p - 1) * empirical_G(X, network, "identity") @ step.before
    printed = float(np.abs(step.after - without_p - step.remainder).max())
    return Outcome(
        printed_holds=printed <= step.rounding,
        corrected_holds=corrected <= step.rounding,
        setting=f"identity, n = 4, d = 6, p = {p}: w·x needs w ∈ R^6",
        finding=f"the one-step identity is off by {printed:.2g} as printed, by {corrected:.1g} corrected",
    )


@demonstration(
    7,
    place="Proposition 4.5",
    printed="d = Ω((1/ε) log(n/δ) + (n/ε) log(1/ε))",
    corrected="d = Ω((n + log(1/δ))/ε²)",
)
def isometry_rate(rng: np.random.Generator) -> Outcome:  # noqa: ARG001
    """Proposition 4.5 at n = 1, exactly: K ~ χ²_d/d, so every probability is a number."""
    delta, rows = 0.1, []

    def failure(d: float, epsilon: float) -> float:
        low, high = d * (1 - epsilon), d * (1 + 4 * epsilon) * (1 - epsilon)
        return float(stats.chi2.cdf(low, d) + stats.chi2.sf(high, d))

    for constant in (1.0, 10.0, 100.0):
        epsilon = 0.01 / constant
        printed = failure(constant * printed_dimension(1, epsilon, delta), epsilon)
        rows.append((printed, failure(sufficient_dimension(1, epsilon, delta), epsilon)))
    return Outcome(
        printed_holds=all(printed <= delta for printed, _ in rows),
        corrected_holds=all(right <= delta for _, right in rows),
        setting="n = 1, δ = 0.1, constants 1, 10, 100 in the printed Ω at ε = 0.01, 0.001, 0.0001",
        finding=(
            "failure probability "
            + ", ".join(f"{printed:.2g}" for printed, _ in rows)
            + f" as printed, at most {max(right for _, right in rows):.1g} corrected"
        ),
    )
