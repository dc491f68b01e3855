"""How a study keeps what it measured: a JSON file under docs/_data, with its command; the docs read it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fa_ref._support.storage import write_atomically
from validation.experiments.sweeps.provenance import package_digest

DATA = Path(__file__).parents[1] / "docs" / "_data"


def record(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "", **more: Any) -> Path:
    """Write one table, complete or not at all.

    Parameters
    ----------
    name : str
        Of the file, without its ending; a page shows it where it says ``<!-- study: name -->``.
    columns : sequence of str
        Headings, Markdown.
    rows : sequence of sequences
        Cells, Markdown; numbers are shown as they are.
    note : str, optional
        A sentence under the table.
    **more
        Numbers behind the cells, for machines.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"rows: expected {len(columns)} cells, got {row}")
    program = Path(sys.argv[0]).resolve().relative_to(DATA.parents[1]).with_suffix("")
    given = ["DIR" if Path(word).is_dir() else word for word in sys.argv[1:]]  # no folder of this machine
    content = {
        "command": " ".join(["python", "-m", ".".join(program.parts), *given]),
        "date": datetime.now(UTC).date().isoformat(),
        "code": package_digest(),
        "rerun": True,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        "note": note,
        **more,
    }
    DATA.mkdir(exist_ok=True)
    path, text = DATA / f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))
    return path
