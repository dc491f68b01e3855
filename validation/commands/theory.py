"""``fa-ref theory``: all constants of a problem in one table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from validation.commands.console import (
    check_json,
    half_step,
    print_table,
    progress_bar,
    say,
    write_json,
)
from validation.commands.inputs import Files
from validation.commands.options import Common, Psi, Synthetic, spread
from validation.commands.theory_limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from fa_ref import Problem
    from theory.kernels import MeanKernel

__all__ = ["theory"]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Runs to be watched beside what is proved."""

    observe: Annotated[int, typer.Option(min=0, metavar="N", help="Also observe this many runs.")] = 0
    observe_width: Annotated[int, typer.Option(min=2, help="Width of those runs.")] = 3200
    steps: Annotated[int, typer.Option(min=1, help="Steps of each of them.")] = 500


@spread
def theory(
    context: typer.Context,
    files: Files,
    synthetic: Synthetic = Synthetic(n=5, d=15),
    activation: Psi = "tanh",
    eta: Annotated[
        float | None, typer.Option(help="Step size; if not given, half of what the theorem's clause allows.")
    ] = None,
    delta: Annotated[float, typer.Option(help="Every line holds with probability 1 − δ.")] = 0.1,
    p: Annotated[int | None, typer.Option(min=1, help="Width; the sufficient one if not given.")] = None,
    runs: Observed = Observed(),
    alignment: Limits = Limits(),
    common: Common = Common(),
) -> None:
    """Print every constant that the paper leaves unnamed: what is proved for it and, apart, what runs show.

    With --limits, print the alignment that is predicted against time and width.
    """
    import numpy as np

    from theory.convergence.constants import constants_table
    from theory.kernels import mean_kernel
    from validation.report.advice import advise

    check_json(common.json_file)
    if alignment.limits and runs.observe:
        raise ValueError(f"--observe: expected none with --limits, got {runs.observe}")
    rng = np.random.default_rng(common.seed)
    given = files.or_synthetic(context, synthetic, activation, rng)
    problem = given.problem
    kernel = mean_kernel(problem.X, activation)
    if eta is None:
        eta = _step(problem, activation, kernel)
    if alignment.limits:
        from validation.commands.theory_limits import print_limits

        found = print_limits(problem, activation, eta, alignment)
        write_json(common.json_file, {"eta": eta, "limits": found})
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
    seen = _observe(problem, activation, eta, kernel.gamma, runs, rng) if runs.observe else []
    if seen:
        what = f"{runs.observe} runs of {runs.steps} steps at p = {runs.observe_width}"
        say(f"observed in {what} (largest over units and steps):")
        print_table(seen)
    write_json(
        common.json_file, {"eta": eta, "delta": delta, "lines": [asdict(line) for line in lines], "observed": seen}
    )


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
    runs: Observed,
    rng: np.random.Generator,
) -> list[dict[str, str]]:
    import numpy as np

    from fa_ref import Network, Setting
    from theory.convergence.constants import observed_constants

    rows = []
    with progress_bar("observe", runs.observe) as advance:
        for k in range(runs.observe):
            advance(f"run {k + 1}")
            network = Network.gaussian(runs.observe_width, problem.d, rng)
            rows.append(
                observed_constants(Setting(problem, network, activation, eta=eta), gamma=gamma, steps=runs.steps)
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
