"""``fa-ref figure2``, ``figure3`` and ``dropout``: the paper's Section 5, in sweeps that survive being killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from validation.commands.console import check_json, numbers, refuse_beside, say, write_json
from validation.commands.options import Common, spread

__all__ = ["dropout", "figure2", "figure3"]

Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder for tables, figures and finished cells.")]
Runs = Annotated[int, typer.Option(min=1, help="Independent runs a cell.")]
Preset = Annotated[str, typer.Option(help="as-run (the published numbers) or as-printed (the text).")]
Names = Annotated[str, typer.Option(help="Activations, separated by commas.")]
Widths = Annotated[str, typer.Option(help="Widths, separated by commas.")]


@dataclass(frozen=True, kw_only=True)
class Sweeping:
    """The options of every sweep."""

    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Keep the finished cells that the same code made.")
    ] = True
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler to run on.")] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how long it would take.")] = False


@contextmanager
def _sweep_bar(title: str) -> Iterator[Callable[[int, int, float], None]]:
    """Show finished cells and the time left on standard error while it is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from validation.experiments.sweeps import duration

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, left: bar.update(
            task, completed=done, total=total, description=f"{duration(left)} left"
        )


def _run(
    experiment: Callable[..., Any],
    choices: dict[str, Any],
    sweeping: Sweeping,
    common: Common,
    judge: Callable[[Any], bool] | None = None,
) -> None:
    """Run an experiment; ``judge`` says whether it agrees with the published runs, where that was asked for."""
    from validation.experiments.sweeps import SweepOptions

    check_json(common.json_file)
    with _sweep_bar(experiment.__name__) as progress:
        options = SweepOptions(seed=common.seed, progress=progress, **asdict(sweeping))
        outcome = experiment(**choices, options=options)
    if sweeping.dry_run:
        say(str(outcome))
        return
    files = [str(file) for file in outcome.files]
    write_json(common.json_file, {"rows": outcome.table.to_dict("records"), "files": files})
    say("written: " + ", ".join(files))
    if judge is not None:
        raise typer.Exit(0 if judge(outcome.comparison) else 1)


@spread
def figure2(
    out: Out = Path("fa-ref-figure2"),
    activations: Names = "linear,relu,tanh",
    labels: Annotated[str | None, typer.Option(help="Plotted λ, separated by commas.")] = None,
    widths: Widths = "200,400,800,1600,3200,6400,12800",
    runs: Runs = 50,
    preset: Preset = "as-run",
    compare: Annotated[bool, typer.Option("--compare", help="Compare every cell with the published runs.")] = False,
    predictions: Annotated[int, typer.Option(min=0, help="Draws for the wide-limit prediction; 0: none.")] = 5,
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    sweeping: Sweeping = Sweeping(),
    common: Common = Common(),
) -> None:
    """Alignment against width for each λ, as in Figure 2."""
    from validation.experiments.figure2 import figure2 as experiment

    choices = {
        "out": out, "activations": activations.split(","),
        "labels": None if labels is None else numbers("labels", labels, float),
        "widths": numbers("widths", widths, int), "runs": runs, "preset": preset, "predictions": predictions,
        "dtype": dtype,
    }  # fmt: skip

    def judge(comparison: Any) -> bool:
        if comparison is None:
            raise ValueError(
                "--compare: expected --preset as-run, at least 2 runs and a cell that was published,"
                f" got --preset {preset} and --runs {runs}"
            )
        say(str(comparison))
        return bool(comparison)

    _run(experiment, choices, sweeping, common, judge if compare else None)


@dataclass(frozen=True, kw_only=True)
class Images:
    """Which digits are learnt: MNIST if its folder is named, the user's, or the bundled ones."""

    mnist: Annotated[
        Path | None, typer.Option(metavar="DIR", envvar="FA_REF_MNIST", help="Folder with MNIST's IDX files.")
    ] = None
    images: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own images, IDX.")] = None
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="Their labels, IDX.")] = None

    def data(self, context: typer.Context) -> str | Path | tuple[Path, Path]:
        """What the experiment takes for ``data``.

        Raises
        ------
        ValueError
            If one of the user's files is missing, or MNIST is typed beside them.
        """
        if self.images is not None and self.labels is not None:
            refuse_beside(context, "mnist", "--images and --labels")
            return self.images, self.labels
        if self.images is not None or self.labels is not None:
            alone = "--labels" if self.images is None else "--images"
            raise ValueError(f"--images and --labels: expected both or none, got {alone} alone")
        return self.mnist or "digits"


@spread
def figure3(
    context: typer.Context,
    source: Images,
    out: Out = Path("fa-ref-figure3"),
    lambdas: Annotated[str, typer.Option(help="Penalties, separated by commas.")] = "0,0.1,0.3",
    schedule: Annotated[str, typer.Option(help="constant, cutoff, inverse_square or exponential.")] = "constant",
    horizon: Annotated[float, typer.Option(help="Time scale of the schedule, in epochs.")] = 20.0,
    runs: Runs = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 300,
    compare: Annotated[bool, typer.Option("--compare", help="Compare with the published accuracies.")] = False,
    sweeping: Sweeping = Sweeping(jobs=1),
    common: Common = Common(),
) -> None:
    """Digits by feedback alignment, as in Figure 3: MNIST if its folder is named, yours, or the bundled ones."""
    from validation.experiments.figure3 import figure3 as experiment

    choices = {
        "out": out, "data": source.data(context),
        "lambdas": numbers("lambdas", lambdas, float), "schedule": schedule, "horizon": horizon,
        "runs": runs, "epochs": epochs,
    }  # fmt: skip

    def judge(comparison: Any) -> bool:
        if comparison is None:
            data = "MNIST" if choices["data"] == source.mnist else "other images"
            raise ValueError(
                f"--compare: expected MNIST and --schedule constant, as published, got {data} and {schedule}"
            )
        say(comparison.to_string(index=False))
        return bool(comparison["inside"].all())

    _run(experiment, choices, sweeping, common, judge if compare else None)


@spread
def dropout(
    out: Out = Path("fa-ref-dropout"),
    activations: Names = "linear,relu,tanh",
    rates: Annotated[
        str | None, typer.Option(help="Probabilities of silence, separated by commas; by default as published.")
    ] = None,
    widths: Widths = "800,3200,12800",
    runs: Runs = 2,
    patience: Annotated[
        float, typer.Option(min=1.0, help="Give a run up at this multiple of the planned steps.")
    ] = 20.0,
    sweeping: Sweeping = Sweeping(),
    common: Common = Common(),
) -> None:
    """Final alignment with dropout in place of the ridge penalty."""
    from validation.experiments.dropout import dropout as experiment

    choices = {
        "out": out, "activations": activations.split(","),
        "rates": None if rates is None else numbers("rates", rates, float),
        "widths": numbers("widths", widths, int), "runs": runs, "patience": patience,
    }  # fmt: skip
    _run(experiment, choices, sweeping, common)
