"""Events and levels of random initialisation: docs/convergence.md, sections 6 and 8, and docs/linear.md, section 5.

Nothing of the package is used; equations are solved by plain bisection.
"""

import math


def bisect(f, low, high):
    """The root of an increasing function, to the last digit."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return (low + high) / 2


def b_failure(p):
    return math.exp(-0.5 * p * (1 - math.log(2)))


def moment_failure(p):
    """Cantelli, with mean √(2/π) and variance 3 − 2/π of |β|b²: P(> 2)."""
    variance, distance = 3 - 2 / math.pi, 2 - math.sqrt(2 / math.pi)
    return variance / p / (variance / p + distance**2)


def square_level(p, delta):
    L = math.log(1 / delta)
    return 1 + 2 * math.sqrt(L / p) + 2 * L / p


def cantelli(mean, variance, p, delta):
    """The x with variance/p/(variance/p + (x − mean)²) = δ."""
    return mean + math.sqrt(variance / p * (1 - delta) / delta)


def gram_failure(p, n, B0, gamma):
    """n·exp(−((ε + (1 − ε) ln(1 − ε)) pγ/(nB0²)) at ε = ¼, and 16 n² B0⁴/(pγ²)."""
    chernoff = n * math.exp(-(0.25 + 0.75 * math.log(0.75)) * p * gamma / (n * B0**2))
    return min(1, chernoff), min(1, 16 * n**2 * B0**4 / (p * gamma**2))


def gram_low(p, n, B0, gamma, delta):
    def left(s):
        return (s + (1 - s) * math.log(1 - s)) * p * gamma / (n * B0**2) - math.log(n / delta)

    return (1 - bisect(left, 0.0, 1 - 1e-13)) * gamma if left(1 - 1e-13) > 0 else 0.0


def gram_high(p, n, B0, top, delta):
    def left(s):
        return ((1 + s) * math.log(1 + s) - s) * p * top / (n * B0**2) - math.log(n / delta)

    return min(n * B0**2, (1 + bisect(left, 0.0, 1e6)) * top)


def h_failure(p, n, B1, chi, K, level):
    return min(1, B1**4 * K**2 / (p * level**2), 2 * n * math.exp(-p * level**2 / (4 * B1**4 * chi**4)))


def h_level(p, n, B1, chi, K, delta, b_square):
    """Each route solved for the level; the series has variance b_square B1⁴χ⁴/p."""
    return min(
        math.sqrt(B1**4 * K**2 / (p * delta)),
        math.sqrt(2 * b_square * B1**4 * chi**4 / p * math.log(2 * n / delta)),
    )


def printed(n, p, psi, chi, K, gamma, delta, y):
    """Theorem 3.2 with ¾γ, γ/8, 2 and 2: the entries, and what is left of δ for ‖e(0)‖; None if nothing is."""
    B0, B1 = psi
    spent = min(gram_failure(p, n, B0, gamma)) + h_failure(p, n, B1, chi, K, gamma / 8)
    spent += b_failure(p) + moment_failure(p)
    if spent >= delta:
        return None
    size = B0 * math.sqrt(n)
    return {
        "e_norm": y + size * (1 + math.sqrt(2 * math.log(1 / (delta - spent)))), "g_low": 0.75 * gamma,
        "g_top": n * B0**2, "h_norm": gamma / 8, "b_square": 2, "moment": 2, "beta_norm": 0, "overlap": math.inf,
    }  # fmt: skip


def shared(n, p, psi, chi, K, gamma, top, delta, y):
    """δ/16 for each of eight events, δ/2 for ‖f(0)‖."""
    (B0, B1), share = psi, delta / 16
    b2, g_top = square_level(p, share), gram_high(p, n, B0, top, share)
    return {
        "e_norm": y + B0 * math.sqrt(n) + math.sqrt(g_top * 2 * math.log(2 / delta)),
        "g_low": gram_low(p, n, B0, gamma, share), "g_top": g_top,
        "h_norm": h_level(p, n, B1, chi, K, share, b2), "b_square": b2,
        "b_fourth": cantelli(3, 96, p, share),
        "moment": cantelli(math.sqrt(2 / math.pi), 3 - 2 / math.pi, p, share),
        "beta_norm": math.sqrt(p * (1 - 2 * math.sqrt(math.log(1 / share) / p))),
        "overlap": math.sqrt(2 * math.log(2 / share)),
    }  # fmt: skip


def linear(n, p, gamma, M, trace, delta, y, sharper):
    """docs/linear.md, section 5."""
    share = delta / 8 if sharper else (delta - 2 * b_failure(p)) / 5
    if share <= 0:
        return None
    b2 = square_level(p, share) if sharper else 2.0
    width = math.sqrt(n / p) + math.sqrt(2 * math.log(1 / share) / p)
    low = math.sqrt(1 - 1 / p) - width if sharper else 1 - width
    if low <= 0:
        return None
    kappa = math.sqrt(b2) * (math.sqrt(trace) + math.sqrt(2 * M * math.log(1 / share)))
    overlap = math.sqrt(2 * b2 / p * math.log(2 / share))
    return {
        "instance": {
            "e_norm": y + kappa, "g_low": gamma * low**2, "g_top": M * (1 + width) ** 2, "h_norm": M * overlap,
            "b_square": b2, "overlap": math.sqrt(2 * math.log(2 / share)),
        },
        "lemmas": {"kappa_b": kappa, "overlap": -overlap, "overlap_up": overlap, "gamma": gamma, "M": M},
        "pull": (math.sqrt(n) + math.sqrt(2 * math.log(1 / share))) ** 2, "stretch": low,
    }  # fmt: skip


def paper_constants(n, p, delta, gamma, D_w, D_beta, beta):
    """c₁, c₂ and c of (3.2) and Section 4, where the movement is D_w |b_r|, D_β and ``beta``."""
    largest = math.sqrt(2 * math.log(p / delta))  # of |b_r|
    start = math.sqrt(p - 2 * math.sqrt(p * math.log(2 / delta)))  # of ‖β(0)‖, from below
    overlap = math.sqrt(2 * math.log(4 / delta))
    return {
        "c₁": D_w * largest * gamma * math.sqrt(p / math.log(p)) / n, "c₂": D_beta * gamma * math.sqrt(p) / n,
        "c": (overlap + beta) / (start - beta) * math.sqrt(p) / n,
    }  # fmt: skip


def isometry_dimensions(n, epsilon, delta):
    """Davidson and Szarek solved for d, the printed order, and the limit of d/n."""
    gap = min(1 - math.sqrt(1 - epsilon), math.sqrt(1 + 3 * epsilon - 4 * epsilon**2) - 1)
    return {
        "sufficient": (math.sqrt(n) + math.sqrt(2 * math.log(2 / delta))) ** 2 / gap**2,
        "printed": math.log(n / delta) / epsilon + n / epsilon * math.log(1 / epsilon), "ratio": gap**-2,
    }  # fmt: skip
