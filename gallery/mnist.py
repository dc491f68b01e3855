"""MNIST: random feedback learns to read digits, and aligns while it does.

A network of one hidden layer learns the ten digits from minibatches, by feedback alignment and by
backpropagation. On the left its accuracy on images that it has not seen; on the right the cosine between the
error signals that the two rules would carry back. A penalty on β raises the alignment; on these 6000 images it
helps the accuracy too.
"""

import os
from pathlib import Path

import numpy as np

from fa_ref import schedules
from fa_ref.classifier import Classifier, train_classifier
from fa_ref.data.images import LabelledImages, mnist
from gallery.frame import UnavailableError, canvas, main

ARMS = (("bp", 0.0, "backpropagation"), ("fa", 0.0, "feedback alignment"), ("fa", 0.3, "the same, λ = 0.3"))


def folder():
    """Where the four files of MNIST are: FA_REF_MNIST, or shared/data/mnist beside the checkout."""
    named = Path(os.environ.get("FA_REF_MNIST", Path(__file__).parents[2] / "shared" / "data" / "mnist"))
    if not named.is_dir():
        raise UnavailableError("the MNIST files are not here: name their folder in FA_REF_MNIST")
    return named


def picture(*, quick=False):
    train, test = mnist(folder())
    few, epochs, p = (600, 1, 50) if quick else (6000, 10, 200)
    train, test = (LabelledImages(part.X[:m], part.labels[:m]) for part, m in ((train, few), (test, few // 4)))
    figure, (accuracy, alignment) = canvas(2)
    for rule, lam, name in ARMS:
        network = Classifier.gaussian(p, train.X.shape[1], 10, np.random.default_rng(0))
        run = train_classifier(
            train, test, network, np.random.default_rng(1), eta=5e-2, epochs=epochs, batch=100, rule=rule,
            ridge=schedules.constant(lam),
        ).to_frame()  # fmt: skip
        accuracy.plot(run.index, run["accuracy"], ".-", label=name)
        if rule == "fa":
            alignment.plot(run.index, run["alignment"], ".-", color=accuracy.lines[-1].get_color(), label=name)
    accuracy.set(xlabel="epoch", ylabel="accuracy on unseen images")
    alignment.set(xlabel="epoch", ylabel="alignment of the error signals")
    for axes in (accuracy, alignment):
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
