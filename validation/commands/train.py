"""``fa-ref train``: one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from validation.commands.console import JsonFile, Seed, check_json, print_table, say, write_json
from validation.commands.inputs import Dimension, Files, Header, Psi, Samples, Standardise, Width, XFile, YFile

__all__ = ["train"]


def train(
    x_file: XFile = None,
    y_file: YFile = None,
    header: Header = None,
    standardise: Standardise = False,
    n: Samples = 50,
    d: Dimension = 150,
    p: Width = 800,
    activation: Psi = "tanh",
    eta: Annotated[float, typer.Option(help="Step size on ½‖e‖².")] = 0.01,
    steps: Annotated[int, typer.Option(min=0, help="Number of steps.")] = 1000,
    ridge: Annotated[float, typer.Option(help="Constant λ.")] = 0.0,
    cutoff: Annotated[int | None, typer.Option(metavar="T", help="Set λ to 0 after step T.")] = None,
    rule: Annotated[str, typer.Option(help="fa or bp.")] = "fa",
    engine: Annotated[str, typer.Option(help="auto, or an engine by name.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the trajectory as CSV.")] = None,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> None:
    """Train one network and print loss and alignment along the way."""
    import numpy as np

    from fa_ref import Network, schedules
    from fa_ref import train as run_training
    from fa_ref._support.storage import write_atomically

    check_json(json_file)
    check_json(out, "--out")
    rng = np.random.default_rng(seed)
    if cutoff is not None and ridge == 0:
        raise ValueError("--cutoff: expected together with --ridge, which it sets to 0 after step T")
    given = Files(x_file, y_file, header, standardise).or_synthetic(n, d, activation, rng, d**-0.5)
    problem = given.problem
    schedule = schedules.constant(ridge) if cutoff is None else schedules.cutoff(ridge, cutoff)
    network = Network.gaussian(p, problem.d, rng)
    run = run_training(
        problem, network, activation, eta=eta, steps=steps, ridge=schedule, rule=rule, engine=engine,
        record_every=max(1, steps // 1000),
    )  # fmt: skip
    frame = run.to_frame()
    shown = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, 11).astype(int))]
    print_table(
        [
            {"step": f"{t}", **{k: f"{line[k]:.4g}" for k in ("loss", "alignment", "beta_norm")}}
            for t, line in shown.iterrows()
        ]
    )
    if out is not None:
        write_atomically(out, lambda file: frame.to_csv(file))
    write_json(
        json_file, {**run.describe(), "status": run.status, "loss": float(run.loss[-1]), "engine": run.engine}
    )
    at = f" at step {run.diverged_at}" if run.diverged_at is not None else ""
    say(f"{run.status}{at}, engine {run.engine}")
