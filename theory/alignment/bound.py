"""The a-priori bound of Section 4.1 on |cos∠(b, β(t))|, from the movement of β."""

from __future__ import annotations

import math

import numpy as np

from fa_ref._support.checks import as_number
from fa_ref.network import Network

__all__ = ["alignment_bound"]


def alignment_bound(network: Network, movement: float, decay: float = 1.0) -> float:
    """Bound |cos∠(b, β(t))| a priori from the movement of β (§4.1).

    If |β_r(t) − c(t) β_r(0)| ≤ D_β for all r, then with Δ = √p D_β and b̂ = b/‖b‖

        |cos∠(b, β(t))| ≤ (c |b̂·β(0)| + Δ) / (c ‖β(0)‖ − Δ).

    Parameters
    ----------
    network : Network
        Weights at t = 0.
    movement : float
        D_β ≥ 0, as Theorem 3.2 or a certificate bounds it.
    decay : float, optional
        c(t) = Π_{s<t} (1 − ηλ(s)) in [0, 1]; 1 without ridge.

    Returns
    -------
    float
        At most 1, which is no information.

    Raises
    ------
    TypeError, ValueError
        If ``movement`` is negative, or ``decay`` not in [0, 1].

    Examples
    --------
    >>> network = Network(np.ones((4, 1)), [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 1.0, -1.0])
    >>> alignment_bound(network, 0.0), round(alignment_bound(network, 0.1), 6), alignment_bound(network, 2.0)
    (0.0, 0.111111, 1.0)
    """
    movement, decay = as_number("movement", movement, at_least=0), as_number("decay", decay, at_least=0)
    if decay > 1:
        raise ValueError(f"decay: expected a finite number >= 0 and <= 1, got {decay:g}")
    norm_b = float(np.linalg.norm(network.b))
    if norm_b == 0.0:
        return 1.0
    moved = math.sqrt(network.p) * movement
    least = decay * float(np.linalg.norm(network.beta)) - moved
    most = decay * abs(float(network.b @ network.beta)) / norm_b + moved
    return min(1.0, most / least) if least > 0 else 1.0
