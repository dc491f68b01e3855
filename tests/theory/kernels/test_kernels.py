"""Empirical kernels against their definitions; mean kernels, and the certificate that γ > 0."""

import numpy as np
import pytest
from own_psi import copy_of

from fa_ref.activations import ACTIVATIONS
from fa_ref.network import Network
from theory.kernels import eigenvalue_floor, empirical_G, empirical_H, mean_kernel

EPS = np.finfo(float).eps


def a_network(p, d, seed):
    return Network.gaussian(p, d, np.random.default_rng(seed))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_empirical_kernels_are_their_definitions(name):
    n, d, p = 6, 4, 30
    activation, network = ACTIVATIONS[name], a_network(p, d, 1)
    X = np.random.default_rng(2).normal(size=(n, d))
    G, H, H_BP, scale = (np.zeros((n, n)) for _ in range(4))
    for w, beta, b in zip(network.W, network.beta, network.b, strict=True):
        psi, D = activation(X @ w), np.diag(activation.derivative(X @ w))
        core = D @ X @ X.T @ D
        G += np.outer(psi, psi) / p
        H += beta * b * core / p
        H_BP += beta**2 * core / p
        scale += (np.abs(np.outer(psi, psi)) + (beta**2 + abs(beta * b)) * np.abs(D @ X) @ np.abs(D @ X).T) / p
    # Each entry is a sum of p products of at most d + 6 rounded factors, in two different orders.
    tolerance = 2 * (p + d + 6) * EPS * scale
    assert (np.abs(empirical_G(X, network, activation) - G) <= tolerance).all()
    assert (np.abs(empirical_H(X, network, activation) - H) <= tolerance).all()
    assert (np.abs(empirical_H(X, network, activation, rule="bp") - H_BP) <= tolerance).all()
    # Negative control: the tolerance tells H from H_BP.
    assert not (np.abs(H - H_BP) <= tolerance).all()


def test_empirical_kernels_are_exactly_symmetric():
    X, network = np.random.default_rng(3).normal(size=(7, 5)), a_network(11, 5, 4)
    for kernel in (empirical_G, empirical_H):
        A = kernel(X, network, "tanh")
        assert (A == A.T).all()


def test_empirical_kernels_refuse_inputs_of_another_dimension():
    with pytest.raises(ValueError, match="X: expected 5 columns, one per column of W, got 4"):
        empirical_G(np.ones((3, 4)), a_network(2, 5, 0), "tanh")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_empirical_kernels_tend_to_the_mean_kernels(name):
    # 10 pairs × 3 kernels × 6 activations, each a mean over p = 40000 units within 6.5 standard errors:
    # false alarms below 180·8e-11 if the terms were normal; their tails are lighter than p is large.
    p, X = 40_000, np.random.default_rng(11).normal(size=(4, 6)) / 2
    network, kernel, psi = a_network(p, 6, 12), mean_kernel(X, name), ACTIVATIONS[name]
    Psi, D = psi(X @ network.W.T), psi.derivative(X @ network.W.T)
    K = X @ X.T
    measured = {
        "G": (empirical_G(X, network, name), kernel.G, np.ones(p), Psi),
        "H_BP": (empirical_H(X, network, name, rule="bp"), kernel.Theta, network.beta**2, D),
        "H": (empirical_H(X, network, name), 0 * K, network.beta * network.b, D),
    }
    for label, (value, mean, weight, factor) in measured.items():
        for i in range(4):
            for j in range(i + 1):
                terms = factor[i] * factor[j] * weight * (1.0 if label == "G" else K[i, j])
                assert abs(value[i, j] - mean[i, j]) <= 6.5 * terms.std() / np.sqrt(p) + 1e-12


@pytest.mark.parametrize("size", [1.0, 150.0])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_gamma_is_certified_for_random_inputs(name, size):
    X = np.random.default_rng(13).normal(size=(50, 150)) * np.sqrt(size / 150)
    kernel = mean_kernel(X, name)
    assert kernel.rigorous
    assert kernel.certified
    assert kernel.gamma_lower <= kernel.gamma
    assert kernel.gamma - kernel.gamma_lower <= 1e-6 * kernel.gamma
    assert kernel.assumption_3_1.startswith("holds: γ ≥ ")
    assert (kernel.G == kernel.G.T).all()
    assert (kernel.Theta == kernel.Theta.T).all()


def test_identity_gives_the_gram_matrix():
    X = np.random.default_rng(14).normal(size=(6, 9))
    kernel = mean_kernel(X, "identity")
    for value, error in ((kernel.G, kernel.error), (kernel.Theta, kernel.Theta_error)):
        assert (np.abs(value - X @ X.T) <= error + 9 * EPS * np.linalg.norm(X) ** 2).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_equal_rows_are_reported(name):
    X = np.random.default_rng(15).normal(size=(5, 8))
    X[3] = X[1]
    kernel = mean_kernel(X, name)
    assert not kernel.certified
    assert kernel.gamma_lower == 0
    assert kernel.parallel == ((1, 3),)
    assert kernel.assumption_3_1.startswith("not certified positive")
    assert kernel.assumption_3_1.endswith("rows 1 and 3 of X are parallel")


def test_collinear_rows_are_fatal_where_the_activation_is_homogeneous_only():
    # ReLU: ψ(3z) = 3ψ(z). tanh(3z) and tanh(z) are independent, and γ > 0 although the rows are collinear;
    # opposite rows are fatal to the odd tanh, and harmless to the sigmoid unless there are two such pairs.
    x, y = np.array([1.0, 0.5]), np.array([0.2, -1.0])
    certified = {
        ("relu", "collinear"): False, ("tanh", "collinear"): True, ("sigmoid", "collinear"): True,
        ("relu", "opposite"): True, ("tanh", "opposite"): False, ("sigmoid", "opposite"): True,
        ("sigmoid", "two opposite pairs"): False, ("softplus", "two opposite pairs"): True,
    }  # fmt: skip
    rows = {"collinear": [x, 3 * x], "opposite": [x, -x], "two opposite pairs": [x, -x, y, -y]}
    for (name, case), expected in certified.items():
        kernel = mean_kernel(rows[case], name)
        assert kernel.certified is expected, (name, case)
        assert (0, 1) in kernel.parallel


def test_unknown_activation_is_not_certified():
    kernel = mean_kernel(np.eye(3), copy_of("tanh"))
    assert not kernel.rigorous
    assert kernel.gamma_lower == 0
    assert "give no error bound" in kernel.assumption_3_1


def test_eigenvalue_floor_is_below_and_close():
    rng = np.random.default_rng(16)
    for n in (1, 5, 60):
        Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
        for smallest in (-1.0, 0.0, 1e-10, 0.3):
            values = np.concatenate([[smallest], rng.uniform(1, 2, size=n - 1)])
            A = (Q * values) @ Q.T
            A = (A + A.T) / 2
            floor = eigenvalue_floor(A)
            # A was itself rounded: its λ_min is within n·n·eps·‖A‖ of `smallest`.
            assert floor <= smallest + n * n * EPS * 2
            assert floor >= smallest - 30 * (n + 2) * EPS * (np.abs(A).sum() + 1)
    assert eigenvalue_floor(np.array([[np.nan]])) == -np.inf


def test_gamma_lower_is_below_an_exact_gamma():
    # K with rational entries: x = (1, 0), (3/5, 4/5), ReLU. By symmetry the eigenvalues are ½ ± J₁(θ)/2π.
    theta = np.arccos(0.6)
    gamma = 0.5 - (np.sin(theta) + (np.pi - theta) * 0.6) / (2 * np.pi)
    kernel = mean_kernel([[1.0, 0.0], [0.6, 0.8]], "relu")
    assert gamma - 1e-13 <= kernel.gamma_lower <= gamma + 2 * EPS


def test_progress_is_told():
    calls = []
    mean_kernel(
        np.random.default_rng(17).normal(size=(8, 8)), "tanh", lambda done, total: calls.append((done, total))
    )
    assert calls[-1] == (28, 28)
