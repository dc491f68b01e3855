"""``fa-ref bench``: how long a step takes, every engine beside the loops, plain NumPy and PyTorch."""

from __future__ import annotations

from typing import Annotated

import typer

from validation.commands.console import JsonFile, Seed, check_json, progress_bar, say, write_json
from validation.commands.inputs import Dimension, Samples

__all__ = ["bench"]


def bench(
    n: Samples = 50,
    d: Dimension = 150,
    widths: Annotated[str, typer.Option(help="Widths, separated by commas.")] = "200,400,800,1600,3200,6400,12800",
    activations: Annotated[
        str, typer.Option(help="Some of identity, relu, tanh, separated by commas.")
    ] = "identity,relu,tanh",
    rounds: Annotated[int, typer.Option(min=1, help="Timings of every implementation.")] = 15,
    seconds: Annotated[float, typer.Option(help="About how long each lasts.")] = 0.05,
    threads: Annotated[int, typer.Option(min=1, help="Threads of all of them.")] = 2,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> None:
    """Time a step of every implementation, interleaved; only ratios within one table mean something."""
    from validation.commands.console import numbers
    from validation.experiments.bench import bench as measure

    check_json(json_file)
    chosen, names = numbers("widths", widths, int), activations.split(",")
    with progress_bar("bench", len(chosen) * len(names)) as advance:
        result = measure(
            n=n, d=d, widths=chosen, activations=names, rounds=rounds, seconds=seconds, threads=threads,
            seed=seed, progress=advance,
        )  # fmt: skip
    say(result.render())
    write_json(json_file, result.to_dict())
