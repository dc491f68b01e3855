"""``fa-ref certify``: train until convergence is proved, or check a saved proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validation.commands.console import (
    check_json,
    figure,
    half_step,
    print_table,
    say,
    write_json,
)
from validation.commands.inputs import Files
from validation.commands.options import Common, Net, Penalty, Synthetic, spread

if TYPE_CHECKING:
    from fa_ref import Network, Problem
    from theory.certificates.record import StateCertificate
    from theory.certificates.search import Certification

__all__ = ["certify"]

CERTIFICATE, NETWORK, PROBLEM = "certificate.json", "network.npz", "problem.npz"


@spread
def certify(
    context: typer.Context,
    files: Files,
    synthetic: Synthetic = Synthetic(n=50, d=150),
    net: Net = Net(p=3200),
    eta: Annotated[float | None, typer.Option(help="Step size; half of 1/λ_max(Ḡ) if not given.")] = None,
    scale: Annotated[float, typer.Option(help="Standard deviation of the synthetic inputs' entries.")] = 1.0,
    penalty: Penalty = Penalty(),
    steps: Annotated[int, typer.Option(min=1, help="Steps at most.")] = 10_000,
    rigorous: Annotated[bool, typer.Option(help="Confirm in ball arithmetic (python-flint).")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Save the certificate with its network and problem.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Check a saved certificate instead, independently.")
    ] = None,
    common: Common = Common(),
) -> None:
    """Train until convergence is proved for this very network; print the step, the proved and the observed rate."""
    import numpy as np

    from fa_ref import Network, Setting
    from fa_ref._support.storage import writable_folder
    from theory.certificates.search import certify as run_certify
    from theory.kernels import mean_kernel

    check_json(common.json_file)
    if check is not None:
        raise typer.Exit(_check(check))
    if out is not None:
        writable_folder("--out", out)
    rng = np.random.default_rng(common.seed)
    schedule = penalty.schedule()
    if penalty.ridge > 0 and not 0 < (penalty.cutoff or 0) < steps:
        got = "none" if penalty.cutoff is None else penalty.cutoff
        raise ValueError(f"--cutoff: expected a step before --steps {steps}, as λ must end, got {got}")
    problem = files.or_synthetic(context, synthetic, net.activation, rng, scale=scale).problem
    network = Network.gaussian(net.p, problem.d, rng)
    if eta is None:
        eta = half_step(float(np.linalg.eigvalsh(mean_kernel(problem.X, net.activation).G)[-1]))
    setting = Setting(problem, network, net.activation, eta=eta, ridge=schedule)
    found = run_certify(setting, max_steps=steps, rigorous=rigorous)
    facts = _facts(found, eta)
    print_table([{"": name, "value": figure(value, down=name == "proved rate a")} for name, value in facts.items()])
    if found.certificate is not None:
        print_table([{"condition": m.name, "value": figure(m.value), "": m.relation,
                      "needed": figure(m.threshold),
                      "met": {True: "yes", False: "no", None: "measured"}[m.met]}
                     for m in found.certificate.margins])  # fmt: skip
    if out is not None and found.certificate is not None and found.network is not None:
        _save(out, found.certificate, problem, found.network)
        say(f"saved in {out}; fa-ref certify --check {out} verifies it")
    write_json(common.json_file, facts)
    raise typer.Exit(0 if found else 1)


def _facts(found: Certification, eta: float) -> dict[str, Any]:
    return {
        "certified": bool(found),
        "rigorous": bool(found.certificate and found.certificate.rigorous),
        "at step": found.step,
        "steps to tolerance": found.steps,
        "fraction of the training": found.fraction,
        "eta": eta,
        "proved rate a": found.proved_rate,
        "observed rate, slowest step": found.observed_rate,
        "observed rate, mean": found.mean_rate,
        **_alignment(found),
        "run": found.status,
        "attempts": found.attempts,
    }


def _alignment(found: Certification) -> dict[str, Any]:
    """What is proved of cos∠(b, β), beside what was seen."""
    if found.certificate is None or found.certificate.alignment is None:
        return {}
    always, final = found.certificate.alignment, found.certificate.final_alignment
    return {
        "cos∠(b, β) proved for all later t, least": always[0],
        "cos∠(b, β) proved for all later t, most": always[1],
        "final cos∠(b, β) proved, least": final[0] if final else None,
        "final cos∠(b, β) proved, most": final[1] if final else None,
        "observed cos∠(b, β), least later": found.least_alignment,
        "observed cos∠(b, β), last": found.final_alignment,
    }


def _save(folder: Path, certificate: StateCertificate, problem: Problem, network: Network) -> None:
    """The proof comes last: whoever finds it finds what it is about, however this ends."""
    from fa_ref._support.storage import write_npz

    network.save(folder / NETWORK)
    write_npz(folder / PROBLEM, {"X": problem.X, "y": problem.y})
    certificate.save(folder / CERTIFICATE)


def _check(folder: Path) -> int:
    from fa_ref import Network, Problem
    from fa_ref._support.storage import read_npz
    from theory.certificates.checker import check as run_check

    if not (folder / CERTIFICATE).is_file():
        raise ValueError(f"--check: expected a folder with {CERTIFICATE}, {NETWORK} and {PROBLEM}, got {folder}")
    problem, network = Problem(**read_npz(folder / PROBLEM, ("X", "y"))), Network.load(folder / NETWORK)
    result = run_check(folder / CERTIFICATE, problem, network)
    print_table([{"claim": claim, "proved": "yes" if proved else "no"} for claim, proved in result.claims])
    say(result.statement if result else "refused")
    if result.unexamined:
        say(result.unexamined)
    return 0 if result else 1
