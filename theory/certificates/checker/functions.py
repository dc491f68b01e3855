"""ψ and its derivatives in balls, their suprema, and the few operations on balls that the checker needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flint import arb, ctx

__all__ = ["ACTIVATIONS", "BOUNDS", "greatest", "norm", "positive_definite"]

CHOLESKY_BITS = 320

Ball = Any
Matrix = Any


def _tanh(z: Ball) -> tuple[Ball, Ball, Ball]:
    slope = z.sech() ** 2
    return z.tanh(), slope, 2 * z.tanh() * slope


def _sigmoid(z: Ball) -> tuple[Ball, Ball, Ball]:
    slope = (z / 2).sech() ** 2 / 4
    return 1 / (1 + (-z).exp()), slope, slope * (z / 2).tanh()


def _erf(z: Ball) -> tuple[Ball, Ball, Ball]:
    slope = 2 * (-(z**2)).exp() / arb.pi().sqrt()
    return z.erf(), slope, 2 * z * slope


def _softplus(z: Ball) -> tuple[Ball, Ball, Ball]:
    # As quotients, which keep their relative accuracy where 1 + tanh(z/2) cancels.
    return z.exp().log1p(), 1 / (1 + (-z).exp()), (z / 2).sech() ** 2 / 4


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


def norm(balls: Iterable[Ball]) -> Ball:
    """An upper bound of the Euclidean norm."""
    return sum((arb(x.abs_upper()) ** 2 for x in balls), arb(0)).sqrt()


def greatest(balls: list[Ball]) -> Ball:
    """The largest of some balls."""
    best = balls[0]
    for ball in balls[1:]:
        best = best.max(ball)
    return best


def positive_definite(A: Matrix, shift: Ball) -> bool:
    """Whether A − shift·I is proved positive definite, by Cholesky's method L Lᵀ in balls.

    Examples
    --------
    >>> from flint import arb_mat
    >>> positive_definite(arb_mat([[2.0, 1.0], [1.0, 2.0]]), arb(0.999))
    True
    """
    n = A.nrows()
    with ctx.workprec(CHOLESKY_BITS):
        blur = norm([x.rad() for x in A.entries()])
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
