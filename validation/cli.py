"""The ``fa-ref`` command.

Exit status: 0 as claimed, 1 something was violated, 2 bad input (one line on standard error, no traceback).
Heavy imports happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from validation.verification import Finding, Setting

__all__ = ["app", "main"]

app = typer.Typer(
    name="fa-ref",
    help="Feedback alignment as published, and the tools that check its theorems numerically.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON too.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
XFile = Annotated[Path | None, typer.Option("--X", metavar="FILE", help="Inputs, CSV or .npy, a sample a row.")]
YFile = Annotated[Path | None, typer.Option("--y", metavar="FILE", help="Targets, CSV or .npy.")]


@app.callback()
def _root() -> None:
    pass


@app.command()
def verify(
    mnist: Annotated[
        Path | None,
        typer.Option(metavar="DIR", envvar="FA_REF_MNIST", help="Folder with MNIST's IDX files (plain or .gz)."),
    ] = None,
    x_file: XFile = None,
    y_file: YFile = None,
    report: Annotated[Path, typer.Option(metavar="DIR", help="Where report.html goes.")] = Path("fa-ref-report"),
    json_file: Json = None,
    seed: Seed = 0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 300,
) -> None:
    """Check Theorems 3.2 and 4.3 at every step of real runs: synthetic data, digits, or your own."""
    import numpy as np

    from fa_ref import Problem, data
    from validation import report as reports
    from validation import verification

    folder = reports.check_writable(report)
    _check_json(json_file)
    if (x_file is None) != (y_file is None):
        raise ValueError("--X and --y: expected both or none")
    if x_file is not None and y_file is not None:
        problem = Problem(data.read_array(x_file, 2, "X"), data.read_array(y_file, 1, "y"))
        widths = verification.IMAGE_WIDTHS.items()
        settings = [verification.Setting(x_file.name, problem, activation, ps) for activation, ps in widths]
    else:
        settings = verification.synthetic_settings(np.random.default_rng(seed)) + verification.data_settings(mnist)
    findings = _run_verification(settings, seed, steps)
    _print_table([reports.row(finding) for finding in findings])
    command = shlex.join(["fa-ref", *sys.argv[1:]])
    page = reports.write_report(findings, folder, command=command)
    _write_json(json_file, {"command": command, "findings": [finding.to_dict() for finding in findings]})
    violated = sum(finding.violated for finding in findings)
    _say(f"{len(findings)} runs, {violated} violated; report: {page}")
    raise typer.Exit(1 if violated else 0)


def _run_verification(settings: list[Setting], seed: int, steps: int) -> list[Finding]:
    from validation import verification

    total = sum(len(setting.widths) for setting in settings)
    with progress_bar("verify", total) as advance:
        return list(verification.verify(settings, seed, steps=steps, progress=advance))


@app.command()
def train(
    x_file: XFile = None,
    y_file: YFile = None,
    n: Annotated[int, typer.Option(min=1, help="Samples of the synthetic problem (without --X and --y).")] = 50,
    d: Annotated[int, typer.Option(min=1, help="Its input dimension.")] = 150,
    p: Annotated[int, typer.Option(min=1, help="Width.")] = 800,
    activation: Annotated[str, typer.Option(help="identity, relu, tanh, sigmoid, erf or softplus.")] = "tanh",
    eta: Annotated[float, typer.Option(help="Step size on ½‖e‖².")] = 0.01,
    steps: Annotated[int, typer.Option(min=0, help="Number of steps.")] = 1000,
    ridge: Annotated[float, typer.Option(help="Constant λ.")] = 0.0,
    cutoff: Annotated[int | None, typer.Option(metavar="T", help="Set λ to 0 after step T.")] = None,
    rule: Annotated[str, typer.Option(help="fa or bp.")] = "fa",
    engine: Annotated[str, typer.Option(help="auto, or an engine by name.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the trajectory as CSV.")] = None,
    json_file: Json = None,
    seed: Seed = 0,
) -> None:
    """Train one network and print loss and alignment along the way."""
    import numpy as np

    from fa_ref import Network, Problem, data, schedules
    from fa_ref import train as run_training
    from fa_ref.storage import write_atomically

    _check_json(json_file)
    rng = np.random.default_rng(seed)
    if (x_file is None) != (y_file is None):
        raise ValueError("--X and --y: expected both or none")
    if x_file is not None and y_file is not None:
        problem = Problem(data.read_array(x_file, 2, "X"), data.read_array(y_file, 1, "y"))
    else:
        X = data.gaussian_inputs(n, d, rng, scale=d**-0.5)
        problem = Problem(X, data.network_teacher(X, p, activation, rng))
    schedule = schedules.constant(ridge) if cutoff is None else schedules.cutoff(ridge, cutoff)
    network = Network.gaussian(p, problem.d, rng)
    run = run_training(
        problem, network, activation, eta=eta, steps=steps, ridge=schedule, rule=rule, engine=engine,
        record_every=max(1, steps // 1000),
    )  # fmt: skip
    frame = run.to_frame()
    shown = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, 11).astype(int))]
    _print_table(
        [
            {"step": f"{t}", **{k: f"{line[k]:.4g}" for k in ("loss", "alignment", "beta_norm")}}
            for t, line in shown.iterrows()
        ]
    )
    if out is not None:
        write_atomically(out, lambda file: frame.to_csv(file))
    _write_json(
        json_file, {**run.settings, "status": run.status, "loss": float(run.loss[-1]), "engine": run.engine}
    )
    at = f" at step {run.diverged_at}" if run.diverged_at is not None else ""
    _say(f"{run.status}{at}, engine {run.engine}")


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on standard error while it is a terminal; call the yielded function before each piece of work."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, begun = bar.add_task("", total=total), iter(range(total + 1))

        def advance(label: str) -> None:
            bar.update(task, completed=next(begun), description=label)

        yield advance


def _print_table(rows: list[dict[str, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 180)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading)
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


def _say(line: str) -> None:
    typer.echo(line)


def _check_json(path: Path | None) -> None:
    if path is not None and not (path.parent.is_dir() and not path.is_dir()):
        raise ValueError(f"--json: expected a file in a folder that exists, got {path}")


def _write_json(path: Path | None, content: dict[str, Any]) -> None:
    from fa_ref.storage import write_atomically

    if path is not None:
        text = json.dumps(_plain(content), indent=1, allow_nan=False)
        write_atomically(path, lambda file: file.write(text.encode()))


def _plain(value: Any) -> Any:
    """Replace what JSON cannot say: non-finite numbers become strings, NumPy scalars Python's."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value


def main() -> None:
    """Run the command; a user's mistake ends it with one line and status 2."""
    try:
        app()
    except (ValueError, TypeError, OSError) as error:
        line = " ".join(str(error).split())
        typer.echo(f"fa-ref: {line}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
