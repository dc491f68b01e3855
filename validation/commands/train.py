"""``fa-ref train``: one run, printed along the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from validation.commands.console import check_json, say, steps_bar, write_json
from validation.commands.inputs import Files
from validation.commands.options import Common, Net, Penalty, Synthetic, spread
from validation.commands.terminal import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from fa_ref import Setting, Trajectory

__all__ = ["train"]

#: A run is recorded at about this many steps, and printed at about that many.
RECORDS, ROWS = 1000, 10
COLUMNS = ("loss", "alignment", "beta_norm")


@spread
def train(
    context: typer.Context,
    files: Files,
    synthetic: Synthetic = Synthetic(n=50, d=150),
    net: Net = Net(p=800),
    eta: Annotated[float, typer.Option(help="Step size on ½‖e‖².")] = 0.01,
    steps: Annotated[int, typer.Option(min=0, help="Number of steps.")] = 1000,
    penalty: Penalty = Penalty(),
    rule: Annotated[str, typer.Option(help="fa, bp, kolen-pollack or hebbian.")] = "fa",
    engine: Annotated[str, typer.Option(help="auto, or an engine by name.")] = "auto",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the trajectory as CSV.")] = None,
    common: Common = Common(),
) -> None:
    """Train one network and print loss and alignment along the way.

    An interrupt (Ctrl-C) keeps the steps taken until then: they are printed, and written to --out and --json.
    """
    import numpy as np

    from fa_ref import Network, Setting

    check_json(common.json_file)
    check_json(out, "--out")
    schedule = penalty.schedule()
    rng = np.random.default_rng(common.seed)
    given = files.or_synthetic(context, synthetic, net.activation, rng)
    network = Network.gaussian(net.p, given.problem.d, rng)
    setting = Setting(given.problem, network, net.activation, eta=eta, ridge=schedule, rule=rule)
    say(str(setting))
    run, finished = _run(setting, steps, engine)
    _write(run, out)
    ended = run.status if finished else "interrupted"
    loss = float(run.loss[-1])
    write_json(
        common.json_file, {**run.describe(), **given.to_dict(), "status": ended, "loss": loss, "engine": run.engine}
    )
    at = f" at step {run.diverged_at}" if run.diverged_at is not None else ""
    if not finished:
        written = (
            ", ".join(str(file) for file in (out, common.json_file) if file is not None) or "what is printed above"
        )
        raise Interrupted(
            f"steps 0 to {run.times[-1]} of {steps} are kept: {written}; the command again starts anew"
        )
    say(f"{run.status}{at}, engine {run.engine}")
    if run.status == "diverged":
        from validation.report.advice import advise

        for hint in advise(given.problem, net.activation, p=net.p, lines=given.lines):
            say(f"hint: {hint}")


def _run(setting: Setting, steps: int, engine: str) -> tuple[Trajectory, bool]:
    """Train, printing rows as they are reached; on an interrupt, what was recorded until then, and False."""
    from fa_ref import train as run_training

    latest: list[Callable[[], Trajectory]] = []
    table = _Rows(steps)

    def progress(step: int, so_far: Callable[[], Trajectory]) -> None:
        latest[:] = [so_far]
        if step >= table.due:
            table.show(so_far())
        advance(step)

    with steps_bar("train", steps) as advance:
        try:
            run = run_training(
                setting, steps=steps, engine=engine, record_every=max(1, steps // RECORDS), progress=progress
            )
            finished = True
        except KeyboardInterrupt:
            if not latest:
                raise
            run, finished = latest[0](), False
        table.show(run, last=True)
    return run, finished


class _Rows:
    """A table that grows with the run: about `ROWS` rows, and the last step."""

    def __init__(self, steps: int) -> None:
        self.every, self.due = max(1, steps // ROWS), 0
        say("  ".join(f"{name:>10}" for name in ("step", *COLUMNS)))

    def show(self, run: Trajectory, *, last: bool = False) -> None:
        """Print the rows that are due, and the run's last one."""
        frame = run.to_frame()
        for step, line in frame.iterrows():
            if step >= self.due or (last and step == frame.index[-1] and step > self.due - self.every):
                say("  ".join([f"{step:>10}", *(f"{line[name]:>10.4g}" for name in COLUMNS)]))
                self.due = (int(step) // self.every + 1) * self.every


def _write(run: Trajectory, out: Path | None) -> None:
    from fa_ref._support.storage import write_atomically

    if out is not None:
        frame = run.to_frame()
        write_atomically(out, lambda file: frame.to_csv(file))
