"""``fa-ref theory``: all constants of a problem in one table."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from validation.commands.console import (
    JsonFile,
    Seed,
    check_json,
    half_step,
    print_table,
    progress_bar,
    say,
    write_json,
)
from validation.commands.inputs import Dimension, Files, Header, Psi, Samples, Standardise, XFile, YFile

if TYPE_CHECKING:
    import numpy as np

    from fa_ref import Problem
    from theory.kernels import MeanKernel

__all__ = ["theory"]


def theory(
    context: typer.Context,
    x_file: XFile = None,
    y_file: YFile = None,
    header: Header = None,
    standardise: Standardise = False,
    n: Samples = 5,
    d: Dimension = 15,
    activation: Psi = "tanh",
    eta: Annotated[
        float | None, typer.Option(help="Step size; if not given, half of what the theorem's clause allows.")
    ] = None,
    delta: Annotated[float, typer.Option(help="Every line holds with probability 1 − δ.")] = 0.1,
    p: Annotated[int | None, typer.Option(min=1, help="Width; the sufficient one if not given.")] = None,
    observe: Annotated[int, typer.Option(min=0, metavar="N", help="Also observe this many runs.")] = 0,
    observe_width: Annotated[int, typer.Option(min=2, help="Width of those runs.")] = 3200,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each of them.")] = 500,
    limits: Annotated[bool, typer.Option("--limits", help="Print predicted alignments instead.")] = False,
    widths: Annotated[str, typer.Option(help="Widths for --limits.")] = "200,800,3200,12800",
    ridge: Annotated[float, typer.Option(help="λ for --limits.")] = 0.0,
    times: Annotated[str | None, typer.Option(help="Steps t for λ = 0; inf is full convergence.")] = None,
    theta: Annotated[str | None, typer.Option(help="Times t/√p for λ > 0.")] = None,
    budget: Annotated[float, typer.Option(help="c_S of Theorem 4.6, for linear networks with λ > 0.")] = 1.0,
    json_file: JsonFile = None,
    seed: Seed = 0,
) -> None:
    """Print every constant that the paper leaves unnamed: what is proved for it and, apart, what runs show.

    With --limits, print the alignment that is predicted against time and width.
    """
    import numpy as np

    from theory.convergence.constants import constants_table
    from theory.kernels import mean_kernel
    from validation.report.advice import advise

    check_json(json_file)
    if limits and observe:
        raise ValueError("--observe: expected none with --limits")
    rng = np.random.default_rng(seed)
    given = Files(x_file, y_file, header, standardise).or_synthetic(context, n, d, activation, rng, d**-0.5)
    problem = given.problem
    kernel = mean_kernel(problem.X, activation)
    if eta is None:
        eta = _step(problem, activation, kernel)
    if limits:
        from validation.commands.theory_limits import print_limits

        found = print_limits(problem, activation, eta, ridge, widths, times, theta, budget)
        write_json(json_file, {"eta": eta, "limits": found})
        return
    lines = constants_table(problem, activation, eta=eta, delta=delta, p=p)
    print_table(
        [
            {
                "": line.name,
                "value or proved bound": "none" if math.isnan(line.value) else f"{line.value:.4g}",
                "vacuous by": f"×{line.vacuous:.3g}" if line.vacuous else "",
                "meaning": line.meaning,
                "source": line.source,
                "note": line.note,
            }
            for line in lines
        ]
    )
    for hint in advise(problem, activation, lines=given.lines, kernel=kernel):
        say(f"hint: {hint}")
    seen = _observe(problem, activation, eta, kernel.gamma, observe, observe_width, steps, rng) if observe else []
    if seen:
        say(f"observed in {observe} runs of {steps} steps at p = {observe_width} (largest over units and steps):")
        print_table(seen)
    write_json(json_file, {"eta": eta, "delta": delta, "lines": [asdict(line) for line in lines], "observed": seen})


def _step(problem: Problem, activation: str, kernel: MeanKernel) -> float:
    """Half of 1/(nB0²), which Theorem 3.2's clause asks for with λ ≡ 0; of 1/λ_max(Ḡ) where ψ is not bounded."""
    import numpy as np

    from fa_ref.activations import resolve

    psi = resolve(activation)
    top = float(np.linalg.eigvalsh(problem.K if psi.linear else kernel.G)[-1])
    return half_step(max(top, problem.n * psi.B0**2) if np.isfinite(psi.B0) else top)


def _observe(
    problem: Problem,
    activation: str,
    eta: float,
    gamma: float,
    runs: int,
    p: int,
    steps: int,
    rng: np.random.Generator,
) -> list[dict[str, str]]:
    import numpy as np

    from fa_ref import Network, Setting
    from theory.convergence.constants import observed_constants

    rows = []
    with progress_bar("observe", runs) as advance:
        for k in range(runs):
            advance(f"run {k + 1}")
            network = Network.gaussian(p, problem.d, rng)
            rows.append(
                observed_constants(Setting(problem, network, activation, eta=eta), gamma=gamma, steps=steps)
            )
    return [
        {
            "": name,
            "observed median": f"{np.median([row[name] for row in rows]):.4g}",
            "smallest": f"{min(row[name] for row in rows):.4g}",
            "largest": f"{max(row[name] for row in rows):.4g}",
        }
        for name in rows[0]
    ]
