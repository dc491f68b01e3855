"""``fa-ref figure2``, ``figure3`` and ``dropout``: the paper's Section 5, in sweeps that survive being killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from validation.commands.console import JsonFile, Seed, check_json, numbers, refuse_beside, say, write_json

__all__ = ["dropout", "figure2", "figure3"]

Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder for tables, figures and finished cells.")]
Runs = Annotated[int, typer.Option(min=1, help="Independent runs a cell.")]
Jobs = Annotated[int, typer.Option(min=1, help="Worker processes.")]
Resume = Annotated[bool, typer.Option("--resume/--no-resume", help="Keep the cells that are finished.")]
Cluster = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler to run on.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how long it would take.")]
Preset = Annotated[str, typer.Option(help="as-run (the published numbers) or as-printed (the text).")]
Names = Annotated[str, typer.Option(help="Activations, separated by commas.")]
Widths = Annotated[str, typer.Option(help="Widths, separated by commas.")]


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


def _run(experiment: Callable[..., Any], title: str, json_file: Path | None, **options: Any) -> Any:
    check_json(json_file)
    with _sweep_bar(title) as progress:
        outcome = experiment(**options, progress=progress)
    if options["dry_run"]:
        say(str(outcome))
        return outcome
    write_json(
        json_file, {"rows": outcome.table.to_dict("records"), "files": [str(file) for file in outcome.files]}
    )
    say("written: " + ", ".join(str(file) for file in outcome.files))
    return outcome


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
    seed: Seed = 0,
    jobs: Jobs = 2,
    resume: Resume = True,
    cluster: Cluster = None,
    dry_run: DryRun = False,
    json_file: JsonFile = None,
) -> None:
    """Alignment against width for each λ, as in Figure 2."""
    from validation.experiments.figure2 import figure2 as experiment

    outcome = _run(
        experiment, "figure 2", json_file, out=out, activations=activations.split(","),
        labels=None if labels is None else numbers("labels", labels, float),
        widths=numbers("widths", widths, int), runs=runs, preset=preset, predictions=predictions, dtype=dtype,
        seed=seed, jobs=jobs, resume=resume, cluster=cluster, dry_run=dry_run,
    )  # fmt: skip
    if compare and not dry_run:
        if outcome.comparison is None:
            raise ValueError("--compare: expected --preset as-run, at least 2 runs and a cell that was published")
        say(str(outcome.comparison))
        raise typer.Exit(0 if outcome.comparison.consistent else 1)


def figure3(
    context: typer.Context,
    out: Out = Path("fa-ref-figure3"),
    mnist: Annotated[
        Path | None, typer.Option(metavar="DIR", envvar="FA_REF_MNIST", help="Folder with MNIST's IDX files.")
    ] = None,
    images: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own images, IDX.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="Their labels, IDX.")] = None,
    lambdas: Annotated[str, typer.Option(help="Penalties, separated by commas.")] = "0,0.1,0.3",
    schedule: Annotated[str, typer.Option(help="constant, cutoff, inverse_square or exponential.")] = "constant",
    horizon: Annotated[float, typer.Option(help="Time scale of the schedule, in epochs.")] = 20.0,
    runs: Runs = 1,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 300,
    compare: Annotated[bool, typer.Option("--compare", help="Compare with the published accuracies.")] = False,
    seed: Seed = 0,
    jobs: Jobs = 1,
    resume: Resume = True,
    cluster: Cluster = None,
    dry_run: DryRun = False,
    json_file: JsonFile = None,
) -> None:
    """Digits by feedback alignment, as in Figure 3: MNIST if its folder is named, yours, or the bundled ones."""
    from validation.experiments.figure3 import figure3 as experiment

    if (images is None) != (labels is None):
        raise ValueError("--images and --labels: expected both or none")
    if images is not None:
        refuse_beside(context, "mnist", "--images and --labels")
    data = (images, labels) if images and labels else "digits" if mnist is None else "mnist"
    outcome = _run(
        experiment, "figure 3", json_file, out=out, data=data, folder=mnist,
        lambdas=numbers("lambdas", lambdas, float), schedule=schedule, horizon=horizon, runs=runs, epochs=epochs,
        seed=seed, jobs=jobs, resume=resume, cluster=cluster, dry_run=dry_run,
    )  # fmt: skip
    if compare and not dry_run:
        if outcome.comparison is None:
            raise ValueError("--compare: expected MNIST and a constant schedule, as published")
        say(outcome.comparison.to_string(index=False))
        raise typer.Exit(0 if bool(outcome.comparison["inside"].all()) else 1)


def dropout(
    out: Out = Path("fa-ref-dropout"),
    activations: Names = "linear,relu,tanh",
    rates: Annotated[str, typer.Option(help="Probabilities of silence, separated by commas.")] = "0.4,0.6",
    widths: Widths = "800,3200,12800",
    runs: Runs = 2,
    preset: Preset = "as-run",
    seed: Seed = 0,
    jobs: Jobs = 2,
    resume: Resume = True,
    cluster: Cluster = None,
    dry_run: DryRun = False,
    json_file: JsonFile = None,
) -> None:
    """Final alignment with dropout in place of the ridge penalty."""
    from validation.experiments.dropout import dropout as experiment

    _run(
        experiment, "dropout", json_file, out=out, activations=activations.split(","),
        rates=numbers("rates", rates, float), widths=numbers("widths", widths, int), runs=runs, preset=preset,
        seed=seed, jobs=jobs, resume=resume, cluster=cluster, dry_run=dry_run,
    )  # fmt: skip
