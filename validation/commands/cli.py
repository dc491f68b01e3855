"""The ``fa-ref`` command; `validation.commands.terminal` says what its exit status means.

Heavy imports happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from validation.commands.bench import bench
from validation.commands.certify import certify
from validation.commands.errata import errata
from validation.commands.experiments import dropout, figure2, figure3
from validation.commands.lab import lab
from validation.commands.terminal import ending_well, hearing_interrupts, prepare_streams
from validation.commands.theory import theory
from validation.commands.train import train
from validation.commands.verify import theorem, verify

__all__ = ["app", "main"]

app = typer.Typer(
    name="fa-ref",
    help="Feedback alignment as published, and the tools that check its theorems numerically.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (verify, theorem, train, theory, certify, figure2, figure3, dropout, errata, lab, bench):
    app.command()(ending_well(hearing_interrupts(command)))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"fa-ref {version('fa-ref')}")
        except PackageNotFoundError:
            from fa_ref import __version__

            typer.echo(f"fa-ref {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _run() -> None:
    app()


def main() -> None:
    """Run the command."""
    prepare_streams()
    ending_well(_run)()


if __name__ == "__main__":
    main()
