"""The error bounds of Hermite coefficients and moments, from the theorem of docs/kernels.md, one term a line.

Nothing of the package is used. ``sup`` is (sup|g|, sup|g′|, …), ``strip`` (width, offset, growth) or None.
"""

import math

U = 2.0**-53
C = (None, 0.5, 2 * (math.pi**2 / 6) / (2 * math.pi) ** 2, 2 * 1.2020569031595942 / (2 * math.pi) ** 3)


def envelope(sup, strip, at_0, rounding):
    """(c, c′) with |g(z)| ≤ c + c′|z|."""
    if math.isfinite(sup[0]):
        return sup[0], 0.0
    if math.isfinite(sup[1]):
        return at_0 + U * (4 * at_0 + (rounding or 0) * (1 + at_0)), sup[1]
    return strip[1], strip[2]


def norms(sup, line, sigma):
    """F_0 ≥ ‖g_σ‖ in L⁴, and F_j = σ^j sup|g^(j)|, as long as they are finite."""
    F = [line[0] + 3**0.25 * line[1] * sigma]
    for j in range(1, len(sup)):
        if math.isinf(sup[j]):
            break
        F.append(sigma**j * sup[j])
    return F


def analytic(strip, sigma, k, h, power=1):
    """2 S e^{a²/2 + a√k}/(e^{2πa/h} − 1) at the best a ≤ width/σ; S² for the square."""
    if strip is None:
        return math.inf
    S = (strip[1] + strip[2] * sigma) ** power
    best = 2 * math.pi / h - math.sqrt(k)
    a = min(strip[0] / sigma, best) if sigma > 0 else best
    if a <= 0:
        return math.inf
    return (
        2 * S * math.exp(a * a / 2 + a * math.sqrt(k) - 2 * math.pi * a / h) / (1 - math.exp(-2 * math.pi * a / h))
    )


def smooth(F, k, h):
    """c_m h^m Σ_j C(m, j) F_j √((k + 1) … (k + m − j)), the least over m."""
    bounds = [math.inf]
    for m in range(1, len(F)):
        rising = [math.sqrt(math.prod(range(k + 1, k + m - j + 1))) for j in range(m + 1)]
        bounds.append(C[m] * h**m * sum(math.comb(m, j) * F[j] * rising[j] for j in range(m + 1)))
    return min(bounds)


def left_out(line, sigma, L):
    """T = 2 (c/L + c′σ) √(φ(L)(L + 1/L))."""
    density = math.exp(-L * L / 2) / math.sqrt(2 * math.pi)
    return 2 * (line[0] / L + line[1] * sigma) * math.sqrt(density * (L + 1 / L))


def evaluation(sup, norm, sigma, rounding):
    """What g itself is off by, in L²: its argument by u of itself, and its value."""
    slope = sup[1] if math.isfinite(sup[1]) else 0.0
    if rounding is None:
        return U * (4 * norm + slope * sigma)
    return U * (rounding * (1 + norm + slope * sigma) + slope * sigma)


def coefficient(sup, strip, line, sigma, k, h, L, M, norm, rounding):
    """A + T + R."""
    A = min(analytic(strip, sigma, k, h), smooth(norms(sup, line, sigma), k, h))
    R = (1.13 * (M + 100) * U + 8 * k * U) * norm + 1.13 * evaluation(sup, norm, sigma, rounding) + M * 2.0**-1074
    return A + left_out(line, sigma, L) + R


def square_discretisation(sup, strip, line, sigma, h, L):
    """The same argument with g² for g and k = 0: products of norms for the norms."""
    F = norms(sup, line, sigma)
    products = [sum(math.comb(j, i) * F[i] * F[j - i] for i in range(j + 1)) for j in range(len(F))]
    bound = min(analytic(strip, sigma, 0, h, power=2), smooth(products, 0, h))
    return bound + left_out(line, sigma, L) ** 2


def product(sup, sigmas, norm, M, rounding):
    """Rounding of Σ g_i g_j φh: its additions, and each factor off by `evaluation`."""
    off = [evaluation(sup, norm[i], sigmas[i], rounding) for i in (0, 1)]
    summed = 1.13 * (M + 100) * U * norm[0] * norm[1]
    return summed + norm[0] * off[1] + off[0] * norm[1] + off[0] * off[1] + M * 2.0**-1074


def pair(rho, a, delta, tau, scale, added, block):
    """Σ_k a_k a′_k ρ^k and its error, added until the rest is below rounding. ``tau`` is ‖g‖² with its errors.

    ``a`` and ``delta`` are two lists each; ``tau`` is taken down block by block.
    """
    value, error, power, tau = 0.0, 0.0, 1.0, list(tau)
    for k in range(len(a[0])):
        if k % block == 0:
            if k:
                for i in (0, 1):
                    tau[i] -= sum(max(abs(a[i][q]) - delta[i][q], 0) ** 2 for q in range(k - block, k))
            rest = math.sqrt(max(tau[0], 0)) * math.sqrt(max(tau[1], 0))
            enough = max(1e-15 * scale[0] * scale[1], 4 * error)
        if abs(power) * rest <= enough:
            return value, error + abs(power) * rest + added * scale[0] * scale[1]
        value += power * a[0][k] * a[1][k]
        error += abs(power) * (
            abs(a[0][k]) * delta[1][k] + delta[0][k] * abs(a[1][k]) + delta[0][k] * delta[1][k]
            + (k + 4) * U * abs(a[0][k] * a[1][k])
        )  # fmt: skip
        power *= rho
    tau = [
        tau[i] - sum(max(abs(u) - v, 0) ** 2 for u, v in zip(a[i][-block:], delta[i][-block:], strict=True))
        for i in (0, 1)
    ]
    rest = math.sqrt(max(tau[0], 0)) * math.sqrt(max(tau[1], 0))
    return value, error + abs(power) * rest + added * scale[0] * scale[1]
