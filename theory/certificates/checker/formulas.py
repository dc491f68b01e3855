"""The theorem of ``docs/certificates.md`` in balls: the present, what can still move, and where alignment stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flint import arb, arb_mat

from theory.certificates.checker.functions import ACTIVATIONS, BOUNDS, greatest, norm

__all__ = ["Now", "alignment", "enclose", "moved"]

NARROWINGS = 3

Ball = Any
Matrix = Any


@dataclass(frozen=True, kw_only=True)
class Now:
    """Enclosures at the certified weights; z, slope (ψ′) and bend (ψ″) row by row."""

    K: Matrix
    G: Matrix
    A: Matrix
    Psi: Matrix
    e: Matrix
    z: list[Ball]
    slope: list[Ball]
    bend: list[Ball]
    beta: list[Ball]
    b: list[Ball]


def enclose(psi: str, X: Any, y: Any, W: Any, beta: Any, b: Any) -> Now:
    """Enclose the kernels, the residual and the derivatives of ψ, from arrays of floats."""
    inputs, p, n = arb_mat(X.tolist()), len(beta), len(y)
    betas, bs = list(map(arb, beta.tolist())), list(map(arb, b.tolist()))
    K, z = inputs * inputs.transpose(), _pre_activations(inputs, W)
    values, slope, bend = map(list, zip(*map(ACTIVATIONS[psi], z), strict=True))
    Psi, D = arb_mat(n, p, values), arb_mat(n, p, slope)
    signed = arb_mat(n, p, [s * bs[i % p] * betas[i % p] for i, s in enumerate(slope)])
    G, mixed = Psi * Psi.transpose() / p, signed * D.transpose() / p
    H = arb_mat(n, n, [k * m for k, m in zip(K.entries(), mixed.entries(), strict=True)])
    e = Psi * arb_mat(p, 1, betas) / arb(p).sqrt() - arb_mat(n, 1, y.tolist())
    return Now(K=K, G=G, A=G + H, Psi=Psi, e=e, z=z, slope=slope, bend=bend, beta=betas, b=bs)


def _pre_activations(inputs: Matrix, W: Any) -> list[Ball]:
    """X Wᵀ row by row, some units at a time: an interrupt is heard between two products."""
    n, size = inputs.nrows(), 256
    parts = [(inputs * arb_mat(W[r : r + size].T.tolist())).entries() for r in range(0, len(W), size)]
    return [
        ball for i in range(n) for part in parts for ball in part[i * len(part) // n : (i + 1) * len(part) // n]
    ]


def moved(name: str, now: Now, top: Ball, sigma: Ball, U: Ball) -> dict[str, Ball]:
    """Lemmas 1 to 5: what can move while η Σ ‖e‖ ≤ U."""
    K, n, p = now.K, now.K.nrows(), len(now.b)
    B1, B2, B3 = BOUNDS[name]()
    squares = arb_mat(n, n, [k * k for k in K.entries()])
    reach = [abs(x) * U / arb(p).sqrt() for x in now.b]
    centre, curve, slopes = [abs(x) for x in now.slope], [abs(x) for x in now.bend], [B1] * (n * p)
    for _ in range(NARROWINGS):
        total = (squares * arb_mat(n, p, [s * s for s in slopes])).entries()
        radius = [reach[i % p] * x.sqrt() for i, x in enumerate(total)]
        slopes = [B1.min(s + r * (c + r * B3 / 2)) for s, c, r in zip(centre, curve, radius, strict=True)]
    bends = [B2.min(c + r * B3) * r for c, r in zip(curve, radius, strict=True)]
    q, g = _congruences(K, squares, top, slopes, p), _congruences(K, squares, top, bends, p)
    psi = U / p * norm([x * y for x, y in zip(now.b, q, strict=True)])
    swing = sum((abs(x * y) * (u * v).sqrt() for x, y, u, v in zip(now.b, now.beta, q, g, strict=True)), arb(0))
    kink = arb.pos_inf()
    if name == "relu":
        for r, x in zip(radius, now.z, strict=True):
            if r > 0:
                kink = kink.min(arb(x.abs_lower()) / r)
            elif not (x > 0 or x < 0):  # on the kink, or where the radius is not known to vanish near it
                kink = arb(0)
    return {
        "kink": kink,
        "drift": 3 * sigma * psi + 2 * psi * psi + 2 * swing / p if kink > 1 else arb.pos_inf(),
        "drift_psi": psi,
        "drift_beta": (sigma + psi) * U,
        "tube_radius": greatest(radius),
    }


def _congruences(K: Matrix, squares: Matrix, top: Ball, D: list[Ball], p: int) -> list[Ball]:
    """For each unit, an upper bound of ‖D_r K D_r‖₂."""
    n = K.nrows()
    rows = (arb_mat(n, n, [abs(k) for k in K.entries()]) * arb_mat(n, p, D)).entries()
    norms = (squares * arb_mat(n, p, [x * x for x in D])).entries()
    bounds = []
    for r in range(p):
        mine = D[r::p]
        spectral = top * greatest(mine) ** 2
        frobenius = sum((x * x * y for x, y in zip(mine, norms[r::p], strict=True)), arb(0)).sqrt()
        row_sum = greatest([x * y for x, y in zip(mine, rows[r::p], strict=True)])
        bounds.append(spectral.min(frobenius.min(row_sum)))
    return bounds


def alignment(now: Now, low: Ball, sigma: Ball, U: Ball, drifts: dict[str, Ball]) -> dict[str, Ball]:
    """Step 10: bounds of cos∠(b, β(t)) for all t, and of its limit; empty where nothing follows."""
    p = len(now.b)
    length = sum((x * x for x in now.b), arb(0)).sqrt()
    if not length > 0:
        return {}
    try:
        x = now.A.solve(now.e)
    except ZeroDivisionError:
        return {}
    unit = arb_mat(p, 1, [v / length for v in now.b])
    root, beta = arb(p).sqrt(), arb_mat(p, 1, now.beta)
    push = norm((now.Psi * unit / root).entries())
    psi, missed = drifts["drift_psi"], drifts["drift"] * U / low
    always = _cosines(beta, unit, drifts["drift_beta"], (push + psi) * U)
    limit = _cosines(beta - now.Psi.transpose() * x / root, unit, sigma * missed + psi * U, push * missed + psi * U)
    return {
        "alignment_low": always[0],
        "alignment_high": always[1],
        "final_low": always[0].max(limit[0]),
        "final_high": always[1].min(limit[1]),
    }


def _cosines(v: Matrix, unit: Matrix, reach: Ball, along: Ball) -> tuple[Ball, Ball]:
    """Bounds of cos∠(b, v + h) for all ‖h‖ ≤ reach with |⟨b̂, h⟩| ≤ along."""
    x = (unit.transpose() * v).entries()[0]
    y = sum((u * u for u in (v - unit * arb_mat(1, 1, [x])).entries()), arb(0)).sqrt()
    length = (x * x + y * y).sqrt()
    if not reach < length:
        return arb(-1), arb(1)
    angle, turn = arb.atan2(y, x), (reach / length).asin()
    least = (angle + turn).cos() if angle + turn < arb.pi() else arb(-1)
    most = (angle - turn).cos() if angle - turn > 0 else arb(1)
    along = along.min(reach)
    fallen = _cosine(x - along, y + reach, y - reach)
    return least.max(fallen), most.min(-_cosine(-x - along, y + reach, y - reach))


def _cosine(x: Ball, far: Ball, near: Ball) -> Ball:
    """The least cosine of a vector with x along b and between near and far across it."""
    least = near.max(arb(0))
    if x > 0:
        return x / (x * x + far * far).sqrt()
    if x < 0:
        return x / (x * x + least * least).sqrt()
    return arb(-1)
