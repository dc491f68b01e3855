"""``fa-ref bench``: how long a step takes, every engine beside the loops, plain NumPy and PyTorch."""

from __future__ import annotations

from typing import Annotated

import typer

from validation.commands.console import check_json, progress_bar, say, write_json
from validation.commands.options import Common, Synthetic, spread

__all__ = ["bench"]


@spread
def bench(
    synthetic: Synthetic = Synthetic(n=50, d=150),
    widths: Annotated[str, typer.Option(help="Widths, separated by commas.")] = "200,400,800,1600,3200,6400,12800",
    activations: Annotated[
        str, typer.Option(help="Some of identity, relu, tanh, separated by commas.")
    ] = "identity,relu,tanh",
    rounds: Annotated[int, typer.Option(min=1, help="Timings of every implementation.")] = 15,
    seconds: Annotated[float, typer.Option(help="About how long each lasts.")] = 0.05,
    threads: Annotated[int, typer.Option(min=1, help="Threads of all of them.")] = 2,
    common: Common = Common(),
) -> None:
    """Time a step of every implementation, interleaved; only ratios within one table mean something."""
    from validation.commands.console import numbers
    from validation.experiments.bench import bench as measure

    check_json(common.json_file)
    chosen, names = numbers("widths", widths, int), activations.split(",")
    with progress_bar("bench", len(chosen) * len(names)) as advance:
        result = measure(
            n=synthetic.n, d=synthetic.d, widths=chosen, activations=names, rounds=rounds,
            seconds=seconds, threads=threads, seed=common.seed, progress=advance,
        )  # fmt: skip
    say(result.render())
    write_json(common.json_file, result.to_dict())
