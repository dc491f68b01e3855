"""Floors of eigenvalues against what the Cholesky factorisation proves, in rational numbers."""

import math
from fractions import Fraction

import numpy as np
import pytest

from theory.kernels import eigenvalue_ceiling, eigenvalue_floor
from theory.kernels.eigenvalues import spectral_bound

U = Fraction(1, 2**53)
TINIEST = 2.0**-1074


def matrices():
    """Entries below 1, the largest at least ½: multiples of I, diagonal, definite, indefinite, of rank one."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 30, 80):
        for value in (0.5, 0.5 + 2.0**-53, 0.75, 1 - 2.0**-53, -0.5, -0.75):
            yield value * np.eye(n)
        for _ in range(6):
            D = np.diag(rng.uniform(-1, 1, size=n))
            F = rng.standard_normal((n, n + 3))
            G = F @ F.T
            S = rng.standard_normal((n, n))
            P = np.outer(F[:, 0], F[:, 0])
            for A in (D, abs(D), G, S + S.T, P, G + 1e3 * np.eye(n)):
                A = A / np.abs(A).max() * rng.uniform(0.5, 0.99)
                yield (A + A.T) / 2


@pytest.fixture
def factorised(monkeypatch):
    """The matrices whose factorisation ran to its end."""
    seen, cholesky = [], np.linalg.cholesky

    def spy(B):
        result = cholesky(B)
        seen.append(B.copy())
        return result

    monkeypatch.setattr(np.linalg, "cholesky", spy)
    return seen


def proved(A, B):
    """λ_min(A) ≥ minᵢ (A_ii − B_ii) − g/(1 − g) tr B where A − B is diagonal: Rump's bound, and Weyl's."""
    n = len(A)
    g = (n + 1) * U / (1 - (n + 1) * U)
    moved = [Fraction(A[i, i]) - Fraction(B[i, i]) for i in range(n)]
    assert np.array_equal(A - np.diag(np.diag(A)), B - np.diag(np.diag(B)))
    return min(moved) - g / (1 - g) * sum(Fraction(B[i, i]) for i in range(n))


def test_a_floor_is_what_the_factorisation_proves(factorised):
    for A in matrices():
        factorised.clear()
        floor = eigenvalue_floor(A)
        assert len(factorised) == 1
        B = factorised[0]
        bound, n = proved(A, B), len(A)
        assert Fraction(floor) <= bound
        # Rump's term twice, 2u of diagonal and shift for their difference, which errs by u, and the last two
        top = Fraction(float(np.abs(np.diag(B)).max()))
        twice = (n + 1) * U / (1 - 2 * (n + 1) * U) * sum(map(Fraction, np.diag(B).tolist()))
        allowed = twice * (1 + n * U + Fraction(1, 10**9)) + 2 * U * (top + abs(Fraction(A[0, 0] - B[0, 0])))
        assert Fraction(floor) >= bound - allowed - U * top - 2 * U * abs(Fraction(floor))


def test_the_first_shift_is_far_enough_nearly_always(monkeypatch):
    """Roundings of n terms: a factorisation takes long, and a second one is needed for one matrix of 210."""
    tried, cholesky = [], np.linalg.cholesky
    monkeypatch.setattr(np.linalg, "cholesky", lambda B: tried.append(len(B)) or cholesky(B))
    given = [eigenvalue_floor(A) for A in matrices()]
    assert len(given) <= len(tried) <= len(given) + 3


def test_a_floor_is_its_formula(factorised):
    """c − 2g/(1 − g) tr B − 2u (max B_ii + |c|), within two roundings; c is −B_ii where A_ii = 0."""
    rng = np.random.default_rng(3)
    for n in (2, 3, 10):
        for _ in range(10):
            A = rng.uniform(-0.9, 0.9, size=(n, n)) / n
            A[0, 1] = rng.uniform(0.8, 0.9)
            A = np.triu(A, 1) + np.triu(A, 1).T
            factorised.clear()
            floor = eigenvalue_floor(A)
            diagonal = [Fraction(x) for x in np.diag(factorised[0]).tolist()]
            c, g = -diagonal[0], (n + 1) * U / (1 - (n + 1) * U)
            formula = c - 2 * g / (1 - g) * sum(diagonal) - 2 * U * (max(diagonal) + abs(c))
            assert abs(Fraction(floor) - formula) <= Fraction(math.ulp(floor)) * (1 + Fraction(1, 1000))


def test_an_eigenvalue_routine_is_not_believed(monkeypatch):
    """A guess that is too high by anything from a rounding to a thousand times ‖A‖: the floor stays below λ_min."""
    rng, eigvalsh, given = np.random.default_rng(1), np.linalg.eigvalsh, 0
    for n in (1, 3, 20):
        Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
        A = Q @ np.diag(np.linspace(0.3, 0.9, n)) @ Q.T
        A = (A + A.T) / 2
        lowest = eigvalsh(A)[0]
        for lie in (1e-13, 1e-6, 0.1, 1.0, 1000.0):
            monkeypatch.setattr(np.linalg, "eigvalsh", lambda B, lie=lie: eigvalsh(B) + lie)
            floor = eigenvalue_floor(A)
            monkeypatch.undo()
            assert floor <= lowest + 1e-15
            assert floor > lowest - max(2 * lie, 1e-12) or lie > 4 * n * np.abs(A).max()
            given += floor > -math.inf
    assert given >= 10
    monkeypatch.setattr(np.linalg, "eigvalsh", lambda B: eigvalsh(B) + 2.5)
    assert eigenvalue_floor(np.array([[0.5]])) == -math.inf  # no shift within 4‖A‖ of such a guess is below ½


def test_floors_among_the_least_numbers():
    """[[2, 1], [1, 4]] has the eigenvalues 3 ± √2, here in units of 2⁻¹⁰⁷⁴: rounding to a unit goes up."""
    for a, b, c in ((2, 1, 4), (3, 1, 4), (3, 2, 5), (40, 7, 90), (2, 0, 3)):
        A = np.array([[a, b], [b, c]]) * TINIEST
        mean, half = Fraction(a + c, 2), Fraction(c - a, 2)
        for found, sign in ((eigenvalue_floor(A), -1), (eigenvalue_ceiling(A), 1)):
            off = sign * (Fraction(found) / Fraction(TINIEST) - mean)
            assert off >= 0
            assert off**2 >= half**2 + b**2  # beyond the eigenvalue
            assert float(off) <= math.hypot(half, b) + 2.01


def test_a_bound_of_the_norm_is_beyond_the_exact_one():
    """At least the Frobenius norm or the largest row sum, in rational numbers, and no more than 10⁻¹² beyond it."""
    rng = np.random.default_rng(2)
    for n in (1, 2, 3, 10, 40):
        for exponent in (0, -300, 300, -1070 * math.log10(2)):
            for _ in range(10):
                E = np.ldexp(np.abs(rng.standard_normal((n, n))), round(exponent / math.log10(2)))
                E = np.where(rng.random((n, n)) < 0.3, 0.0, E)
                E[0, 0] = max(E.max(), TINIEST)
                larger = [[Fraction(max(E[i, j], E[j, i])) for j in range(n)] for i in range(n)]
                rows, square = max(map(sum, larger)), sum(x * x for row in larger for x in row)
                found = Fraction(spectral_bound(E))
                assert found >= rows or found**2 >= square
                slack = (found - 2 * Fraction(TINIEST)) / (1 + Fraction(1, 10**12))
                assert slack <= rows
                assert slack <= 0 or slack**2 <= square
    assert spectral_bound(np.zeros((3, 3))) == 0.0
    assert eigenvalue_floor(np.eye(2), np.zeros((2, 2))) == eigenvalue_floor(np.eye(2))


def test_the_bound_of_a_norm_allows_for_its_roundings():
    """(n² + 8)·2u, which is to the last bit what it says for one entry; and a unit where √18 is rounded to 4."""
    for x in (1.0, 1.5, 1e300, 1e-300):
        assert abs(Fraction(spectral_bound(np.array([[x]]))) / Fraction(x) - 1 - 18 * U) <= U
    assert abs(Fraction(spectral_bound(np.ones((3, 3)))) / 3 - 1 - 34 * U) <= U
    units = Fraction(spectral_bound(np.array([[3, 2], [2, 1]]) * TINIEST)) / Fraction(TINIEST)
    assert (units - 2) ** 2 >= 5  # the eigenvalues are 2 ± √5
