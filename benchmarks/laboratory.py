"""How long the server takes to answer one change in the laboratory, at its default size and at the presets.

    python benchmarks/laboratory.py [--rounds 5]

A change moves one control by one stop from the default position; its time is that of everything the server does
until the page is ready to be sent: the run, its verdicts, the predictions, five specifications and the code.
"""

from __future__ import annotations

import argparse
import json
import time
from types import SimpleNamespace

import numpy as np

from validation.laboratory import PRESETS, Choices, page

MARIMO = SimpleNamespace(as_html=lambda shown: SimpleNamespace(text=json.dumps(shown._mime_())))


def neighbours(choices: Choices) -> dict[str, Choices]:
    """The positions that one control reaches by its next stop, by the control's name."""
    found = {}
    for name, stops in {**page.MENUS, **page.STOPS}.items():
        order = list(stops) if name in page.MENUS else sorted({*stops, getattr(choices, name)})
        other = order[(order.index(getattr(choices, name)) + 1) % len(order)]
        found[name] = Choices(**{**vars(choices), name: other})
    return found


def seconds(choices: Choices, rounds: int) -> tuple[float, float]:
    """Median wall time and least processor time of an answer."""
    page.body(MARIMO, choices)  # compiles
    walls, processor = [], []
    for _ in range(rounds):
        wall, busy = time.perf_counter(), time.process_time()
        page.body(MARIMO, choices)
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - busy)
    return float(np.median(walls)), min(processor)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    changes = {f"{name} changed": choices for name, choices in neighbours(Choices()).items()}
    with_ridge = Choices(penalty="constant")
    changes |= {f"{name} changed, with ridge": choices for name, choices in neighbours(with_ridge).items()}
    changes |= {f"preset: {name}": preset.choices for name, preset in PRESETS.items()}
    print(f"{'':42}  wall, median  processor, least   (s, {rounds} rounds)")
    for name, choices in changes.items():
        wall, busy = seconds(choices, rounds)
        print(f"{name:42}  {wall:12.3f}  {busy:16.3f}")


if __name__ == "__main__":
    main()
