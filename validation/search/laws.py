"""Laws of small settings of every scale, among which counterexamples are looked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fa_ref import Network, Problem, Setting, schedules
from fa_ref.activations import Activation

__all__ = ["small_setting", "small_settings"]

#: Powers of ten between which small settings lie: ‖X‖, ‖e(0)‖/‖f‖, η, and ηλ.
SIZE, DISTANCE, STEP, PENALTY = (-3.0, 0.5), (-6.0, 1.0), (-3.0, 2.0), (-4.0, -0.1)


def small_setting(
    activation: str | Activation, n: int, d: int, p: int, seed: int, *, size: float, distance: float, step: float,
    penalty: float = 0.0, lasts: int = 0,
) -> Setting:  # fmt: skip
    """Build a small setting from a few numbers, the scales as powers of ten.

    Parameters
    ----------
    activation : str or Activation
        ψ.
    n, d, p, seed : int
        Sizes, and the seed of the Gaussian inputs, weights and residual.
    size, distance, step : float
        ‖X‖ is of order 10^size; y differs from the network's output f by 10^distance ‖f‖ times a Gaussian;
        η = 10^step.
    penalty, lasts : float and int, optional
        ηλ = 10^penalty in the first ``lasts`` steps.

    Returns
    -------
    Setting

    Examples
    --------
    >>> print(small_setting("tanh", n=1, d=1, p=2, seed=0, size=0.0, distance=0.0, step=-1.0))
    tanh, n = 1, d = 1, p = 2, η = 0.1, rule fa
    """
    rng = np.random.default_rng(seed)
    X = 10.0**size * rng.standard_normal((n, d)) / np.sqrt(d)
    network = Network.gaussian(p, d, rng)
    f = network.output(X, activation)
    y = f + 10.0**distance * np.linalg.norm(f) * rng.standard_normal(n)
    eta = 10.0**step
    ridge = schedules.explicit(np.full(lasts, 10.0**penalty / eta)) if lasts else None
    return Setting(Problem(X, y), network, activation, eta=eta, ridge=ridge)


def small_settings(activation: str | Activation = "tanh") -> Callable[[np.random.Generator], Setting]:
    """A law of small settings of every scale: Generator → `Setting`.

    n, d ≤ 3 with n ≤ d, p of 20 to 400, ‖X‖ of 10⁻³ to 3 and η of 10⁻³ to 10², targets
    that differ from the network's output by 10⁻⁶ to 10 of its size, and in half of them a ridge penalty that
    lasts for 1 to 5 steps. `validation.search.strategies.small_settings` has the same, for Hypothesis.

    Parameters
    ----------
    activation : str or Activation, optional
        ψ.

    Returns
    -------
    callable
        Generator → `Setting`.

    Examples
    --------
    >>> print(small_settings("identity")(np.random.default_rng(3)))
    identity, n = 3, d = 3, p = 40, η = 0.00295558, λ = explicit(4 values), rule fa
    """

    def draw(rng: np.random.Generator) -> Setting:
        n = int(rng.integers(1, 4))
        d, p, seed = int(rng.integers(n, 4)), int(20 * 20 ** rng.random()), int(rng.integers(2**32))
        scales = {"size": rng.uniform(*SIZE), "distance": rng.uniform(*DISTANCE), "step": rng.uniform(*STEP)}
        lasts = int(rng.integers(1, 6)) if rng.random() < 0.5 else 0
        penalty = rng.uniform(*PENALTY)
        return small_setting(activation, n, d, p, seed, **scales, penalty=penalty, lasts=lasts)

    return draw
