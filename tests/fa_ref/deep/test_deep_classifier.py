"""Classifiers of L layers: L = 1 is the classifier of Figure 3, and autograd agrees at every depth."""

import math

import numpy as np
import pytest

from fa_ref import schedules
from fa_ref.classifier import Classifier, train_classifier
from fa_ref.data.images import LabelledImages, digits, mnist
from fa_ref.deep.classifier import RULES, DeepClassifier, train_deep_classifier
from tests.fa_ref import carried_back


def images(rng, m=24, d=6, k=3):
    return LabelledImages(rng.standard_normal((m, d)), np.arange(m) % k, k=k)


@pytest.mark.parametrize("rule", ["fa", "bp"])
def test_one_layer_is_the_classifier_of_figure_3(rule):
    rng = np.random.default_rng(0)
    data = images(rng)
    deep = DeepClassifier.gaussian(L=1, p=30, d=6, k=3, rng=np.random.default_rng(1))
    flat = Classifier.gaussian(30, 6, 3, np.random.default_rng(1))
    assert np.array_equal(deep.b[0], flat.b)
    settings = {"eta": 0.5, "epochs": 5, "batch": 10, "rule": rule, "dtype": "float64",
                "ridge": schedules.constant(0.1)}  # fmt: skip
    ours = train_deep_classifier(data, data, deep, np.random.default_rng(2), **settings)
    theirs = train_classifier(data, data, flat, np.random.default_rng(2), **settings)
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-12)
    np.testing.assert_allclose(ours.network.W, theirs.network.W, atol=1e-12)
    np.testing.assert_allclose(ours.network.beta, theirs.network.beta, atol=1e-12)
    assert np.array_equal(ours.accuracy, theirs.accuracy)


@pytest.mark.parametrize("L", [1, 2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_autograd_with_a_custom_backward_agrees(L, rule):
    """PyTorch in float64, 20 steps on minibatches in a given order; cross-entropy by PyTorch's own function."""
    product, torch = carried_back.product(), pytest.importorskip("torch")

    rng = np.random.default_rng(L)
    data, root, eta, lam = images(rng), math.sqrt(20), 0.5, 0.05
    start = DeepClassifier.gaussian(L=L, p=20, d=6, k=3, rng=rng, activation="tanh")
    W, V, beta = (torch.tensor(getattr(start, name), requires_grad=True) for name in ("W", "V", "beta"))
    B, b, X = torch.tensor(start.B), torch.tensor(start.b), torch.tensor(data.X)
    labels, order = torch.tensor(data.labels), np.random.default_rng(3)
    for _ in range(5):
        rows = order.permutation(24)
        for i in range(0, 24, 6):
            chosen, layers = rows[i : i + 6], []
            h = torch.tanh(W @ X[chosen].T)
            layers.append(h)
            for l in range(L - 1):
                below = h.detach() if rule == "dfa" else h
                h = torch.tanh(product(V[l], V[l] if rule == "bp" else B[l], below) / root)
                layers.append(h)
            out = h.detach() if rule == "dfa" else h
            f = product(beta, beta if rule == "bp" else b[-1], out).T / root
            loss = torch.nn.functional.cross_entropy(f, labels[chosen]) + 0.5 * lam * (beta**2).sum()
            if rule == "dfa":
                E = (torch.softmax(f, 1) - torch.nn.functional.one_hot(labels[chosen], 3)).detach() / 6
                loss = loss + sum((layers[l].T * (E @ b[l])).sum() / root for l in range(L))
            moved = torch.autograd.grad(loss, (W, V, beta), allow_unused=True)
            with torch.no_grad():
                for weights, gradient in zip((W, V, beta), moved, strict=True):
                    if gradient is not None:
                        weights -= eta * gradient
    run = train_deep_classifier(data, data, start, np.random.default_rng(3), eta=eta, epochs=5, batch=6, rule=rule,
                                ridge=schedules.constant(lam), dtype="float64")  # fmt: skip
    for name, theirs in (("W", W), ("V", V), ("beta", beta)):
        np.testing.assert_allclose(getattr(run.network, name), theirs.detach().numpy(), rtol=0, atol=1e-12)


def test_alignment_is_of_what_is_carried():
    rng = np.random.default_rng(0)
    data, net = images(rng), DeepClassifier.gaussian(L=3, p=50, d=6, k=3, rng=rng, activation="tanh")
    np.testing.assert_allclose(net.alignment(data, "bp"), 1.0, rtol=1e-12)
    for rule in ("fa", "dfa"):
        assert np.abs(net.alignment(data, rule)).max() < 0.5
    tied = DeepClassifier(W=net.W, V=net.V, B=net.V, beta=net.beta, b=np.stack([net.beta] * 3),
                          activation=net.activation)  # fmt: skip
    np.testing.assert_allclose(tied.alignment(data, "fa"), 1.0, rtol=1e-12)
    np.testing.assert_allclose(tied.alignment(data, "dfa")[-1], 1.0, rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_digits_are_learnt_and_layers_align(rule):
    train, test = digits()
    train, test = (LabelledImages(part.X / math.sqrt(part.d), part.labels) for part in (train, test))
    net = DeepClassifier.gaussian(L=2, p=100, d=train.d, k=10, rng=np.random.default_rng(0), activation="tanh")
    run = train_deep_classifier(train, test, net, np.random.default_rng(1), eta=5.0, epochs=15, batch=50, rule=rule)
    assert run.accuracy[-1] > 0.8
    assert run.alignment.shape == (16, 2)
    assert rule == "bp" or (run.alignment[-1] > run.alignment[0] + 0.1).all()
    assert list(run.to_frame().columns) == ["accuracy", "alignment_1", "alignment_2", "loss"]


def test_divergence_is_a_status_and_misuse_one_line():
    rng = np.random.default_rng(0)
    data, net = images(rng), DeepClassifier.gaussian(L=2, p=5, d=6, k=3, rng=rng, activation="identity")
    assert train_deep_classifier(data, data, net, rng, eta=1e30, epochs=9, batch=6).status == "diverged"
    other = LabelledImages(np.ones((3, 5)), [0, 1, 2], k=3)
    for changes, message in (
        ({"rule": "kp"}, "rule: expected one of fa, dfa, bp, got 'kp'"),
        ({"dtype": "float16"}, "dtype: expected one of"),
        ({"ridge": schedules.constant(10.0)}, "ridge: expected eta"),
        ({"test": other}, "test: expected d = 6 and k = 3, those of the network, got d = 5 and k = 3"),
    ):
        arguments = {"train": data, "test": data, "network": net, "rng": rng, "eta": 0.5, "epochs": 1} | changes
        with pytest.raises(ValueError, match=message):
            train_deep_classifier(**arguments)


def test_mnist_is_learnt_in_one_epoch_of_a_tenth_of_it(mnist_folder):
    if mnist_folder is None:
        pytest.skip("no MNIST files")
    train, test = mnist(mnist_folder)
    train = LabelledImages(train.X[:6000] / 28.0, train.labels[:6000])
    test = LabelledImages(test.X[:2000] / 28.0, test.labels[:2000])
    net = DeepClassifier.gaussian(L=2, p=100, d=784, k=10, rng=np.random.default_rng(0), activation="tanh")
    run = train_deep_classifier(
        train, test, net, np.random.default_rng(1), eta=20.0, epochs=1, batch=50, rule="dfa"
    )
    assert run.accuracy[-1] > 0.75
