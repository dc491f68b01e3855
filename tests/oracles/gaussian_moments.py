"""E g(u)g(v) of Gaussian pairs in ball arithmetic, g = ψ or ψ′: closed forms, and series for what has none.

Imports nothing of the package. Each closed form takes (K_uu, K_vv, K_uv) as balls and returns (E ψψ, E ψ′ψ′).
"""

import itertools
import math

from flint import arb, arb_mat, ctx

BITS = 200  # sixty digits


def _planes(Ku, Kv, Kuv):
    """√(K_uu K_vv) times sin and cos of the angle, and the angle."""
    sine = (Ku * Kv - Kuv * Kuv).max(arb(0)).sqrt()
    return sine, Kuv, arb.atan2(sine, Kuv)


def identity(Ku, Kv, Kuv):
    return Kuv, arb(1)


def relu(Ku, Kv, Kuv):
    sine, cosine, theta = _planes(Ku, Kv, Kuv)
    left = arb.pi() - theta
    return (sine + left * cosine) / (2 * arb.pi()), left / (2 * arb.pi())


def leaky(slope):
    """ψ = slope·z + (1 − slope)·relu; E u relu(v) = K_uv/2."""
    a = arb(slope)

    def moments(Ku, Kv, Kuv):
        r, step = relu(Ku, Kv, Kuv)
        return a * Kuv + (1 - a) ** 2 * r, a + (1 - a) ** 2 * step

    return moments


def absolute(Ku, Kv, Kuv):
    """|z| = 2 relu − z, so E|u||v| = 4 E relu relu − K_uv; sign = 2 step − 1."""
    r, step = relu(Ku, Kv, Kuv)
    return 4 * r - Kuv, 4 * step - 1


def erf(Ku, Kv, Kuv):
    both = (1 + 2 * Ku) * (1 + 2 * Kv)
    inside = both - 4 * Kuv * Kuv
    return 2 / arb.pi() * arb.atan2(2 * Kuv, inside.sqrt()), 4 / arb.pi() / inside.sqrt()


def sine(amplitude):
    def moments(Ku, Kv, Kuv):
        common = arb(amplitude) ** 2 * (-(Ku + Kv) / 2).exp()
        return common * Kuv.sinh(), common * Kuv.cosh()

    return moments


def bump(Ku, Kv, Kuv):
    """exp(−z²): the Gaussian integral with Σ⁻¹ + 2I for Σ⁻¹."""
    D = (1 + 2 * Ku) * (1 + 2 * Kv) - 4 * Kuv * Kuv
    return 1 / D.sqrt(), 4 * Kuv / (D * D.sqrt())


# ψ and ψ′ without closed moments, of balls.
FUNCTIONS = {
    "tanh": (lambda z: z.tanh(), lambda z: 1 / z.cosh() ** 2),
    "steep": (lambda z: (3 * z).tanh(), lambda z: 3 / (3 * z).cosh() ** 2),
    "sigmoid": (lambda z: 1 / (1 + (-z).exp()), lambda z: 1 / (2 * (z / 2).cosh()) ** 2),
    "centred": (lambda z: (z / 2).tanh() / 2, lambda z: 1 / (2 * (z / 2).cosh()) ** 2),
    "softplus": (lambda z: z.exp().log1p(), lambda z: 1 / (1 + (-z).exp())),
    "softsign": (lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
}


def clip(at):
    return lambda z: z.max(arb(-at)).min(arb(at)), lambda z: arb(1) if abs(z) < at else arb(0)


def trapezoid_nodes(step=0.0078125, reach=16.0):
    """Nodes and weights of ∫ f(s) ds: the error is exp(−2πa/step) at half-width a of the strip of analyticity."""
    half = round(reach / step)
    return [arb(m) * arb(step) for m in range(-half, half + 1)], [arb(step)] * (2 * half + 1)


def piecewise_nodes(breaks, step=0.015625, reach=16.0):
    """Tanh-sinh nodes of ∫ f(s) ds over [−reach, reach], f analytic but at the breaks ≥ 0 and their mirrors."""
    ends = sorted({0.0, reach, *(b for b in breaks if 0 < b < reach)})
    nodes, weights = [], []
    for low, high in itertools.pairwise(ends):
        middle, half = (arb(low) + arb(high)) / 2, (arb(high) - arb(low)) / 2
        for m in range(-round(4.5 / step), round(4.5 / step) + 1):
            t = arb(m) * arb(step)
            inner = arb.pi() / 2 * t.sinh()
            x, w = inner.tanh(), arb(step) * arb.pi() / 2 * t.cosh() / inner.cosh() ** 2
            for sign in (-1, 1):
                nodes.append(sign * (middle + half * x))
                weights.append(half * w)
    return nodes, weights


def coefficients(functions, nodes, weights, orders, block=100):
    """a_k = ∫ f(s) h_k(s) φ(s) ds for k < orders, one row a function of a ball: rows of balls."""
    values = arb_mat([[f(s) for s in nodes] for f in functions])
    root = (2 * arb.pi()).sqrt()
    back = [arb(0)] * len(nodes)
    now = [w * (-s * s / 2).exp() / root for s, w in zip(nodes, weights, strict=True)]
    rows = [[] for _ in functions]
    for first in range(0, orders, block):
        table = []
        for k in range(first, min(first + block, orders)):
            table.append(now)
            down, up = arb(k).sqrt(), 1 / arb(k + 1).sqrt()
            back, now = now, [(s * x - down * b) * up for s, x, b in zip(nodes, now, back, strict=True)]
        found = values * arb_mat(table).transpose()
        for i, row in enumerate(rows):
            row.extend(found[i, j] for j in range(len(table)))
    return rows


def series(a, b, rho):
    """Σ a_k b_k ρ^k."""
    total, power = arb(0), arb(1)
    for x, y in zip(a, b, strict=True):
        total, power = total + x * y * power, power * rho
    return total


def product(f, g, nodes, weights, sign=1):
    """E f(s) g(±s), the moment of a parallel pair."""
    root = (2 * arb.pi()).sqrt()
    terms = (f(s) * g(sign * s) * w * (-s * s / 2).exp() for s, w in zip(nodes, weights, strict=True))
    return sum(terms, arb(0)) / root


def precise(bits=BITS):
    """Set the working precision."""
    ctx.prec = bits


def distance(computed, truth):
    """|computed − truth| as a float that is not below it; the truth must be known to thirty digits."""
    off = abs(arb(computed) - truth)
    assert float(truth.rad()) <= 1e-30 * max(float(abs(truth).mid()), 1e-280)
    return math.nextafter(float(off.mid()) + float(off.rad()), math.inf)
