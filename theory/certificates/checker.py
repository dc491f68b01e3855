"""An independent check of a saved certificate: from the JSON, the data and the weights alone.

Nothing of this project is imported, so no error of the prover can repeat itself here. Every number of the
certificate is a claim, and each claim is proved again in python-flint's ball arithmetic, one ball a number, whether
or not the certificate was made rigorously: what passes is a theorem about the exact iteration, by the proof in
``docs/certificates.md``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx

__all__ = ["Check", "check"]

FORMAT = "fa-ref a-posteriori certificate, version 1"
BITS, CHOLESKY_BITS, NARROWINGS = 80, 320, 3

Ball = Any
Matrix = Any


@dataclass(frozen=True)
class Check:
    """What the checker found: each claim, and whether it was proved.

    Attributes
    ----------
    claims : tuple of (str, bool)
        In the order in which they were examined. A claim that cannot be understood counts as not proved.
    """

    claims: tuple[tuple[str, bool], ...]

    @property
    def valid(self) -> bool:
        """Whether every claim was proved."""
        return bool(self.claims) and all(proved for _, proved in self.claims)

    @property
    def refused(self) -> tuple[str, ...]:
        """The claims that were not proved."""
        return tuple(claim for claim, proved in self.claims if not proved)

    def __bool__(self) -> bool:
        return self.valid


def check(certificate: str | PathLike[str] | dict[str, Any], problem: Any, network: Any) -> Check:
    """Verify a certificate that convergence is proved from these weights.

    Parameters
    ----------
    certificate : path or dict
        What ``StateCertificate.save`` wrote, or the same as a dictionary.
    problem : object with arrays X (n, d) and y (n,)
    network : object with arrays W (p, d), beta (p,) and b (p,)

    Returns
    -------
    Check
        True as a boolean if every claim was proved.

    Raises
    ------
    ValueError
        If the file is not JSON.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check({"format": "a poem"}, SimpleNamespace(), SimpleNamespace()).refused
    ('the format is known',)
    """
    if not isinstance(certificate, dict):
        try:
            certificate = json.loads(Path(certificate).read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{certificate}: expected a certificate in JSON ({error})") from None
    if not isinstance(certificate, dict) or certificate.get("format") != FORMAT:
        return Check((("the format is known", False),))
    X, y, W, beta, b = (
        np.array(values, dtype=np.float64) for values in (problem.X, problem.y, network.W, network.beta, network.b)
    )
    identity = (
        ("the network is the one certified", certificate.get("network") == digest(W, beta, b)),
        ("the problem is the one certified", certificate.get("problem") == digest(X, y)),
        ("ψ is known", certificate.get("activation") in ACTIVATIONS),
        ("the rate and η are positive numbers", all(_positive(certificate.get(key)) for key in ("rate", "eta"))),
    )
    if not all(proved for _, proved in identity):
        return Check(identity)
    with ctx.workprec(BITS):
        return Check(identity + _examine(certificate, X, y, W, beta, b))


def digest(*arrays: np.ndarray) -> str:
    """SHA-256 of shapes and bytes."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(repr(array.shape).encode() + np.ascontiguousarray(array, dtype="<f8").tobytes())
    return sha.hexdigest()


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


#: The constants that the theorem uses; others are checked if they are there.
REQUIRED = ("residual_norm", "lambda_min", "lambda_max", "lambda_max_K", "sigma", "drift")


def _examine(record: dict[str, Any], X: Any, y: Any, W: Any, beta: Any, b: Any) -> tuple[tuple[str, bool], ...]:
    """Every number in ``constants`` against its definition, then the theorem's two conditions."""
    try:
        said = {name: arb(float(value)) for name, value in record["constants"].items()}
        E, low, high, top, sigma, tau = (said[name] for name in REQUIRED)
    except (KeyError, TypeError, ValueError, AttributeError):
        return (("the constants are complete", False),)
    a, eta, psi = arb(record["rate"]), arb(record["eta"]), record["activation"]
    betas, bs = list(map(arb, beta.tolist())), list(map(arb, b.tolist()))
    now = _now(psi, arb_mat(X.tolist()), y, arb_mat(W.T.tolist()), betas, bs)
    moved = _drift(psi, now, top, bs, betas, sigma, E / a)
    kink = moved.pop("kink")
    true = {"residual_norm": _norm(now.e), "b_norm": _norm(bs), "beta_norm": _norm(betas), **moved}
    proved = {name: bool(said[name] >= true[name]) for name in said if name in true}
    proved["sigma"] = bool(sigma > 0) and positive_definite(-now.G, -sigma * sigma)
    proved["lambda_max_K"] = positive_definite(-now.K, -top)
    proved["lambda_min"] = positive_definite(now.A, low)
    proved["lambda_max"] = positive_definite(-now.A, -high)
    if "step" in said:
        proved["step"] = bool(said["step"] >= eta * high * (1 - arb(2) ** -50))
    return (
        *((f"{name} = {float(said[name]):.9g}", proved.get(name, False)) for name in said),
        ("no margin claims more than the constants", _agree(record, _margins(psi, a, eta, low, high, tau, kink))),
        ("a + drift ≤ λ_min(A)", bool(a + tau <= low)),
        ("η (λ_max(A) + drift + a) ≤ 2", bool(eta * (high + tau + a) <= 2)),
    )


@dataclass(frozen=True)
class Now:
    """Enclosures at the certified weights; z, slope (ψ′) and bend (ψ″) row by row."""

    K: Matrix
    G: Matrix
    A: Matrix
    e: list[Ball]
    z: list[Ball]
    slope: list[Ball]
    bend: list[Ball]


def _now(psi: str, X: Matrix, y: Any, W_T: Matrix, beta: list[Ball], b: list[Ball]) -> Now:
    n, p = X.nrows(), W_T.ncols()
    K, z = X * X.transpose(), (X * W_T).entries()
    values, slope, bend = map(list, zip(*map(ACTIVATIONS[psi], z), strict=True))
    Psi, D = arb_mat(n, p, values), arb_mat(n, p, slope)
    signed = arb_mat(n, p, [s * b[i % p] * beta[i % p] for i, s in enumerate(slope)])
    G, mixed = Psi * Psi.transpose() / p, signed * D.transpose() / p
    H = arb_mat(n, n, [k * m for k, m in zip(K.entries(), mixed.entries(), strict=True)])
    e = Psi * arb_mat(p, 1, beta) / arb(p).sqrt() - arb_mat(n, 1, y.tolist())
    return Now(K, G, G + H, e.entries(), z, slope, bend)


Margins = dict[tuple[str, str], tuple[Ball, Ball]]


def _margins(psi: str, a: Ball, eta: Ball, low: Ball, high: Ball, tau: Ball, kink: Ball) -> Margins:
    B1, B2, _ = BOUNDS[psi]()
    most = arb(float(np.finfo(float).max))
    return {
        ("sup |ψ′|", "≤"): (B1, most),
        ("sup |ψ″|", "≤"): (B2, most),
        ("λ_min(A)", ">"): (low, arb(0)),
        ("η λ_max(A)", "≤"): (eta * high, arb(2)),
        ("distance from the kink / radius of the tube", ">"): (kink, arb(1)),
        ("λ_min(A) − drift", "≥"): (low - tau, a),
        ("η (λ_max(A) + drift + a)", "≤"): (eta * (high + tau + a), arb(2)),
    }


def _agree(record: dict[str, Any], expected: Margins) -> bool:
    """Whether no recorded margin claims more than is known, to the digits that rounding leaves."""
    try:
        for name, value, threshold, relation in record["margins"]:
            said, limit = arb(float(value)), arb(float(threshold))
            known, asked = expected[name, relation]
            excess = known - said if relation == "≤" else said - known
            if not (excess <= abs(known) * 1e-8 and abs(limit - asked) <= abs(asked) * 1e-8):
                return False
    except (TypeError, ValueError, KeyError):
        return False
    return True


def _drift(
    name: str, now: Now, top: Ball, b: list[Ball], beta: list[Ball], sigma: Ball, U: Ball
) -> dict[str, Ball]:
    """Lemmas 1 to 5: what can move while η Σ ‖e‖ ≤ U."""
    K, n, p = now.K, now.K.nrows(), len(b)
    B1, B2, B3 = BOUNDS[name]()
    squares = arb_mat(n, n, [k * k for k in K.entries()])
    reach = [abs(x) * U / arb(p).sqrt() for x in b]
    centre, curve, slopes = [abs(x) for x in now.slope], [abs(x) for x in now.bend], [B1] * (n * p)
    for _ in range(NARROWINGS):
        total = (squares * arb_mat(n, p, [s * s for s in slopes])).entries()
        radius = [reach[i % p] * x.sqrt() for i, x in enumerate(total)]
        slopes = [_least(B1, s + r * (c + r * B3 / 2)) for s, c, r in zip(centre, curve, radius, strict=True)]
    bends = [_least(B2, c + r * B3) * r for c, r in zip(curve, radius, strict=True)]
    q, g = _congruences(K, squares, top, slopes, p), _congruences(K, squares, top, bends, p)
    psi = U / p * _norm([x * y for x, y in zip(b, q, strict=True)])
    swing = sum((abs(x * y) * (u * v).sqrt() for x, y, u, v in zip(b, beta, q, g, strict=True)), arb(0))
    kink = arb.pos_inf()
    if name == "relu":
        for r, x in zip(radius, now.z, strict=True):
            kink = kink.min(arb(x.abs_lower()) / r) if r > 0 else kink
    return {
        "kink": kink,
        "drift": 3 * sigma * psi + 2 * psi * psi + 2 * swing / p if kink > 1 else arb.pos_inf(),
        "drift_psi": psi,
        "drift_beta": (sigma + psi) * U,
        "tube_radius": _greatest(radius),
    }


def _congruences(K: Matrix, squares: Matrix, top: Ball, D: list[Ball], p: int) -> list[Ball]:
    """For each unit, an upper bound of ‖D_r K D_r‖₂."""
    n = K.nrows()
    rows = (arb_mat(n, n, [abs(k) for k in K.entries()]) * arb_mat(n, p, D)).entries()
    norms = (squares * arb_mat(n, p, [x * x for x in D])).entries()
    bounds = []
    for r in range(p):
        mine = D[r::p]
        spectral = top * _greatest(mine) ** 2
        frobenius = sum((x * x * y for x, y in zip(mine, norms[r::p], strict=True)), arb(0)).sqrt()
        row_sum = _greatest([x * y for x, y in zip(mine, rows[r::p], strict=True)])
        bounds.append(_least(spectral, _least(frobenius, row_sum)))
    return bounds


def _least(x: Ball, y: Ball) -> Ball:
    return x.min(y)


def _greatest(balls: list[Ball]) -> Ball:
    best = balls[0]
    for ball in balls[1:]:
        best = best.max(ball)
    return best


def _norm(balls: list[Ball]) -> Ball:
    return sum((arb(x.abs_upper()) ** 2 for x in balls), arb(0)).sqrt()


def positive_definite(A: Matrix, shift: Ball) -> bool:
    """Whether A − shift·I is proved positive definite, by Cholesky's method L Lᵀ in balls."""
    n = A.nrows()
    with ctx.workprec(CHOLESKY_BITS):
        blur = _norm([x.rad() for x in A.entries()])
        L: list[list[Ball]] = []
        for i in range(n):
            row: list[Ball] = []
            for j in range(i):
                inner = sum((u * v for u, v in zip(row, L[j], strict=False)), arb(0))
                row.append((A[i, j].mid() - inner) / L[j][j])
            square = A[i, i].mid() - shift - blur - sum((u * u for u in row), arb(0))
            if not square > 0:
                return False
            row.append(square.sqrt())
            L.append(row)
    return True


def _tanh(z: Ball) -> tuple[Ball, Ball, Ball]:
    slope = z.sech() ** 2
    return z.tanh(), slope, 2 * z.tanh() * slope


def _sigmoid(z: Ball) -> tuple[Ball, Ball, Ball]:
    slope = (z / 2).sech() ** 2 / 4
    return (1 + (z / 2).tanh()) / 2, slope, slope * (z / 2).tanh()


def _erf(z: Ball) -> tuple[Ball, Ball, Ball]:
    slope = 2 * (-(z**2)).exp() / arb.pi().sqrt()
    return z.erf(), slope, 2 * z * slope


def _softplus(z: Ball) -> tuple[Ball, Ball, Ball]:
    return (1 + z.exp()).log(), (1 + (z / 2).tanh()) / 2, (z / 2).sech() ** 2 / 4


def _relu(z: Ball) -> tuple[Ball, Ball, Ball]:
    if z > 0 or z < 0:
        return (z, arb(1), arb(0)) if z > 0 else (arb(0), arb(0), arb(0))
    return z.max(arb(0)), arb(0.5, 0.5), arb(0)


#: ψ, ψ′ and ±ψ″.
ACTIVATIONS: dict[str, Callable[[Ball], tuple[Ball, Ball, Ball]]] = {
    "identity": lambda z: (z, arb(1), arb(0)),
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "erf": _erf,
    "softplus": _softplus,
}

#: sup |ψ′|, sup |ψ″|, sup |ψ‴|; for ReLU those of its linear pieces.
BOUNDS: dict[str, Callable[[], tuple[Ball, Ball, Ball]]] = {
    "identity": lambda: (arb(1), arb(0), arb(0)),
    "relu": lambda: (arb(1), arb(0), arb(0)),
    "tanh": lambda: (arb(1), 4 / arb(27).sqrt(), arb(2)),
    "sigmoid": lambda: (arb(1) / 4, arb(3).sqrt() / 18, arb(1) / 8),
    "erf": lambda: (2 / arb.pi().sqrt(), (8 / arb.pi()).sqrt() * (arb(-1) / 2).exp(), 4 / arb.pi().sqrt()),
    "softplus": lambda: (arb(1), arb(1) / 4, arb(3).sqrt() / 18),
}
