"""Measured tables: where a page says ``<!-- study: name -->`` comes the table that a study left in ``_data``."""

from __future__ import annotations

import json
import re
from pathlib import Path

DATA = Path(__file__).parents[1] / "_data"
MARKER = re.compile(r"<!-- study: ([a-z0-9_-]+) -->")


def table(name: str) -> str:
    """The table, its note, and the command and day it comes from, as Markdown."""
    content = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    rows = [content["columns"], ["---"] * len(content["columns"]), *content["rows"]]
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    again = "" if content["rerun"] else ", and not rerun since"
    source = f"`{content['command']}`, {content['date']}{again}."
    return "\n".join([*lines, "", f"*{' '.join([content['note'], source]).strip()}*"])


def replace(app, name, source):
    """Put the tables in, and have the page read again when one of them changes."""
    for table_name in MARKER.findall(source[0]):
        app.env.note_dependency(str(DATA / f"{table_name}.json"), docname=name)
    source[0] = MARKER.sub(lambda match: table(match[1]), source[0])


def setup(app):
    """Connect the hook."""
    app.connect("source-read", replace)
    return {"parallel_read_safe": True}
