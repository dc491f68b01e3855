"""Train 784–1000–1000–10 on MNIST by three rules, and keep accuracy and alignment of every layer at every epoch.

python -m studies.mnist_at_depth --mnist DIR --epochs 6 --eta 100

tanh, N(0, 1) weights, softmax cross-entropy, minibatches of 100, no penalty; pixels are standardised and divided by
√784, so that z has variance one in the first layer. In the usual parametrisation, with weights N(0, 1/784) and
N(0, 1/1000), the step η is η/784 for the first layer and η/1000 for the others. What ran is kept rule by rule.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from fa_ref._support.threads import threads
from fa_ref.data.images import LabelledImages, mnist
from fa_ref.deep.classifier import DeepClassifier, train_deep_classifier
from studies.record import DATA, record

RULES = {"bp": "backpropagation", "fa": "feedback alignment", "dfa": "direct feedback alignment"}
SHOWN = (1, 2, 4, 6, 10, 20)


def images(folder: str, size: int) -> tuple[LabelledImages, LabelledImages]:
    train, test = mnist(folder)
    scale = train.d**-0.5
    train = LabelledImages(train.X[:size] * scale, train.labels[:size])
    return train, LabelledImages(test.X * scale, test.labels)


def one(rule: str, data: tuple[LabelledImages, LabelledImages], args: argparse.Namespace) -> dict[str, Any]:
    rng = np.random.default_rng(args.seed)
    network = DeepClassifier.gaussian(L=args.layers, p=args.p, d=data[0].d, k=10, rng=rng, activation="tanh")
    begun = time.process_time()

    def tell(epoch: int, accuracy: float, alignment: Any) -> None:
        seconds = time.process_time() - begun
        print(f"{rule:4s} {epoch:3d}  {accuracy:.4f}  {np.round(alignment, 3)}  {seconds:.0f} s", flush=True)

    with threads(1):
        run = train_deep_classifier(
            *data, network, rng, eta=args.eta, epochs=args.epochs, batch=args.batch, rule=rule, progress=tell
        )
    return {
        "status": run.status, "seconds": round(time.process_time() - begun),
        "accuracy": run.accuracy.round(4).tolist(), "alignment": run.alignment.round(4).tolist(),
        "loss": [None if np.isnan(x) else round(float(x), 5) for x in run.loss],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mnist", required=True, metavar="DIR")
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES))
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--p", type=int, default=1000)
    parser.add_argument("--eta", type=float, default=50.0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="mnist_at_depth")
    args = parser.parse_args()
    data, found = images(args.mnist, args.images), {}
    for rule in args.rules:
        found[rule] = one(rule, data, args)
        keep(args, found)


def keep(args: argparse.Namespace, found: dict[str, Any]) -> None:
    """Write what ran so far."""
    shown = [t for t in SHOWN if t <= args.epochs]
    rows = []
    for rule, run in found.items():
        errors = [f"{100 * (1 - run['accuracy'][t]):.2f} %" if t < len(run["accuracy"]) else "–" for t in shown]
        layers = ["–"] * args.layers if rule == "bp" else [f"{x:.2f}" for x in run["alignment"][-1]]
        rows.append([RULES[rule], *errors, *layers])
    columns = ["rule", *(f"epoch {t}" for t in shown), *(f"cos, layer {l + 1}" for l in range(args.layers))]
    note = (
        f"Test error, 784–{'–'.join([str(args.p)] * args.layers)}–10, tanh, η = {args.eta:g}, one run each;"
        " cosines with the gradient after the last epoch."
    )
    print(record(args.name, columns, rows, note, runs=found))


def load() -> dict[str, Any]:
    """What was kept."""
    content: dict[str, Any] = json.loads((DATA / "mnist_at_depth.json").read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main()
