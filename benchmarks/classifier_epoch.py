"""An epoch of Figure 3 against the three large matrix products in it, as float32 NumPy does them.

The products of a minibatch are X Wᵀ, Ψ βᵀ and δᵀ X. Both sides are timed in turn, in one process and on one thread;
what is printed is the ratio of the medians. Usage: python benchmarks/classifier_epoch.py [rounds]
"""

import itertools
import statistics
import sys
import time

import numpy as np

from fa_ref.classifier import Classifier, train_classifier
from fa_ref.images import LabelledImages
from validation.experiments.sweep import single_threaded

M, TEST, D, P, K, BATCH = 60000, 10000, 784, 1000, 10, 600


def products(X, W, Psi, beta, delta):
    for _ in range(M // BATCH):
        X @ W.T
        Psi @ beta.T
        delta.T @ X


def main(rounds=5):
    rng = np.random.default_rng(0)
    train, test = (LabelledImages(rng.standard_normal((m, D)), rng.integers(K, size=m)) for m in (M, TEST))
    network = Classifier.gaussian(P, D, K, rng)
    shapes = ((BATCH, D), (P, D), (BATCH, P), (K, P), (BATCH, P))
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    epochs, alone = [], []
    with single_threaded():
        ticks = []
        train_classifier(
            train, test, network, rng, epochs=rounds + 1, observe=lambda *_: between(ticks, arrays, alone)
        )
    epochs = [start - end for (_, end), (start, _) in itertools.pairwise(ticks[1:])]
    ratios = [e / a for e, a in zip(epochs, alone[1:], strict=False)]
    print(f"epoch, with its reading: {statistics.median(epochs):.2f} s")
    print(f"three products:          {statistics.median(alone):.2f} s")
    print(f"ratio:                   {statistics.median(ratios):.2f}  ({min(ratios):.2f} … {max(ratios):.2f})")


def between(ticks, arrays, alone):
    start = time.perf_counter()
    products(*arrays)
    end = time.perf_counter()
    alone.append(end - start)
    ticks.append((start, end))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
