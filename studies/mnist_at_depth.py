"""Train 784–1000–1000–10 on MNIST by three rules, and keep accuracy and alignment of every layer at every epoch.

python -m studies.mnist_at_depth --mnist DIR

tanh, N(0, 1) weights, softmax cross-entropy, minibatches of 100, no penalty; pixels are standardised and divided by
√784, so that z has variance one in the first layer. In the usual parametrisation, with weights N(0, 1/784) and
N(0, 1/1000), the step η is η/784 for the first layer and η/1000 for the others. Every epoch is kept
as it ends; rules and epochs that ran before stay in the file.
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
SHOWN = (1, 2, 3, 4, 6, 10, 20)


def images(folder: str, size: int) -> tuple[LabelledImages, LabelledImages]:
    train, test = mnist(folder)
    scale = train.d**-0.5
    train = LabelledImages(train.X[:size] * scale, train.labels[:size])
    return train, LabelledImages(test.X * scale, test.labels)


def one(rule: str, data: tuple[LabelledImages, LabelledImages], args: argparse.Namespace) -> None:
    """Run, and keep every epoch as it ends."""
    rng = np.random.default_rng(args.seed)
    network = DeepClassifier.gaussian(L=args.layers, p=args.p, d=data[0].d, k=10, rng=rng, activation="tanh")
    begun, accuracies, cosines = time.process_time(), [], []

    def tell(epoch: int, accuracy: float, alignment: Any) -> None:
        accuracies.append(round(accuracy, 4))
        cosines.append(alignment.round(4).tolist())
        seconds = round(time.process_time() - begun)
        print(f"{rule:4s} {epoch:3d}  {accuracy:.4f}  {np.round(alignment, 3)}  {seconds} s", flush=True)
        keep(args, {rule: {"accuracy": accuracies, "alignment": cosines, "seconds": seconds}})

    with threads(1):
        train_deep_classifier(
            *data, network, rng, eta=args.eta, epochs=args.epochs, batch=args.batch, rule=rule, progress=tell
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mnist", required=True, metavar="DIR")
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES))
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--p", type=int, default=1000)
    parser.add_argument("--eta", type=float, default=100.0)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="mnist_at_depth")
    args = parser.parse_args()
    data = images(args.mnist, args.images)
    for rule in args.rules:
        one(rule, data, args)


def keep(args: argparse.Namespace, more: dict[str, Any]) -> None:
    """Write what ran so far, beside what the file already has of the same network and step."""
    settings = {name: getattr(args, name) for name in ("layers", "p", "eta", "batch", "images", "seed")}
    before = load(args.name)
    found = {**(before["runs"] if before.get("settings") == settings else {}), **more}
    last = max(len(run["accuracy"]) for run in found.values()) - 1
    shown, rows = [t for t in SHOWN if t <= last], []
    for rule in (rule for rule in RULES if rule in found):
        run = found[rule]
        errors = [f"{100 * (1 - run['accuracy'][t]):.2f} %" if t < len(run["accuracy"]) else "–" for t in shown]
        layers = ["–"] * args.layers if rule == "bp" else [f"{x:.2f}" for x in run["alignment"][-1]]
        rows.append([RULES[rule], *errors, *layers])
    columns = ["rule", *(f"epoch {t}" for t in shown), *(f"cos, layer {k + 1}" for k in range(args.layers))]
    note = (
        rf"Test error, 784–{'–'.join([str(args.p)] * args.layers)}–10, tanh, $\eta={args.eta:g}$, minibatches of"
        f" {args.batch}, one run each; cosines with the gradient after the run's last epoch."
    )
    record(args.name, columns, rows, note, settings=settings, runs=found)


def load(name: str) -> dict[str, Any]:
    """What was kept; nothing if nothing was."""
    path = DATA / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


if __name__ == "__main__":
    main()
