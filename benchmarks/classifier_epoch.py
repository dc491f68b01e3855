"""An epoch of Figure 3 against the three large matrix products in it, as float32 NumPy does them.

The products of a minibatch are X Wᵀ, Ψ βᵀ and δᵀ X. Each step is timed in turn with its own three products, in one
process and on one thread, since the clock of a shared machine drifts within an epoch. The reading at the end of an
epoch (accuracy on the test images, alignment) is a fourth large product and is given apart.
Usage: python benchmarks/classifier_epoch.py [epochs]
"""

import statistics
import sys
import time
from types import SimpleNamespace

import numpy as np

from fa_ref._support.threads import threads
from fa_ref.classifier import Classifier, _Step
from fa_ref.data.images import LabelledImages

M, TEST, D, P, K, BATCH = 60000, 10000, 784, 1000, 10, 600


def products(X, W, Psi, beta, delta):
    X @ W.T
    Psi @ beta.T
    delta.T @ X


def timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def epoch(step, train, test, arrays, order):
    """Seconds of the steps, of their products and of the reading."""
    steps = alone = 0.0
    for rows in order.reshape(-1, BATCH):
        steps += timed(step, train.X, train.labels, rows, 0.0)
        alone += timed(products, *arrays)
    first = LabelledImages(train.X[:BATCH], train.labels[:BATCH], K)
    return steps, alone, timed(step.network.accuracy, test) + timed(step.network.alignment, first)


def main(epochs=9):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, D)).astype(np.float32)
    train = SimpleNamespace(X=X, labels=rng.integers(K, size=M))
    test = LabelledImages(rng.standard_normal((TEST, D)), rng.integers(K, size=TEST))
    step = _Step(Classifier.gaussian(P, D, K, rng).astype("float32"), BATCH, eta=1e-2, rule="fa")
    shapes = ((BATCH, D), (P, D), (BATCH, P), (K, P), (BATCH, P))
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    with threads(1):
        rows = [epoch(step, train, test, arrays, rng.permutation(M)) for _ in range(epochs + 1)]
    rows = rows[1:]  # the first compiles
    for name, seconds in zip(("steps", "three products", "reading"), zip(*rows, strict=True), strict=True):
        print(f"{name:16} {statistics.median(seconds):.2f} s an epoch")
    for name, extra in (("steps over products", 0), ("with the reading", 1)):
        ratios = [(steps + extra * reading) / alone for steps, alone, reading in rows]
        print(f"{name:20} {statistics.median(ratios):.2f}  ({min(ratios):.2f} … {max(ratios):.2f})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
