"""Pages that are made at every build from the code itself: the command line, and Algorithm 1 beside its source."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

from public_names import GROUPS, public, rooms


def command_line() -> str:
    """One section a command: what it does, how it is called, its options."""
    import click
    import typer

    from validation.commands.cli import app

    group = typer.main.get_command(app)
    parts = ["# Command line", "", "Every command has `--help`. Generated from the commands themselves.", ""]
    with click.Context(group, info_name="fa-ref") as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            with click.Context(command, info_name=name, parent=context) as inner:
                parts += [f"## fa-ref {name}", "", inspect.cleandoc(command.help or "").replace("\b", ""), ""]
                parts += ["```text", command.get_usage(inner), "```", "", "| option | meaning |", "|---|---|"]
                parts += [
                    _row(parameter, inner) for parameter in command.get_params(inner) if _row(parameter, inner)
                ]
                parts += [""]
    return "\n".join(parts)


def _row(parameter, context) -> str:
    record = parameter.get_help_record(context)
    if record is None:
        return ""
    names, text = (" ".join(part.split()).replace("|", "\\|") for part in record)
    return f"| `{names}` | {text} |"


def api() -> str:
    """Public names by what a reader is up to, each object under the first room that has it."""
    rooms()  # refuses a room that is in no group
    parts, listed = ["# API", "", "Every public name, grouped by what one is up to.", ""], set()
    for group, members in GROUPS.items():
        parts += [f"## {group}", ""]
        for room in members:
            parts += _room(room, listed)
    return "\n".join(parts)


def _room(room: str, listed: set[int]) -> list[str]:
    module = import_module(room)
    names = [name for name in public(room) if id(getattr(module, name)) not in listed]
    listed |= {id(getattr(module, name)) for name in names}
    if not names:
        return []
    head = [f"### {room}", "", (inspect.getdoc(module) or "").split("\n")[0], ""]
    block = ["```{eval-rst}", f".. currentmodule:: {room}", "", ".. autosummary::", "   :toctree: generated"]
    return [*head, *block, "   :nosignatures:", "", *(f"   {name}" for name in names), "```", ""]


PAGES = {"reference/commands.md": command_line, "reference/api.md": api}


def write(app) -> None:
    """Write the pages whose content has changed."""
    for name, make in PAGES.items():
        path, text = Path(app.srcdir) / name, make()
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app):
    """Write the pages before Sphinx looks for them."""
    app.connect("config-inited", lambda app, config: write(app))
    return {"parallel_read_safe": True}
