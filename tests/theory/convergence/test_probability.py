"""The events behind the probabilistic theorems: no bound is below the frequency that simulation shows."""

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2

from fa_ref import Network, Problem
from fa_ref.activations import tanh
from theory.convergence import levels
from theory.kernels import empirical_G, empirical_H, mean_kernel

DRAWS = 2000


def not_refuted(failures, draws, bound):
    """Whether so many failures are compatible with a failure probability ≤ bound; false alarm below 1e-7."""
    return binom.sf(failures - 1, draws, min(bound, 1.0)) > 1e-7


def test_the_judgement_can_refute():
    assert not_refuted(120, 1000, 0.1)
    assert not not_refuted(200, 1000, 0.1)


@pytest.mark.parametrize("p", [2, 10, 50])
def test_norm_of_b(p):
    assert chi2.sf(2 * p, p) <= levels.b_square_failure(p)  # exact, no simulation
    for delta in (0.1, 1e-3):
        assert chi2.sf(p * levels.b_square_level(p, delta), p) <= delta


def test_norm_of_b_has_the_exact_exponent():
    # Chernoff is sharp on the exponential scale: log P / log bound → 1.
    assert math.log(chi2.sf(4000, 2000)) / math.log(levels.b_square_failure(2000)) == pytest.approx(
        1, rel=0.03, abs=0.0
    )


def test_moments_of_b_and_beta(rng):
    beta, b = rng.normal(size=(2, DRAWS, 30))
    mean = np.mean(np.abs(beta) * b**2, axis=1)
    assert not_refuted(int(np.sum(mean > 2)), DRAWS, levels.moment_failure(30))
    for delta in (0.3, 0.05):
        level = levels.cantelli_level(levels.MOMENT_MEAN, levels.MOMENT_VARIANCE, 30, delta)
        assert not_refuted(int(np.sum(mean > level)), DRAWS, delta)
        level = levels.cantelli_level(levels.FOURTH_MEAN, levels.FOURTH_VARIANCE, 30, delta)
        assert not_refuted(int(np.sum(np.mean(b**4, axis=1) > level)), DRAWS, delta)
    # The constants are the moments: standard errors over 60000 products of heavy tail, at six sigma.
    products = np.abs(beta).ravel() * b.ravel() ** 2
    error = 6 * products.std() / math.sqrt(products.size)
    assert products.mean() == pytest.approx(levels.MOMENT_MEAN, abs=error)


def test_kernels_at_initialisation(rng):
    n, p = 3, 120
    problem = Problem(rng.normal(size=(n, 4)), np.zeros(n))
    kernel, K_norm = mean_kernel(problem.X, tanh), float(np.linalg.norm(problem.K))
    gamma, top = kernel.gamma_lower, kernel.lambda_max_upper
    lowest, highest, h_norm, output = [], [], [], []
    for _ in range(300):
        network = Network.gaussian(p, 4, rng)
        g = np.linalg.eigvalsh(empirical_G(problem.X, network, tanh))
        lowest.append(g[0])
        highest.append(g[-1])
        h_norm.append(np.abs(np.linalg.eigvalsh(empirical_H(problem.X, network, tanh))).max())
        output.append(np.linalg.norm(network.output(problem.X, tanh)))

    def failures(values):
        return int(np.sum(values))

    lowest, highest, h_norm = np.array(lowest), np.array(highest), np.array(h_norm)
    seen = failures(lowest < 0.75 * gamma)
    assert not_refuted(seen, 300, levels.gram_failure(p, n, 1.0, gamma))
    assert not_refuted(seen, 300, levels.gram_failure_second_moment(p, n, 1.0, gamma))
    for delta in (0.3, 0.05):
        assert not_refuted(failures(lowest < levels.gram_low_level(p, n, 1.0, gamma, delta)), 300, delta)
        assert not_refuted(failures(highest > levels.gram_high_level(p, n, 1.0, top, delta)), 300, delta)
        level = levels.h_level(p, n, 1.0, problem.spectral_norm, K_norm, delta)
        assert not_refuted(failures(h_norm > level), 300, delta)
        level = levels.output_level(n, 1.0, math.sqrt(n), delta)
        assert not_refuted(failures(np.array(output) > level), 300, delta)
    for level in (0.2, 0.5):
        bound = levels.h_failure(p, n, 1.0, problem.spectral_norm, K_norm, level)
        assert not_refuted(failures(h_norm > level), 300, bound + levels.b_square_failure(p))


def test_levels_tighten_with_width():
    low = [levels.gram_low_level(p, 2, 1.0, 0.4, 0.1) for p in (10, 10**3, 10**6)]
    assert low[0] == 0.0 < low[1] < low[2] < 0.4
    high = [levels.gram_high_level(p, 2, 1.0, 0.4, 0.1) for p in (10, 10**3, 10**6)]
    assert 2.0 >= high[0] > high[1] > high[2] > 0.4


def test_matrix_chernoff_has_the_stated_constant():
    assert math.log(2 / levels.gram_failure(10**4, 2, 1.0, 0.4)) == pytest.approx(
        0.0342 * 10**4 * 0.2, rel=2e-3, abs=0.0
    )


def test_overlap_and_stretch(rng):
    overlap = np.abs(rng.normal(size=DRAWS))
    assert not_refuted(int(np.sum(overlap > levels.inner_level(0.1))), DRAWS, 0.1)
    low, high = levels.stretch_levels(40, 3, 0.1)
    values = np.linalg.svd(rng.normal(size=(DRAWS, 40, 3)), compute_uv=False) / math.sqrt(40)
    assert not_refuted(int(np.sum(values[:, -1] < low)), DRAWS, 0.1)
    assert not_refuted(int(np.sum(values[:, 0] > high)), DRAWS, 0.1)
