"""Ball arithmetic: what the certificates need, enclosed (python-flint, the optional extra ``rigorous``).

The weights, X and y are taken as the exact floating-point numbers that they are. Everything computed from them is
a ball that contains the true value, so a comparison that comes out true is a theorem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref.setting import Setting
from theory.certificates.alignment import Aligned, Direction
from theory.certificates.definite import flint, lambda_max_upper, lambda_min_lower, midpoints, precision, upper
from theory.certificates.tubes import Formula, State, curvature_formula, upward
from theory.precision import EPS, UNIT_ROUNDOFF

if TYPE_CHECKING:
    from fa_ref.network import Network

__all__ = ["Balls", "Enclosure", "enclose"]

Array = NDArray[np.float64]
Ball = Any  # flint.arb

#: Bits of the enclosures.
BITS = 64

_TINY = 1e-300  # more than what underflow can lose


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
        return cls(mid, (rad + np.abs(mid) * EPS) * upward() + _TINY)

    def scatter(self) -> list[Ball]:
        """Arbs, row by row."""
        return list(map(flint().arb, self.mid.ravel().tolist(), self.rad.ravel().tolist()))

    @property
    def T(self) -> Balls:
        """The transpose."""
        return Balls(self.mid.T, self.rad.T)

    @property
    def magnitude(self) -> Array:
        """At least |x|, entry by entry."""
        magnitude: Array = (np.abs(self.mid) + self.rad) * upward()
        return magnitude

    def __matmul__(self, other: Balls) -> Balls:
        left, right = np.abs(self.mid), np.abs(other.mid)
        terms = self.mid.shape[1]
        gamma = 1.001 * (terms + 2) * UNIT_ROUNDOFF
        rad = left @ other.rad + self.rad @ (right + other.rad) + gamma * (left @ right)
        return Balls(self.mid @ other.mid, rad * upward(terms) + _TINY)


def _tanh(z: Ball) -> tuple[Ball, Ball]:
    psi = z.tanh()
    return psi, 1 - psi * psi


def _sigmoid(z: Ball) -> tuple[Ball, Ball]:
    psi = 1 / (1 + (-z).exp())
    return psi, psi * (1 - psi)


def _erf(z: Ball) -> tuple[Ball, Ball]:
    return z.erf(), 2 / flint().arb.pi().sqrt() * (-z * z).exp()


def _softplus(z: Ball) -> tuple[Ball, Ball]:
    return z.exp().log1p(), 1 / (1 + (-z).exp())


def _relu(z: Ball) -> tuple[Ball, Ball]:
    arb = flint().arb
    if z > 0:
        return z, arb(1)
    return (arb(0), arb(0)) if z < 0 else (arb(0).max(z), arb(0.5, 0.5))


ENCLOSURES: dict[str, Callable[[Ball], tuple[Ball, Ball]]] = {
    "identity": lambda z: (z, flint().arb(1)),
    "relu": _relu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "erf": _erf,
    "softplus": _softplus,
}


@dataclass(frozen=True, kw_only=True)
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
    aligned : Aligned or None
        Where β and its limit point, relative to b; None if b = 0 or A could not be inverted.
    """

    state: State
    residual_norm: float
    lambda_min: float
    lambda_max: float
    aligned: Aligned | None


def enclose(setting: Setting) -> Enclosure:
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
    >>> one = enclose(Setting(Problem([[2.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "identity", eta=0.1))
    >>> one.residual_norm >= 1.0, one.lambda_min <= 8.0 <= one.lambda_max
    (True, True)
    """
    problem, network, activation = setting.problem, setting.start, setting.activation
    curvature = curvature_formula(activation)
    if curvature is None or activation.kind not in ENCLOSURES:
        raise ValueError(f"rigorous: expected one of {', '.join(ENCLOSURES)}, got {activation.name!r}")
    five_balls = 500
    require_memory(f"rigorous: n = {problem.n}, p = {network.p}", five_balls * problem.n * network.p)
    with precision(BITS):
        return _enclose(setting, curvature)


def _enclose(setting: Setting, formula: Formula) -> Enclosure:
    problem, network, activation = setting.problem, setting.start, setting.activation
    matrix, n, p = flint().arb_mat, problem.n, network.p
    X, shape, b = Balls.exact(problem.X), (n, p), network.b.tolist()
    Z, K = X @ Balls.exact(network.W.T), X @ X.T
    z = Z.scatter()
    psi, slope = map(list, zip(*map(ENCLOSURES[str(activation.kind)], z), strict=True))
    curvature = list(map(formula, z, psi, slope))
    weights = [b_r * beta_r for b_r, beta_r in zip(map(flint().arb, b), network.beta.tolist(), strict=True)]
    weighted = Balls.gather([s * weights[i % p] for i, s in enumerate(slope)], shape)
    Psi, D = Balls.gather(psi, shape), Balls.gather(slope, shape)
    G, mixed = (Psi @ Psi.T).scatter(), (weighted @ D.T).scatter()
    A = matrix(n, n, [(g + k * m) / p for g, k, m in zip(G, K.scatter(), mixed, strict=True)])
    f = matrix(n, p, psi) * matrix(p, 1, network.beta.tolist()) / flint().arb(p).sqrt()
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
        sigma=upper(flint().arb(lambda_max_upper(matrix(n, n, G)) / p).sqrt()),
        b=np.abs(network.b),
        beta=np.abs(network.beta),
    )
    return Enclosure(
        state=state, residual_norm=_norm_upper(e), lambda_min=lambda_min_lower(A), lambda_max=lambda_max_upper(A),
        aligned=_aligned(A, e, matrix(n, p, psi), network),
    )  # fmt: skip


def _aligned(A: Any, e: list[Ball], Psi: Any, network: Network) -> Aligned | None:
    """β and β − Ψᵀx/√p relative to b, with a floating-point x ≈ A⁻¹e and a bound of ‖e − Ax‖."""
    matrix, arb, p = flint().arb_mat, flint().arb, network.p
    centre, residual = midpoints(A), np.array([float(x.mid()) for x in e])
    if not (network.b.any() and np.isfinite(centre).all() and np.isfinite(residual).all()):
        return None
    try:
        x = np.linalg.solve(centre, residual).tolist()
    except np.linalg.LinAlgError:
        return None
    b, beta = matrix(p, 1, network.b.tolist()), matrix(p, 1, network.beta.tolist())
    root, length = arb(p).sqrt(), sum((v * v for v in b.entries()), arb(0)).sqrt()
    column = matrix(len(x), 1, x)
    left = A * column - matrix(len(x), 1, e)
    return Aligned(
        now=_direction(beta, b, length),
        limit=_direction(beta - Psi.transpose() * column / root, b, length),
        push=_norm_upper((Psi * b / root / length).entries()),
        defect=_norm_upper(left.entries()),
    )


def _direction(v: Any, b: Any, length: Ball) -> Direction:
    """Enclose ⟨b̂, v⟩ and ‖v − ⟨b̂, v⟩b̂‖."""
    along = (b.transpose() * v).entries()[0] / length
    rest = (v - b * flint().arb_mat(1, 1, [along / length])).entries()
    across = sum((x * x for x in rest), flint().arb(0)).sqrt()
    return Direction(along=(-upper(-along), upper(along)), across=(max(-upper(-across), 0.0), upper(across)))


def _norm_upper(balls: list[Ball]) -> float:
    return upper(sum((x.abs_upper() ** 2 for x in balls), flint().arb(0)).sqrt())
