r"""Why dropout does not hold alignment at large width (a remark of Section 5), as a law.

**Assumptions.** Those of ``docs/limits.md``, section 7: linear or ReLU networks, no penalty, inverted dropout.

**Claim.** At t = τp the alignment tends to a function of τ = t/p, the same for every y (`theory.limits.dropout`);
networks deviate by O(p^{-1/2}). So dropout's clock is t/p: in the ⌊5000√p/14⌋ steps of the published runs it gets
less and less done as the network widens.

``power`` is that of the clock: at t = τ p₀ (p/p₀)^power, all widths would share one curve if it were the right one.
1 is the law; ½, the clock of the ridge penalty, is the negative control.

**Guarantee.** **Asymptotic**, judged on paired runs: see `validation.judge.asymptotics`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fa_ref import Network, Setting
from theory.limits.dropout import dropout_limit
from validation.beyond.deviations import nested_network
from validation.experiments.dropout_run import descend_with_dropout
from validation.judge.asymptotics import AsymptoticClaim

__all__ = ["RESOLUTION", "dropout_alignment", "dropout_clock"]

#: "Holds" needs the limit of the deviation to within this.
RESOLUTION = 0.05


def dropout_alignment(setting: Setting, rate: float, tau: Sequence[float], p: int, seed: int) -> np.ndarray:
    """cos∠(b, β(τp)) of a network of width p, averaged over the pair ±b; networks of one seed are nested.

    The pair cancels what is odd in b, among it the alignment ±1/√p at the start.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> setting = Setting(Problem(np.eye(2), [1.0, -1.0]), None, "identity", eta=0.2)
    >>> dropout_alignment(setting, 0.5, [0.0, 1.0], 50, seed=0).shape
    (2,)
    """
    start, times = nested_network(p, setting.problem.d, seed), np.rint(np.asarray(tau) * p).astype(int)
    pair = (Network(start.W, start.beta, sign * start.b) for sign in (1.0, -1.0))
    runs = [
        descend_with_dropout(
            setting.replace(network=network), np.random.default_rng([p, seed]), rate=rate, times=times
        ).alignment
        for network in pair
    ]
    return np.asarray(np.mean(runs, axis=0), dtype=np.float64)


def dropout_clock(
    setting: Setting,
    rate: float,
    tau: Sequence[float],
    *,
    narrowest: int = 100,
    power: float = 1.0,
    misread: float = 1.0,
    units: int = 32768,
) -> AsymptoticClaim:
    """The alignment under dropout at t = τp, averaged over the times τ.

    Parameters
    ----------
    setting : Setting
        X, y, ψ and η; its network is of no consequence.
    rate : float
        Probability q of silence.
    tau : sequence of float
        Times.
    narrowest : int, optional
        p₀, where all clocks agree.
    power : float, optional
        Of the clock: 1 is the law.
    misread : float, optional
        Factor by which the limit is wrong: another negative control.
    units : int, optional
        Sampled units of the limit.
    """
    limit = dropout_limit(setting, rate, tau, units=units)

    def deviation(p: int, seed: int) -> float:
        clock = np.asarray(tau) * (p / narrowest) ** (power - 1.0)
        return float(np.mean(dropout_alignment(setting, rate, clock, p, seed) - misread * limit.alignment))

    return AsymptoticClaim(
        f"alignment under dropout at t = τp, {setting.activation.name}",
        "cos∠(b, β(τp)) − limit(τ) = O(p^{-1/2}), for every y",
        "docs/limits.md, section 7",
        deviation,
        -0.5,
        RESOLUTION,
        float(limit.error.max()),
    )
