"""The levels of both tables against their formulas written out again, with kernels whose errors are not small."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from oracles import alignment_levels

from fa_ref import Problem
from fa_ref.activations import ACTIVATIONS, resolve
from theory.alignment.nonlinear import levels
from theory.alignment.nonlinear.entries import Entries, data_of
from theory.kernels import mean_kernel
from theory.precision import EPS

X = np.array([[1.0, 0.3], [-0.4, 1.1], [0.2, -0.1]])
Y = np.array([1.0, -0.6, 0.4])
WIDTHS = (5, 50, 10**4, 10**7, 10**10, 10**13)


def coarse(problem, psi, error):
    """Ḡ and Θ̄ with errors of this size, not the same for all entries."""
    kernel = mean_kernel(problem.X, psi)
    pattern = error * (1 + 0.5 * np.add.outer(np.arange(problem.n), np.arange(problem.n)))
    return replace(kernel, error=kernel.error + pattern, Theta_error=kernel.Theta_error + 2 * pattern)


def compare(found, expected):
    named = {name: getattr(found, name) for name in expected}
    for name, value in expected.items():
        assert named[name] == pytest.approx(value, rel=1e-8, abs=0.0), name
    unsaid = {field.name for field in fields(Entries)} - set(expected) - {"p"}
    assert all(math.isinf(getattr(found, name)) for name in unsaid)


@pytest.mark.parametrize("p", WIDTHS)
@pytest.mark.parametrize("psi", ["tanh", "sigmoid", "erf", replace(ACTIVATIONS["tanh"], B0=1.5)], ids=str)
@pytest.mark.parametrize(
    ("n", "scale", "lam", "error"), [(3, 1.0, 0.7, 1e-6), (2, 3.0, 0.05, 1e-4), (2, 0.3, 5.0, 1e-3)]
)
def test_the_levels_are_those_of_the_tables(psi, n, scale, lam, error, p):
    problem, psi = Problem(scale * X[:n], Y[:n]), resolve(psi)
    kernel, data = coarse(problem, psi, error), data_of(problem, psi, 0.1, lam)
    kernels = kernel.G, kernel.Theta, kernel.error, kernel.Theta_error
    given = problem.X, problem.y, kernels, kernel.gamma_lower, (psi.B0, psi.B1, psi.B2, psi.B3), lam, p
    for order in (1, 2):
        found = levels.printed(problem, data, kernel, p, 0.2, order)
        compare(found, alignment_levels.printed(*given, 0.2, order))
    for after, shares in ((False, levels.SHARES), (True, levels.SHARES_AFTER)):
        found = levels.sharp(problem, data, kernel, p, 0.2, after=after)
        own = {name: 0.2 * share for name, share in shares.items()}
        compare(found, alignment_levels.sharp(*given, own, after))


def test_every_alternative_of_the_tables_was_taken():
    """Narrow networks have g₀ = q = 0 and the crude bound of ‖A‖; wide ones all the others."""
    problem, psi = Problem(X[:2], Y[:2]), resolve("tanh")
    kernel, data = coarse(problem, psi, 1e-6), data_of(problem, psi, 0.1, 0.7)
    narrow, wide = (levels.printed(problem, data, kernel, p, 0.2, 2) for p in (5, 10**10))
    assert (narrow.g0, narrow.q, narrow.sigma0) == (0.0, 0.0, math.sqrt(2))
    assert min(wide.g0, wide.q, math.sqrt(2) - wide.sigma0) > 0
    assert math.isfinite(wide.q_plus)


def test_what_a_solution_lacks_is_the_error_of_a_kernel():
    """‖Mv − y‖/‖v‖, plus (n + 4)·eps of what the products sum up to."""
    M, v, y = np.array([[2.0, -1.0], [-1.0, 4.0]]), np.array([3.0, -4.0]), np.array([10.0, -18.0])
    size = np.linalg.norm([2 * 3 + 4 + 10, 3 + 4 * 4 + 18])
    exact = np.linalg.norm([0.0, -1.0])
    assert levels._defect(M, v, y) == pytest.approx((exact + 6 * EPS * size) / 5, rel=1e-14, abs=0.0)
    assert levels._defect(M, v, M @ v) == pytest.approx(6 * EPS * np.linalg.norm([20, 38]) / 5, rel=1e-12, abs=0.0)
    assert levels._defect(M, 0 * v, y) == math.inf


def test_kernels_that_are_almost_singular_are_charged_with_what_their_solutions_lack():
    """‖Ḡ⁻¹y‖ is known to cond(Ḡ)·eps only: ε_G has at least one defect for each of the four solutions."""
    problem, psi = Problem(np.array([[1.0, 0.0], [1.0, 1e-4]]), [1.0, -1.0]), resolve("tanh")
    kernel, data = mean_kernel(problem.X, psi), data_of(problem, psi, 0.1, 1e-3)
    exact = replace(kernel, error=np.zeros((2, 2)))
    mean = levels._Kernel(data, exact, problem.y)
    ridge = kernel.G + 1e-3 * np.eye(2)
    solved = [(ridge, mean.a, problem.y), (ridge, np.linalg.solve(ridge, mean.a), mean.a)]
    if mean.gamma > 0:
        solved += [(kernel.G, mean.plus, problem.y), (kernel.G, mean.rest, 1e-3 * mean.a)]
    least = sum(levels._defect(*each) for each in solved)
    assert mean.G_error == pytest.approx(least, rel=1e-12, abs=0.0)
    assert mean.gamma > 0
    assert least > 10 * EPS
    silent = levels._Kernel(data, exact, np.zeros(2))
    assert silent.G_error == 0.0  # nothing was solved
