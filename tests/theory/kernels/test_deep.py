"""Ḡ_L: closed forms, Monte Carlo, and many digits."""

import math

import mpmath
import numpy as np
import pytest

from theory.kernels.deep import deep_kernel


def test_a_linear_network_has_the_gram_matrix_at_every_depth(rng):
    X = rng.standard_normal((4, 6))
    kernel = deep_kernel(X, "identity", 4)
    for G in kernel.layers:
        np.testing.assert_allclose(G, X @ X.T, atol=1e-12)


def test_relu_halves_the_variance_at_every_layer():
    assert [G[0, 0] for G in deep_kernel([[2.0]], "relu", 4).layers] == pytest.approx([2.0, 1.0, 0.5, 0.25])


def gaussian_mean(function):
    density = lambda s: mpmath.exp(-s * s / 2) / mpmath.sqrt(2 * mpmath.pi)  # noqa: E731
    return mpmath.quad(lambda s: function(s) * density(s), mpmath.linspace(-14, 14, 57))


@pytest.mark.parametrize("L", [1, 2, 3, 4])
def test_the_diagonal_against_thirty_digits(L):
    """One sample: Ḡ_{l+1} = E tanh(√Ḡ_l s)², by quadrature in 40 digits."""
    kernel = deep_kernel([[1.3]], "tanh", L)
    with mpmath.workdps(40):
        value = mpmath.mpf(1.3) ** 2
        for _ in range(L):
            root = mpmath.sqrt(value)
            value = gaussian_mean(lambda s, root=root: mpmath.tanh(root * s) ** 2)
        assert abs(mpmath.mpf(kernel.G[0, 0]) - value) <= kernel.error[0, 0]
    assert kernel.rigorous
    assert kernel.error[0, 0] < 1e-11


@pytest.mark.parametrize("L", [1, 2, 3, 4])
def test_off_the_diagonal_the_arcsine_kernel_repeats(L):
    """erf has a closed form at every layer: in 40 digits."""
    X = np.array([[1.0, 0.2], [0.3, -0.8]])
    kernel = deep_kernel(X, "erf", L)
    with mpmath.workdps(40):
        rows = [[mpmath.mpf(x) for x in row] for row in X.tolist()]
        G = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in rows] for u in rows]
        for _ in range(L):
            G = [
                [2 / mpmath.pi * mpmath.asin(2 * G[i][j] / mpmath.sqrt((1 + 2 * G[i][i]) * (1 + 2 * G[j][j])))
                 for j in range(2)]
                for i in range(2)
            ]  # fmt: skip
        for i in range(2):
            for j in range(2):
                assert abs(mpmath.mpf(kernel.G[i, j]) - G[i][j]) <= kernel.error[i, j]


def test_wide_random_layers_have_this_kernel(rng):
    """Monte Carlo: ψ(z_L)ψ(z_L)ᵀ/p over 20 networks of width 600, within five standard errors of the mean."""
    from fa_ref.deep import DeepNetwork

    X = rng.standard_normal((3, 4))
    kernel = deep_kernel(X, "tanh", 3)
    draws = []
    for _ in range(20):
        H, _ = DeepNetwork.gaussian(L=3, p=600, d=4, rng=rng).hidden(X, "tanh")
        draws.append(H[-1].T @ H[-1] / 600)
    error = np.std(draws, axis=0, ddof=1) / math.sqrt(20)
    bias = 3.0 / 600  # finite width moves the mean by O(1/p)
    assert (np.abs(np.mean(draws, axis=0) - kernel.G) <= 5 * error + bias).all()
    assert not (np.abs(np.mean(draws, axis=0) - deep_kernel(X, "tanh", 2).G) <= 5 * error + bias).all()


def test_parallel_rows_leave_no_positive_eigenvalue_to_certify():
    assert deep_kernel([[1.0, 0.0], [1.0, 0.0]], "tanh", 3).gamma_lower == 0.0
