"""Ball arithmetic: what the certificates need, enclosed (python-flint, the optional extra ``rigorous``).

The weights, X and y are taken as the exact floating-point numbers that they are. Everything computed from them is
a ball that contains the true value, so a comparison that comes out true is a theorem.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref.activations import Activation
from theory.certificates.tubes import UPWARD, Formula, State, curvature_formula
from theory.precision import EPS, UNIT_ROUNDOFF

if TYPE_CHECKING:
    from fa_ref.network import Network
    from fa_ref.problem import Problem

__all__ = ["Enclosure", "enclose", "lambda_max_upper", "lambda_min_lower", "positive_definite", "upper"]

Array = NDArray[np.float64]
Ball = Any  # flint.arb
BallMatrix = Any  # flint.arb_mat

#: Bits of the enclosures, and of the Cholesky factorisations, whose rounding can grow from row to row.
BITS, CHOLESKY_BITS = 64, 256

_TINY = 1e-300  # more than what underflow can lose


def _flint() -> Any:
    try:
        import flint
    except ImportError:
        raise ModuleNotFoundError("rigorous: expected python-flint; install fa-ref[rigorous]") from None
    return flint


def _precision(bits: int) -> Any:
    return _flint().ctx.workprec(bits)


def upper(ball: Ball) -> float:
    """A float that is at least every number in the ball.

    Examples
    --------
    >>> from flint import arb
    >>> bool(upper(arb(1) / 3) > arb(1) / 3)
    True
    """
    return math.nextafter(float(ball.upper()), math.inf)  # the conversion to float may round down


@dataclass(frozen=True)
class Balls:
    """A matrix of intervals mid ± rad in floating point, for the products that are too large for balls one by one.

    The midpoint of a product of length k is BLAS' own, whose error is at most γ_k |A||B| whatever the order of its
    sums, γ_k = k·2⁻⁵³/(1 − k·2⁻⁵³); radii are sums of non-negative numbers, rounded up as in
    `theory.certificates.tubes`.

    Examples
    --------
    >>> A = Balls(np.array([[0.1, 0.2]]), np.full((1, 2), 1e-3))
    >>> inner = A @ A.T  # 0.05 ± 2·0.3·10⁻³ and a little more
    >>> bool(6.0e-4 < inner.rad[0, 0] < 6.1e-4)
    True
    """

    mid: Array
    rad: Array

    @classmethod
    def exact(cls, values: Array) -> Balls:
        """Numbers without error."""
        return cls(values, np.zeros(values.shape))

    @classmethod
    def gather(cls, balls: list[Ball], shape: tuple[int, ...]) -> Balls:
        """Floats around arbs: the radius takes up the rounding of the midpoint."""
        mid = np.array([float(ball.mid()) for ball in balls]).reshape(shape)
        rad = np.array([float(ball.rad()) for ball in balls]).reshape(shape)
        return cls(mid, (rad + np.abs(mid) * EPS) * UPWARD + _TINY)

    def scatter(self) -> list[Ball]:
        """Arbs, row by row."""
        return list(map(_flint().arb, self.mid.ravel().tolist(), self.rad.ravel().tolist()))

    @property
    def T(self) -> Balls:
        """The transpose."""
        return Balls(self.mid.T, self.rad.T)

    @property
    def magnitude(self) -> Array:
        """At least |x|, entry by entry."""
        return (np.abs(self.mid) + self.rad) * UPWARD

    def __matmul__(self, other: Balls) -> Balls:
        left, right = np.abs(self.mid), np.abs(other.mid)
        gamma = 1.001 * (self.mid.shape[1] + 2) * UNIT_ROUNDOFF
        rad = left @ other.rad + self.rad @ (right + other.rad) + gamma * (left @ right)
        return Balls(self.mid @ other.mid, rad * UPWARD + _TINY)


def _tanh(z: Ball) -> tuple[Ball, Ball]:
    psi = z.tanh()
    return psi, 1 - psi * psi


def _sigmoid(z: Ball) -> tuple[Ball, Ball]:
    psi = 1 / (1 + (-z).exp())
    return psi, psi * (1 - psi)


def _erf(z: Ball) -> tuple[Ball, Ball]:
    return z.erf(), 2 / _flint().arb.pi().sqrt() * (-z * z).exp()


def _softplus(z: Ball) -> tuple[Ball, Ball]:
    return z.exp().log1p(), 1 / (1 + (-z).exp())


def _relu(z: Ball) -> tuple[Ball, Ball]:
    arb = _flint().arb
    if z > 0:
        return z, arb(1)
    return (arb(0), arb(0)) if z < 0 else (arb(0).max(z), arb(0.5, 0.5))


ENCLOSURES: dict[str, Callable[[Ball], tuple[Ball, Ball]]] = {
    "identity": lambda z: (z, _flint().arb(1)),
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "erf": _erf,
    "softplus": _softplus,
}


@dataclass(frozen=True)
class Enclosure:
    """The present of a network on a problem, enclosed.

    Attributes
    ----------
    state : State
        Upper bounds for `theory.certificates.tubes.drift`.
    residual_norm : float
        At least ‖e‖.
    lambda_min, lambda_max : float
        At most λ_min(A), at least λ_max(A), for A = G + H.
    """

    state: State
    residual_norm: float
    lambda_min: float
    lambda_max: float


def enclose(problem: Problem, network: Network, activation: Activation) -> Enclosure:
    """Enclose e, G, H, K and the derivatives of ψ at the pre-activations.

    Raises
    ------
    ModuleNotFoundError
        Without python-flint.
    ValueError
        If the activation is not one of the named ones (a user's ψ is compiled code, which encloses nothing), or the
        balls do not fit in memory.

    Examples
    --------
    >>> from fa_ref import Network, Problem
    >>> from fa_ref.activations import identity
    >>> one = enclose(Problem([[2.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), identity)
    >>> one.residual_norm >= 1.0, one.lambda_min <= 8.0 <= one.lambda_max
    (True, True)
    """
    curvature = curvature_formula(activation)
    if curvature is None:
        raise ValueError(f"rigorous: expected one of {', '.join(ENCLOSURES)}, got the user's {activation.name!r}")
    five_balls = 500
    require_memory(f"rigorous: n = {problem.n}, p = {network.p}", five_balls * problem.n * network.p)
    with _precision(BITS):
        return _enclose(problem, network, activation, curvature)


def _enclose(problem: Problem, network: Network, activation: Activation, formula: Formula) -> Enclosure:
    matrix, n, p = _flint().arb_mat, problem.n, network.p
    X, shape, b = Balls.exact(problem.X), (n, p), network.b.tolist()
    Z, K = X @ Balls.exact(network.W.T), X @ X.T
    z = Z.scatter()
    psi, slope = map(list, zip(*map(ENCLOSURES[str(activation.kind)], z), strict=True))
    curvature = list(map(formula, z, psi, slope))
    weights = [b_r * beta_r for b_r, beta_r in zip(map(_flint().arb, b), network.beta.tolist(), strict=True)]
    weighted = Balls.gather([s * weights[i % p] for i, s in enumerate(slope)], shape)
    Psi, D = Balls.gather(psi, shape), Balls.gather(slope, shape)
    G, mixed = (Psi @ Psi.T).scatter(), (weighted @ D.T).scatter()
    A = matrix(n, n, [(g + k * m) / p for g, k, m in zip(G, K.scatter(), mixed, strict=True)])
    f = matrix(n, p, psi) * matrix(p, 1, network.beta.tolist()) / _flint().arb(p).sqrt()
    e = (f - matrix(n, 1, problem.y.tolist())).entries()
    inflate = 1 + 2.0**-40  # the activation's constants are rounded to nearest
    state = State(
        slope=D.magnitude,
        curvature=Balls.gather(curvature, shape).magnitude,
        kink=np.maximum(np.abs(Z.mid) - Z.rad, 0.0) / inflate if activation.kind == "relu" else None,
        B1=activation.B1 * inflate,
        B2=activation.B2 * inflate if activation.smooth else 0.0,
        B3=activation.B3 * inflate if activation.smooth else 0.0,
        K=K.magnitude,
        lambda_max_K=lambda_max_upper(matrix(n, n, K.scatter())),
        sigma=upper(_flint().arb(lambda_max_upper(matrix(n, n, G)) / p).sqrt()),
        b=np.abs(network.b),
        beta=np.abs(network.beta),
    )
    norm = upper(sum((x.abs_upper() ** 2 for x in e), _flint().arb(0)).sqrt())
    return Enclosure(state, norm, lambda_min_lower(A), lambda_max_upper(A))


def positive_definite(A: BallMatrix, shift: float = 0.0) -> bool:
    """Whether every symmetric matrix in the balls of A − shift·I is proved positive definite.

    The balls' radii are first gathered into their Frobenius norm, which moves each eigenvalue by no more; then the
    exact centre is factored by Cholesky's method in balls, and only pivots that are positive throughout count.

    Examples
    --------
    >>> from flint import arb_mat
    >>> A = arb_mat([[2.0, 1.0], [1.0, 2.0]])  # eigenvalues 1 and 3
    >>> positive_definite(A, 0.999), positive_definite(A, 1.0)
    (True, False)
    """
    flint, n = _flint(), A.nrows()
    with _precision(CHOLESKY_BITS):
        entries = [(A[i, j] + A[j, i]) / 2 for i in range(n) for j in range(n)]
        blur = sum((x.rad() * x.rad() for x in entries), flint.arb(0)).sqrt()
        rows = [[entries[i * n + j].mid() for j in range(n)] for i in range(n)]
        for i in range(n):
            rows[i][i] -= flint.arb(shift) + blur
        return _cholesky(rows)


def _cholesky(rows: list[list[Ball]]) -> bool:
    n = len(rows)
    for k in range(n):
        pivot = rows[k][k]
        if not pivot > 0:
            return False
        for i in range(k + 1, n):
            factor = rows[i][k] / pivot
            for j in range(k + 1, i + 1):
                rows[i][j] -= factor * rows[j][k]
    return True


def _midpoints(A: BallMatrix) -> Array:
    mid = np.array([float(x.mid()) for x in A.entries()]).reshape(A.nrows(), A.ncols())
    return (mid + mid.T) / 2


def lambda_min_lower(A: BallMatrix) -> float:
    """A float that is proved to be below λ_min of every symmetric matrix in A; −inf if none is found.

    A floating-point eigenvalue is the guess; `positive_definite` is the proof.

    Examples
    --------
    >>> from flint import arb_mat
    >>> 1.0 - 1e-9 < lambda_min_lower(arb_mat([[2.0, 1.0], [1.0, 2.0]])) < 1.0
    True
    """
    centre = _midpoints(A)
    if not np.isfinite(centre).all():
        return -math.inf
    values = np.linalg.eigvalsh(centre)
    scale = float(np.abs(values).max()) or 1.0
    for margin in (1e-13, 1e-11, 1e-9, 1e-6, 1e-3):
        bound = float(values[0]) - margin * scale
        if positive_definite(A, bound):
            return bound
    return -math.inf


def lambda_max_upper(A: BallMatrix) -> float:
    """A float that is proved to be above λ_max of every symmetric matrix in A; inf if none is found.

    Examples
    --------
    >>> from flint import arb_mat
    >>> 3.0 < lambda_max_upper(arb_mat([[2.0, 1.0], [1.0, 2.0]])) < 3.0 + 1e-9
    True
    """
    return -lambda_min_lower(-A)
