"""``fa-ref figure2``, ``figure3`` and ``dropout``: the paper's Section 5, in sweeps that survive being killed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from validation.commands.console import JsonFile, Seed, check_json, numbers, refuse_beside, say, write_json

__all__ = ["dropout", "figure2", "figure3"]

Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder for tables, figures and finished cells.")]
Runs = Annotated[int, typer.Option(min=1, help="Independent runs a cell.")]
Preset = Annotated[str, typer.Option(help="as-run (the published numbers) or as-printed (the text).")]
Names = Annotated[str, typer.Option(help="Activations, separated by commas.")]
Widths = Annotated[str, typer.Option(help="Widths, separated by commas.")]


def _shared(
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Keep the finished cells that the same code made.")
    ] = True,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler to run on.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how long it would take.")] = False,
    json_file: JsonFile = None,
) -> None:
    """The options of every sweep."""


def _sweep(command: Callable[..., Any]) -> Callable[..., None]:
    """Give a command the options that all sweeps share, and run what it returns.

    The command returns an experiment, its options, and what to say of its comparison with the published runs: a
    function that returns whether they agree, or None where nothing was to be compared.
    """
    own = inspect.signature(command).parameters
    shared = {name: par for name, par in inspect.signature(_shared).parameters.items() if name not in own}

    @wraps(command)
    def run(**options: Any) -> None:
        rest = {name: options.pop(name) for name in shared}
        json_file = rest.pop("json_file")
        experiment, arguments, judge = command(**options)
        outcome = _outcome(experiment, json_file, **arguments, **rest)
        if judge is not None and not rest["dry_run"]:
            raise typer.Exit(0 if judge(outcome.comparison) else 1)

    hints = get_type_hints(command, include_extras=True) | get_type_hints(_shared, include_extras=True)
    parameters = [
        par.replace(annotation=hints[name], kind=par.KEYWORD_ONLY) for name, par in (dict(own) | shared).items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # this is what Typer reads
    run.__annotations__ = {name: hints[name] for name in (*own, *shared)}
    del run.__wrapped__  # or the signature would be sought there
    return run


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


def _outcome(experiment: Callable[..., Any], json_file: Path | None, **options: Any) -> Any:
    check_json(json_file)
    with _sweep_bar(experiment.__name__) as progress:
        outcome = experiment(**options, progress=progress)
    if options["dry_run"]:
        say(str(outcome))
        return outcome
    files = [str(file) for file in outcome.files]
    write_json(json_file, {"rows": outcome.table.to_dict("records"), "files": files})
    say("written: " + ", ".join(files))
    return outcome


@_sweep
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
) -> Any:
    """Alignment against width for each λ, as in Figure 2."""
    from validation.experiments.figure2 import figure2 as experiment

    options = {
        "out": out, "activations": activations.split(","),
        "labels": None if labels is None else numbers("labels", labels, float),
        "widths": numbers("widths", widths, int), "runs": runs, "preset": preset, "predictions": predictions,
        "dtype": dtype,
    }  # fmt: skip

    def judge(comparison: Any) -> bool:
        if comparison is None:
            raise ValueError("--compare: expected --preset as-run, at least 2 runs and a cell that was published")
        say(str(comparison))
        return bool(comparison)

    return experiment, options, judge if compare else None


@_sweep
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
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> Any:
    """Digits by feedback alignment, as in Figure 3: MNIST if its folder is named, yours, or the bundled ones."""
    from validation.experiments.figure3 import figure3 as experiment

    if (images is None) != (labels is None):
        raise ValueError("--images and --labels: expected both or none")
    if images is not None:
        refuse_beside(context, "mnist", "--images and --labels")
    options = {
        "out": out, "data": (images, labels) if images and labels else "digits" if mnist is None else "mnist",
        "folder": mnist, "lambdas": numbers("lambdas", lambdas, float), "schedule": schedule, "horizon": horizon,
        "runs": runs, "epochs": epochs, "jobs": jobs,
    }  # fmt: skip

    def judge(comparison: Any) -> bool:
        if comparison is None:
            raise ValueError("--compare: expected MNIST and a constant schedule, as published")
        say(comparison.to_string(index=False))
        return bool(comparison["inside"].all())

    return experiment, options, judge if compare else None


@_sweep
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
) -> Any:
    """Final alignment with dropout in place of the ridge penalty."""
    from validation.experiments.dropout import dropout as experiment

    options = {
        "out": out, "activations": activations.split(","),
        "rates": None if rates is None else numbers("rates", rates, float),
        "widths": numbers("widths", widths, int), "runs": runs, "patience": patience,
    }  # fmt: skip
    return experiment, options, None
