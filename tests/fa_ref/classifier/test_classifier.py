"""The classifier of Figure 3 against its definition, written out row by row, and against finite differences."""

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fa_ref import schedules
from fa_ref.classifier import Classifier, train_classifier
from fa_ref.data.images import LabelledImages, digits, idx_pair

PSI = {"relu": lambda z: np.maximum(z, 0.0), "tanh": np.tanh, "identity": lambda z: z}
DPSI = {
    "relu": lambda z: (z > 0).astype(float),
    "tanh": lambda z: 1.0 / np.cosh(z) ** 2,
    "identity": np.ones_like,
}


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):  # products this small only wait for each other
        yield


def naive_step(W, beta, b, X, labels, eta, lam, rule, activation):
    """One minibatch, image by image: the definition, sharing no line with the package."""
    k, p = beta.shape
    d_beta, d_W = np.zeros_like(beta), np.zeros_like(W)
    for x, label in zip(X, labels, strict=True):
        z = W @ x
        f = beta @ PSI[activation](z) / math.sqrt(p)
        q = np.exp(f - f.max())
        e = q / q.sum() - np.eye(k)[label]
        delta = (b if rule == "fa" else beta).T @ e
        d_beta += np.outer(e, PSI[activation](z)) / math.sqrt(p) / len(X)
        d_W += np.outer(delta * DPSI[activation](z), x) / math.sqrt(p) / len(X)
    return W - eta * d_W, beta - eta * (d_beta + lam * beta)


def mean_cross_entropy(W, beta, X, labels, activation):
    F = PSI[activation](X @ W.T) @ beta.T / math.sqrt(len(W))
    return float(np.mean([math.log(np.exp(f - f[label]).sum()) for f, label in zip(F, labels, strict=True)]))


def toy(activation="relu", *, m=24, p=7, d=5, k=3, seed=0):
    rng = np.random.default_rng(seed)
    images = LabelledImages(rng.standard_normal((m, d)), rng.integers(k, size=m), k)
    return images, Classifier.gaussian(p, d, k, rng, activation)


def one_step(images, network, **options):
    options = {"eta": 0.3, "epochs": 1, "batch": images.m, "dtype": "float64", **options}
    return train_classifier(images, images, network, np.random.default_rng(1), **options)


@pytest.mark.parametrize("rule", ["fa", "bp"])
@pytest.mark.parametrize("activation", sorted(PSI))
def test_a_step_is_the_definition(rule, activation):
    images, network = toy(activation)
    after = one_step(images, network, rule=rule, ridge=schedules.constant(0.2)).network
    W, beta = naive_step(network.W, network.beta, network.b, images.X, images.labels, 0.3, 0.2, rule, activation)
    # Sums of at most 24 terms of size O(10): 24 · 10 · 2⁻⁵³ < 1e-13, with a factor 10 to spare.
    np.testing.assert_allclose(after.W, W, rtol=0, atol=1e-12)
    np.testing.assert_allclose(after.beta, beta, rtol=0, atol=1e-12)


def test_the_definition_notices_a_missing_factor():
    images, network = toy()
    after = one_step(images, network).network
    W, _ = naive_step(network.W, network.beta, network.b, images.X, images.labels, 0.3 * 1.01, 0.0, "fa", "relu")
    assert np.abs(after.W - W).max() > 1e-6


def test_an_epoch_is_its_minibatches_and_the_last_takes_what_is_left():
    images, network = toy(m=23)
    lam = schedules.explicit([0.0, 0.1, 0.2])
    run = one_step(images, network, batch=10, ridge=lam)
    W, beta = network.W, network.beta
    order = np.random.default_rng(1).permutation(23)
    for t, rows in enumerate((order[:10], order[10:20], order[20:])):
        W, beta = naive_step(W, beta, network.b, images.X[rows], images.labels[rows], 0.3, 0.1 * t, "fa", "relu")
    np.testing.assert_allclose(run.network.W, W, rtol=0, atol=1e-12)  # as for one step, three times over
    np.testing.assert_allclose(run.network.beta, beta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["W", "beta"])
def test_backpropagation_descends_along_the_gradient(name):
    images, network = toy("tanh")
    eta, h = 0.3, 1e-3
    weights = getattr(network, name)
    step = (getattr(one_step(images, network, eta=eta, rule="bp").network, name) - weights) / -eta

    def loss(position, shift):
        moved = {"W": network.W.copy(), "beta": network.beta.copy()}
        moved[name][position] += shift
        return mean_cross_entropy(moved["W"], moved["beta"], images.X, images.labels, "tanh")

    for position in np.ndindex(weights.shape):
        quotient = (
            sum(c * loss(position, s * h) for s, c in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))) / h
        )
        # 4th order: h⁴·|f⁽⁵⁾|/30 < 1e-12·50, and rounding 2·eps·loss/h < 1e-12.
        assert step[position] == pytest.approx(quotient, rel=0, abs=1e-10)


def test_the_rules_differ_by_one_array():
    images, network = toy()
    twin = Classifier(network.W, network.beta, network.beta)
    fa, bp = (one_step(images, twin, rule=rule, dtype="float32").network for rule in ("fa", "bp"))
    np.testing.assert_array_equal(fa.W, bp.W)
    assert not np.array_equal(one_step(images, network).network.W, one_step(images, network, rule="bp").network.W)


def test_alignment_is_the_mean_cosine_of_the_two_signals():
    images, network = toy()
    cosines = []
    for x, label in zip(images.X, images.labels, strict=True):
        f = network.beta @ PSI["relu"](network.W @ x) / math.sqrt(network.p)
        e = np.exp(f) / np.exp(f).sum() - np.eye(3)[label]
        bp, fa = network.beta.T @ e, network.b.T @ e
        cosines.append(bp @ fa / np.linalg.norm(bp) / np.linalg.norm(fa))
    assert network.alignment(images) == pytest.approx(np.mean(cosines), abs=1e-13)  # cosines to a few eps
    for sign in (1.0, -1.0):
        mirrored = Classifier(network.W, network.beta, sign * network.beta)
        assert mirrored.alignment(images) == pytest.approx(sign, abs=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("gap", [1.0, 20.0, 38.0, 100.0, 700.0])
def test_alignment_of_an_answer_that_is_all_but_sure(gap, dtype):
    """The own entry of softmax f − onehot is −Σ of the others, however small they are."""
    beta = np.array([[gap, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    b = np.array([[0.3, -1.0], [2.0, 0.1], [-0.4, 1.5]])
    network = Classifier(np.sqrt(2) * np.eye(2), beta, b, "identity").astype(dtype)
    image = LabelledImages(np.array([[1.0, 0.0]]), np.array([0]), 3)
    f = beta[:, 0]  # the scores: √2 cancels 1/√p
    others = np.exp(f[1:] - f[1:].max())  # of their own size: softmax is these times exp(f.max() − log Σ exp f)
    e = np.array([-others.sum(), *others])
    bp, fa = beta.T @ e, b.T @ e
    expected = bp @ fa / np.linalg.norm(bp) / np.linalg.norm(fa)
    # Relative error of a score in its arithmetic is that of exp, times |f|: at most 700·eps, or exact for |f| ≤ 1.
    assert network.alignment(image) == pytest.approx(expected, rel=1e3 * float(np.finfo(dtype).eps))


def test_alignment_without_a_direction_is_not_a_number():
    images, network = toy()
    assert math.isnan(Classifier(network.W, network.beta, 0 * network.b).alignment(images))


def test_single_precision_follows_double():
    images, network = toy(m=60, p=50, d=20)
    exact, rounded = (
        one_step(images, network, epochs=5, batch=20, dtype=t).network for t in ("float64", "float32")
    )
    # 15 steps, each with relative rounding at most (m + p + d) eps of numbers below 5.
    tolerance = 15 * (60 + 50 + 20) * np.finfo(np.float32).eps * 5
    np.testing.assert_allclose(rounded.W, exact.W, rtol=0, atol=tolerance)
    assert rounded.W.dtype == np.float32


def test_a_run_repeats_and_leaves_its_start_alone():
    images, network = toy()
    start = network.W.copy()
    runs = [one_step(images, network, epochs=3, batch=7) for _ in range(2)]
    np.testing.assert_array_equal(runs[0].network.W, runs[1].network.W)
    np.testing.assert_array_equal(network.W, start)
    assert list(runs[0].to_frame().columns) == ["accuracy", "alignment", "loss"]
    assert runs[0].epochs.tolist() == [0, 1, 2, 3]


def test_hidden_units_may_be_renumbered():
    images, network = toy("tanh")
    order = np.random.default_rng(5).permutation(network.p)
    shuffled = Classifier(network.W[order], network.beta[:, order], network.b[:, order], "tanh")
    straight, permuted = one_step(images, network, epochs=4), one_step(images, shuffled, epochs=4)
    # The same sums in another order; 4 steps of sums of at most 24 terms.
    np.testing.assert_allclose(permuted.network.W, straight.network.W[order], rtol=0, atol=1e-12)


def test_divergence_is_a_result():
    images, network = toy()
    run = one_step(images, network, eta=1e200, epochs=10)
    assert run.status == "diverged"
    assert len(run.epochs) < 11
    assert np.isfinite(run.accuracy).all()


def test_an_observer_stops_the_run():
    images, network = toy()
    run = one_step(images, network, epochs=9, observe=lambda epoch, _: epoch == 2)
    assert (run.status, run.epochs[-1]) == ("stopped", 2)


def test_digits_are_learned_by_both_rules_and_ridge_aligns():
    train, test = digits()
    network = Classifier.gaussian(300, train.d, 10, np.random.default_rng(0))
    runs = {
        (rule, lam): train_classifier(
            train, test, network, np.random.default_rng(1), eta=0.1, epochs=15, batch=50, rule=rule,
            ridge=schedules.constant(lam),
        )
        for rule, lam in (("fa", 0.0), ("fa", 0.1), ("bp", 0.0))
    }  # fmt: skip
    # Answers that know nothing of the labels: Binomial(360, 0.1) reaches half of 360 with probability < 1e-60.
    assert all(run.accuracy[-1] > 0.5 for run in runs.values())
    assert runs["fa", 0.1].alignment[-1] > runs["fa", 0.0].alignment[-1] + 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i, n: LabelledImages(i.X, i.labels + 0.5), "labels: expected integers"),
        (lambda i, n: LabelledImages(i.X, i.labels[1:]), "labels: expected 24 labels"),
        (lambda i, n: LabelledImages(i.X, i.labels, k=2), "labels: expected classes 0 … 1"),
        (lambda i, n: i.split(24), "m: expected fewer than the 24"),
        (lambda i, n: Classifier(n.W, n.beta[:, 1:], n.b), "beta: expected shape"),
        (lambda i, n: Classifier(n.W, n.beta, n.b[1:]), "b: expected shape"),
        (lambda i, n: one_step(i, n, rule="dfa"), "rule: expected one of fa, bp"),
        (lambda i, n: one_step(i, n, dtype="float16"), "dtype: expected one of"),
        (lambda i, n: one_step(i, n, eta=0), "eta: expected a finite number > 0"),
        (lambda i, n: one_step(i, n, batch=0), "batch: expected an integer >= 1"),
        (lambda i, n: one_step(i, n, ridge=schedules.constant(4.0)), "ridge: expected eta"),
        (lambda i, n: one_step(toy(d=4)[0], n), "train: expected d = 5"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    images, network = toy()
    with pytest.raises((TypeError, ValueError), match=message):
        call(images, network)


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(s).to_bytes(4, "big") for s in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_a_users_idx_pair_is_read_standardised_and_split(tmp_path):
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(256, size=(21, 4, 3)), np.arange(21) % 5
    write_idx(tmp_path / "x", pixels)
    write_idx(tmp_path / "y", labels)
    train, test = idx_pair(tmp_path / "x", tmp_path / "y")
    assert (train.m, test.m, train.d, train.k) == (18, 3, 12, 5)
    assert [train.X.mean(), train.X.std()] == pytest.approx([0.0, 1.0], abs=1e-12)
    np.testing.assert_array_equal(np.concatenate([train.labels, test.labels]), labels)
    write_idx(tmp_path / "x", np.zeros((21, 4, 3)))
    with pytest.raises(ValueError, match="expected pixels that differ"):
        idx_pair(tmp_path / "x", tmp_path / "y")
