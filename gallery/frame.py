"""What the gallery's scripts share: an empty figure, and the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

#: Pictures of scripts that need what not every machine has, as they were drawn where it was there.
STORED = Path(__file__).parent / "stored"


class UnavailableError(Exception):
    """What a picture needs is not on this machine; says what that is."""


def canvas(columns=1, *, width=5.2, height=3.7):
    """A figure, and its axes in a row (the axes themselves where there is one)."""
    figure = Figure(figsize=(width if columns == 1 else 4.4 * columns, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def save(figure, path):
    """Write the figure as SVG, without the date."""
    figure.savefig(path, format="svg", metadata={"Date": None})


def main(picture: Callable[..., Figure]) -> None:
    """Draw to a file: ``python -m gallery.NAME [--out FILE.svg] [--quick] [--store]``."""
    name = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(prog=f"python -m gallery.{name}")
    parser.add_argument("--out", type=Path, default=Path(f"{name}.svg"))
    parser.add_argument("--quick", action="store_true", help="smaller and rougher")
    parser.add_argument("--store", action="store_true", help="keep it for machines that cannot draw it")
    options = parser.parse_args()
    try:
        figure = picture(quick=options.quick)
    except UnavailableError as missing:
        sys.exit(f"{name}: not drawn: {missing}")
    path = STORED / f"{name}.svg" if options.store else options.out
    path.parent.mkdir(exist_ok=True)
    save(figure, path)
    print(path)
