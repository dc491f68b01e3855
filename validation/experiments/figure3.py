"""Figure 3: alignment and test accuracy of a classifier of handwritten digits, epoch by epoch.

784–1000–10, ReLU, softmax cross-entropy, no biases, N(0, 1) weights, minibatches of 600, η = 10⁻², 300 epochs,
ridge on β alone with λ ∈ {0, 0.1, 0.3}. Backpropagation with λ = 0 is the dashed reference.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, one_of
from fa_ref._support.threads import threads
from fa_ref.classifier import Classifier, train_classifier
from fa_ref.data.images import Pair, digits, idx_pair, mnist
from fa_ref.schedules import Schedule
from validation.experiments.compare import compare_figure3, published
from validation.experiments.sweeps import (
    Cell,
    Estimate,
    Outcome,
    Row,
    Sweep,
    SweepOptions,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["LAMBDAS", "SCHEDULES", "draw_figure3", "figure3"]

StrPath = str | PathLike[str]
#: ``"mnist"``, ``"digits"``, MNIST's folder, or the paths of an IDX file of images and one of labels.
Data = StrPath | tuple[StrPath, StrPath]

#: The paper's penalties.
LAMBDAS = (0.0, 0.1, 0.3)

#: Courses of λ over a horizon of T steps.
SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": lambda lam, _: schedules.constant(lam),
    "cutoff": lambda lam, T: schedules.cutoff(lam, T - 1),
    "inverse_square": lambda lam, T: schedules.inverse_square(lam, float(T)),
    "exponential": lambda lam, T: schedules.exponential(lam, float(T)),
}


def figure3(
    out: StrPath,
    *,
    data: Data = "mnist",
    lambdas: Sequence[float] = LAMBDAS,
    schedule: str = "constant",
    horizon: float = 20.0,
    runs: int = 1,
    epochs: int = 300,
    backpropagation: bool = True,
    p: int = 1000,
    batch: int = 600,
    eta: float = 1e-2,
    options: SweepOptions = SweepOptions(),
) -> Outcome | Estimate:
    """Run the experiment behind Figure 3.

    Parameters
    ----------
    out : path
        Folder for ``figure3.csv``, ``figure3.svg`` and the finished cells.
    data : str, path or pair of paths, optional
        ``"digits"`` (bundled); the folder of MNIST's four files, or ``"mnist"`` where the environment variable
        FA_REF_MNIST names it; or two IDX files, images and labels.
    lambdas : sequence of float, optional
        Penalties; each starts its own runs.
    schedule : {"constant", "cutoff", "inverse_square", "exponential"}, optional
        Course of λ, which starts at the value given.
    horizon : float, optional
        Time scale of the course, in epochs; of no consequence if it is constant.
    runs, epochs : int, optional
        Independent runs a penalty, and passes over the training images.
    backpropagation : bool, optional
        Whether to run the reference as well.
    p, batch, eta : optional
        Width, images a step, and step size.
    options : SweepOptions, optional
        Seed, workers, what is kept, and whether it is only estimated how long it would take.

    Returns
    -------
    Outcome
        Its table has one row an epoch; ``comparison`` is the table of `compare_figure3` where the published set-up
        was run on MNIST, and None otherwise.
    Estimate
        From a dry run.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above, or the data cannot be read.
    """
    one_of("schedule", schedule, SCHEDULES)
    source, name = _source(data)
    shared = {
        "data": name, "schedule": schedule, "horizon": as_number("horizon", horizon, above=0),
        "p": as_count("p", p), "batch": as_count("batch", batch), "eta": as_number("eta", eta, above=0),
        "epochs": as_count("epochs", epochs),
    }  # fmt: skip
    arms = [("fa", as_number("lambdas", lam, at_least=0)) for lam in lambdas] + [("bp", 0.0)] * backpropagation
    cells = [
        {"rule": rule, "lam": lam, **shared, "run": run}
        for rule, lam in arms
        for run in range(as_count("runs", runs))
    ]
    sweep = Sweep("figure3", partial(_work, source=source), cells, options.seed)
    if options.dry_run:
        each = _seconds(cells[0], source)
        return sweep.estimate(out, lambda _: each, jobs=options.jobs, resume=options.resume)
    table = sweep.run(out, **options.workers, progress=options.progress)
    as_published = name == "mnist" and schedule == "constant" and (p, batch, eta) == (1000, 600, 1e-2)
    image = Path(out) / "figure3.svg"
    save_figure(draw_figure3(table, compared=as_published), image)
    comparison = compare_figure3(table[table["rule"] == "fa"]) if as_published else None
    return Outcome(table, [Path(out) / "figure3.csv", image], comparison)


def _source(data: Data) -> tuple[tuple[str, ...], str]:
    """Say where the images come from, and what identifies them."""
    if data == "digits":
        return ("digits",), "digits"
    if data == "mnist":
        data = os.environ.get("FA_REF_MNIST", "")
        if not data:
            raise ValueError("data: expected the folder of MNIST's four IDX files (or FA_REF_MNIST), got 'mnist'")
    if isinstance(data, str | PathLike) and Path(data).is_dir():
        return ("mnist", str(Path(data).resolve())), "mnist"
    if isinstance(data, str | PathLike) or len(data) != 2:
        raise ValueError(f"data: expected 'digits', the folder of MNIST or two IDX files, got {str(data)!r}")
    sha, paths = hashlib.sha256(), [Path(path).resolve() for path in data]
    for path in paths:
        if not path.is_file():
            raise ValueError(f"data: expected an IDX file, got {path}, which is missing")
        sha.update(path.read_bytes())
    return ("idx", *map(str, paths)), f"idx-{sha.hexdigest()[:12]}"


@lru_cache(maxsize=1)
def _load(source: tuple[str, ...]) -> Pair:
    readers: dict[str, Callable[..., Pair]] = {"mnist": mnist, "digits": digits, "idx": idx_pair}
    return readers[source[0]](*source[1:])


def _ridge(cell: Cell, m: int) -> Schedule:
    steps = max(1, round(cell["horizon"] * math.ceil(m / cell["batch"])))
    return SCHEDULES[cell["schedule"]](cell["lam"], steps)


def _work(cell: Cell, rng: np.random.Generator, *, source: tuple[str, ...]) -> tuple[list[Row], str]:
    train, test = _load(source)
    network = Classifier.gaussian(cell["p"], train.d, train.k, rng)
    run = train_classifier(
        train, test, network, rng, eta=cell["eta"], epochs=cell["epochs"], batch=cell["batch"],
        ridge=_ridge(cell, train.m), rule=cell["rule"],
    )  # fmt: skip
    frame = run.to_frame().reset_index().assign(status=run.status)
    return frame.to_dict("records"), "classifier-float32"


def _seconds(cell: Cell, source: tuple[str, ...]) -> float:
    """Estimate the time of a cell, from five minibatches and their share of the test images."""
    train, test = _load(source)
    some = min(5 * cell["batch"], train.m - 1)
    part, exam = train.split(some)[0], test.split(max(1, some * test.m // train.m - 1))[0]
    network = Classifier.gaussian(cell["p"], train.d, train.k, np.random.default_rng(0))
    times = []
    for _ in range(2):  # the first compiles
        start = time.perf_counter()
        with threads(1):
            train_classifier(part, exam, network, np.random.default_rng(0), epochs=1, batch=cell["batch"])
        times.append(time.perf_counter() - start)
    return float(min(times) * cell["epochs"] * train.m / some)


def draw_figure3(table: DataFrame, *, compared: bool = False) -> Figure:
    """Draw alignment and accuracy against the epoch, mean ± SD over runs; backpropagation dashed.

    Parameters
    ----------
    table : DataFrame
        That of `figure3`.
    compared : bool, optional
        Whether to mark the published accuracies.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = dict(zip(("alignment", "accuracy"), figure.subplots(1, 2), strict=True))
    colours = {lam: f"C{i}" for i, lam in enumerate(table.loc[table["rule"] == "fa", "lam"].unique())}
    for (rule, lam), arm in table.groupby(["rule", "lam"], sort=False):
        style = {"label": f"λ = {lam:g}", "color": colours.get(lam, "k")}
        if rule == "bp":
            style = {"label": "backpropagation", "color": "k", "linestyle": "--"}
        for name, axes in panels.items():
            by_epoch = arm.groupby("epoch")[name]
            mean, sd = by_epoch.mean(), by_epoch.std(ddof=1).fillna(0.0)
            axes.plot(mean.index, mean, **style)
            axes.fill_between(mean.index, mean - sd, mean + sd, color=style["color"], alpha=0.2, linewidth=0)
    if compared:
        _mark_published(panels["accuracy"], colours, table["epoch"].max())
    panels["alignment"].set(xlabel="epoch", ylabel="cos∠(δ_BP, δ_FA)")
    panels["accuracy"].set(xlabel="epoch", ylabel="test accuracy")
    panels["accuracy"].legend(frameon=False)
    return figure


def _mark_published(axes: Any, colours: dict[float, str], last: int) -> None:
    for lam, arm in published("figure3").groupby("lambda"):
        if lam in colours:
            arm = arm[arm["epoch"] <= last]
            axes.errorbar(
                arm["epoch"], arm["accuracy_mean"], arm["accuracy_sd"], fmt="o", markersize=3, color=colours[lam],
                label=f"λ = {lam:g}, published",
            )  # fmt: skip
