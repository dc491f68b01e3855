"""One pass over the hidden units that measures everything the lemmas speak of, with bounds on its rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import SCALAR_FUNCTION
from fa_ref.measures import alignment
from fa_ref.network import Network
from fa_ref.setting import Setting
from theory.precision import EPS, power
from theory.sliced import PSI, row_slices

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
    data = _Data(*map(_constant, (problem.X, problem.K, problem.y)))
    now, then = (_Weights(*map(_constant, (weights.W, weights.beta, start.b))) for weights in (network, start))
    kernels = _Kernels(*np.zeros((3, n, n)), *np.zeros((2, n)))
    G, H, H_next, crossed, curved = kernels
    e[:] = 0.0
    for units in row_slices(p, n * (d + PSI)):
        _outputs(data, now, activation.psi, units.start, units.stop, e)
    e = e / math.sqrt(p) - problem.y
    numbers = _Numbers(eta, lam, decay, n * t * EPS)
    functions = activation.psi, activation.dpsi
    for units in row_slices(p, n * (d + 8 * n + PSI)):
        _sweep(data, now, then, *functions, e, numbers, units.start, units.stop, kernels, sums)
    for kernel in (G, H, H_next):
        kernel /= p
    moved_w, allowed_w, moved_unit, beta_square, out, reach, feature, turn, weighted, largest = sums
    B1, B2 = activation.B1, activation.B2 if math.isfinite(activation.B2) else 0.0
    R, chi, root = problem.radius, problem.spectral_norm, math.sqrt(p)
    beta_norm, start_norm = float(np.linalg.norm(network.beta)), float(np.linalg.norm(start.beta))
    e_rounding = EPS * ((p + 8) * out + (d + 4) * B1 * R * math.sqrt(n) * reach) / root + EPS * float(
        np.linalg.norm(problem.y)
    )
    half = 0.5 * power(chi, 2) * power(B1, 2) * weighted
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
        H_rounding=EPS * ((p + 10 * n + 8) * 2 * half + 2 * (d + 4) * B1 * B2 * R * power(chi, 2) * turn),
        remainder_rounding=EPS * (8 * out + 4 * (B1 + 1) * R * math.sqrt(n) * reach * (d + 4)) / root
        + (p + n + 8) * EPS * (float(np.linalg.norm(crossed)) + float(np.linalg.norm(curved))),
        step_rounding=e_rounding + EPS * (8 * out + 2 * (n + d + 4) * B1 * chi * reach) / root,
    )


def _constant(array: Array) -> Array:
    """A read-only view, which is a type of its own to Numba."""
    view = array.view()
    view.flags.writeable = False
    return view


class _Data(NamedTuple):
    X: Any
    K: Any
    y: Any


class _Weights(NamedTuple):
    W: Any
    beta: Any
    b: Any


class _Numbers(NamedTuple):
    """η, λ(t), c(t), and the part of ‖w_r‖ by which training can have rounded w_r."""

    eta: float
    lam: float
    decay: float
    drift: float


class _Kernels(NamedTuple):
    """Sums over the units: p times the kernels, and the two halves of the remainder."""

    G: Any
    H: Any
    H_next: Any
    crossed: Any
    curved: Any


vector, matrix, real, whole = types.float64[::1], types.float64[:, ::1], types.float64, types.int64
constant_vector = types.Array(types.float64, 1, "C", readonly=True)
constant_matrix = types.Array(types.float64, 2, "C", readonly=True)
_data = types.NamedTuple((constant_matrix, constant_matrix, constant_vector), _Data)
_weights = types.NamedTuple((constant_matrix, constant_vector, constant_vector), _Weights)
_numbers = types.NamedUniTuple(real, 4, _Numbers)
_kernels = types.NamedTuple((matrix, matrix, matrix, vector, vector), _Kernels)


@njit(types.void(_data, _weights, SCALAR_FUNCTION, whole, whole, vector), cache=True)
def _outputs(data, now, psi, begin, end, e):
    """Add what units begin … end put into √p f."""
    d = now.W.shape[1]
    for r in range(begin, end):
        for i in range(e.size):
            z = 0.0
            for k in range(d):
                z += data.X[i, k] * now.W[r, k]
            e[i] += now.beta[r] * psi(z)


@njit(types.void(_data, _weights, _weights, SCALAR_FUNCTION, SCALAR_FUNCTION, vector, _numbers, whole, whole,
                 _kernels, vector), cache=True)  # fmt: skip
def _sweep(data, now, start, psi, dpsi, e, numbers, begin, end, kernels, sums):
    p, d = now.W.shape
    n, root = e.size, math.sqrt(p)
    z, a, D = np.empty(n), np.empty(n), np.empty(n)
    for r in range(begin, end):
        beta, b = now.beta[r], now.b[r]
        size, moved, inner, length = 0.0, 0.0, 0.0, 0.0
        for k in range(d):
            size += now.W[r, k] ** 2
            moved += (now.W[r, k] - start.W[r, k]) ** 2
        for i in range(n):
            z[i] = 0.0
            for k in range(d):
                z[i] += data.X[i, k] * now.W[r, k]
            a[i], D[i] = psi(z[i]), dpsi(z[i])
            inner += a[i] * e[i]
            length += a[i] ** 2
        size, moved, length = math.sqrt(size), math.sqrt(moved), math.sqrt(length)
        after = (1.0 - numbers.eta * numbers.lam) * beta - numbers.eta / root * inner  # β_r(t+1)
        _add(data.K, psi, z, a, D, e, np.array([beta, after, b, inner, numbers.eta, root]), kernels)
        if b != 0.0:
            sums[0] = max(sums[0], moved / abs(b))
            sums[1] = max(sums[1], (moved - numbers.drift * size) / abs(b))
        change, both = beta - numbers.decay * start.beta[r], abs(beta) + abs(after)
        sums[2] = max(sums[2], abs(change))
        sums[3] += change**2
        sums[4] += both * length
        sums[5] += both * size
        sums[6] += length * size / p
        sums[7] += both * abs(b) * size / p
        sums[8] += both * abs(b) / p
        sums[9] = max(sums[9], abs(beta), abs(start.beta[r]))


@njit(types.void(constant_matrix, SCALAR_FUNCTION, vector, vector, vector, vector, vector, _kernels), cache=True)
def _add(K, psi, z, a, D, e, unit, kernels):
    """Add one unit's terms; ``unit`` holds β_r, β_r(t+1), b_r, ψ_r·e, η and √p."""
    beta, after, b, inner, eta, root = unit[0], unit[1], unit[2], unit[3], unit[4], unit[5]
    for i in range(e.size):
        s = 0.0
        for j in range(e.size):
            s += K[i, j] * D[j] * e[j]
            pair = K[i, j] * D[i] * D[j]
            kernels.G[i, j] += a[i] * a[j]
            kernels.H[i, j] += beta * b * pair
            kernels.H_next[i, j] += after * b * pair
        step = -eta / root * b * s  # z_r(t+1) − z_r(t)
        kernels.crossed[i] += eta**2 / root**3 * inner * b * D[i] * s
        kernels.curved[i] += after / root * (psi(z[i] + step) - a[i] - D[i] * step)
