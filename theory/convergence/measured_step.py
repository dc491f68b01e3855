"""One pass over the hidden units that measures everything the lemmas speak of, with bounds on its rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import SCALAR_FUNCTION
from fa_ref.measures import alignment
from fa_ref.network import Network
from fa_ref.setting import Setting
from theory.precision import EPS

__all__ = ["Sweep", "sweep"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Measured at one step t; see `sweep`.

    Attributes
    ----------
    e_norm, alignment : float
        ‖e(t)‖ and cos∠(b, β(t)).
    moved_w, moved_unit, moved_beta : float
        max ‖w_r − w_r(0)‖/|b_r|, max |β_r − c β_r(0)| and ‖β − c β(0)‖.
    G, H : ndarray, shape (n, n)
        The kernels.
    lowest, lowest_merged : float
        λ_min(G) and λ_min(G + H⁺).
    remainder, curvature : float
        ‖v‖ and the norm of its curvature half, (1/√p) Σ β_r(t+1) ρ_r, for the step that follows.
    e_rounding, … : float
        How far rounding can have moved the measured value, or (``step_rounding``) one step of training.
    """

    e_norm: float
    alignment: float
    moved_w: float
    moved_unit: float
    moved_beta: float
    G: Array
    H: Array
    lowest: float
    lowest_merged: float
    remainder: float
    curvature: float
    e_rounding: float
    moved_w_rounding: float
    unit_rounding: float
    beta_rounding: float
    G_rounding: float
    H_rounding: float
    remainder_rounding: float
    step_rounding: float


def sweep(setting: Setting, network: Network, lam: float, decay: float, t: int) -> Sweep:
    """Measure step t of the setting's run, now at ``network``, with λ(t) and c(t).

    The rounding bounds: a sum of m terms errs by at most m·eps times its absolute sum; z errs by
    (d + 4)·eps·Σ|x||w| and moves ψ and ψ′ by at most B1 and B2 times that; each step of training rounds each w_r by
    n·eps·‖w_r‖ and each β_r by 4·eps·|β_r|.
    """
    problem, start, activation, eta = setting.problem, setting.start, setting.activation, setting.eta
    n, d, p = problem.n, problem.d, network.p
    e, sums = np.empty(n), np.zeros(10)
    G, H, H_next = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    crossed, curved = np.zeros(n), np.zeros(n)
    _residual(problem.X, problem.y, network.W, network.beta, activation.psi, e)
    _sweep(
        problem.X, problem.K, network.W, start.W, network.beta, start.beta, network.b,
        activation.psi, activation.dpsi, e, eta, lam, decay, n * t * EPS, G, H, H_next, crossed, curved, sums,
    )  # fmt: skip
    moved_w, allowed_w, moved_unit, beta_square, out, reach, feature, turn, weighted, largest = sums
    B1, B2 = activation.B1, activation.B2 if math.isfinite(activation.B2) else 0.0
    R, chi, root = problem.radius, problem.spectral_norm, math.sqrt(p)
    beta_norm, start_norm = float(np.linalg.norm(network.beta)), float(np.linalg.norm(start.beta))
    e_rounding = EPS * ((p + 8) * out + (d + 4) * B1 * R * math.sqrt(n) * reach) / root + EPS * float(
        np.linalg.norm(problem.y)
    )
    half = 0.5 * chi**2 * B1**2 * weighted
    return Sweep(
        e_norm=float(np.linalg.norm(e)),
        alignment=float(alignment(network.b, network.beta)),
        moved_w=moved_w,
        moved_unit=moved_unit,
        moved_beta=math.sqrt(beta_square),
        G=G,
        H=H,
        lowest=float(np.linalg.eigvalsh(G)[0]),
        lowest_merged=float(np.linalg.eigvalsh(G + H_next)[0]),
        remainder=float(np.linalg.norm(crossed + curved)),
        curvature=float(np.linalg.norm(curved)),
        e_rounding=e_rounding,
        moved_w_rounding=moved_w - allowed_w,
        unit_rounding=4 * (t + 1) * EPS * largest,
        beta_rounding=4 * (t + 1) * EPS * (beta_norm + start_norm),
        G_rounding=EPS * ((p + 10 * n + 8) * float(np.trace(G)) + 2 * (d + 4) * B1 * R * math.sqrt(n) * feature),
        H_rounding=EPS * ((p + 10 * n + 8) * 2 * half + 2 * (d + 4) * B1 * B2 * R * chi**2 * turn),
        remainder_rounding=EPS * (8 * out + 4 * (B1 + 1) * R * math.sqrt(n) * reach * (d + 4)) / root
        + (p + n + 8) * EPS * (float(np.linalg.norm(crossed)) + float(np.linalg.norm(curved))),
        step_rounding=e_rounding + EPS * (8 * out + 2 * (n + d + 4) * B1 * chi * reach) / root,
    )


vector, matrix, real = types.float64[::1], types.float64[:, ::1], types.float64
constant_vector = types.Array(types.float64, 1, "C", readonly=True)
constant_matrix = types.Array(types.float64, 2, "C", readonly=True)


@njit(
    types.void(constant_matrix, constant_vector, constant_matrix, constant_vector, SCALAR_FUNCTION, vector),
    cache=True,
)
def _residual(X, y, W, beta, psi, e):
    p, d = W.shape
    e[:] = 0.0
    for r in range(p):
        for i in range(y.size):
            z = 0.0
            for k in range(d):
                z += X[i, k] * W[r, k]
            e[i] += beta[r] * psi(z)
    for i in range(y.size):
        e[i] = e[i] / math.sqrt(p) - y[i]


@njit(types.void(*(constant_matrix,) * 4, *(constant_vector,) * 3, SCALAR_FUNCTION, SCALAR_FUNCTION,
                 vector, real, real, real, real, matrix, matrix, matrix, vector, vector, vector),
      cache=True)  # fmt: skip
def _sweep(
    X, K, W, W_0, beta, beta_0, b, psi, dpsi, e, eta, lam, decay, drift, G, H, H_next, crossed, curved, sums
):  # fmt: skip
    p, d = W.shape
    n, root = e.size, math.sqrt(p)
    z, a, D = np.empty(n), np.empty(n), np.empty(n)
    for r in range(p):
        size, moved, length = 0.0, 0.0, 0.0
        for k in range(d):
            size += W[r, k] ** 2
            moved += (W[r, k] - W_0[r, k]) ** 2
        size, moved = math.sqrt(size), math.sqrt(moved)
        inner = 0.0
        for i in range(n):
            z[i] = 0.0
            for k in range(d):
                z[i] += X[i, k] * W[r, k]
            a[i], D[i] = psi(z[i]), dpsi(z[i])
            inner += a[i] * e[i]
            length += a[i] ** 2
        length = math.sqrt(length)
        after = (1.0 - eta * lam) * beta[r] - eta / root * inner  # β_r(t+1)
        for i in range(n):
            s = 0.0
            for j in range(n):
                s += K[i, j] * D[j] * e[j]
                pair = K[i, j] * D[i] * D[j]
                G[i, j] += a[i] * a[j]
                H[i, j] += beta[r] * b[r] * pair
                H_next[i, j] += after * b[r] * pair
            step = -eta / root * b[r] * s  # z_r(t+1) − z_r(t)
            crossed[i] += eta**2 / root**3 * inner * b[r] * D[i] * s
            curved[i] += after / root * (psi(z[i] + step) - a[i] - D[i] * step)
        if b[r] != 0.0:
            sums[0] = max(sums[0], moved / abs(b[r]))
            sums[1] = max(sums[1], (moved - drift * size) / abs(b[r]))
        change = beta[r] - decay * beta_0[r]
        sums[2] = max(sums[2], abs(change))
        sums[3] += change**2
        sums[4] += (abs(beta[r]) + abs(after)) * length
        sums[5] += (abs(beta[r]) + abs(after)) * size
        sums[6] += length * size / p
        sums[7] += (abs(beta[r]) + abs(after)) * abs(b[r]) * size / p
        sums[8] += (abs(beta[r]) + abs(after)) * abs(b[r]) / p
        sums[9] = max(sums[9], abs(beta[r]), abs(beta_0[r]))
    for i in range(n):
        for j in range(n):
            G[i, j] /= p
            H[i, j] /= p
            H_next[i, j] /= p
