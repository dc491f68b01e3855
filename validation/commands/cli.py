"""The ``fa-ref`` command.

Exit status: 0 as claimed, 1 something was violated, 2 bad input (one line on standard error, no traceback).
Heavy imports happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import typer

from validation.commands.bench import bench
from validation.commands.certify import certify
from validation.commands.errata import errata
from validation.commands.experiments import dropout, figure2, figure3
from validation.commands.theory import theory
from validation.commands.train import train
from validation.commands.verify import verify

__all__ = ["app", "main"]

app = typer.Typer(
    name="fa-ref",
    help="Feedback alignment as published, and the tools that check its theorems numerically.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (verify, train, theory, certify, figure2, figure3, dropout, errata, bench):
    app.command()(command)


def main() -> None:
    """Run the command; a user's mistake ends it with one line and status 2."""
    try:
        app()
    except (ValueError, TypeError, OSError, MemoryError) as error:
        line = " ".join(str(error).split())
        typer.echo(f"fa-ref: {line}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
