"""``fa-ref theory --limits``: the predicted alignment against time and width."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validation.commands.console import numbers, print_table, say

if TYPE_CHECKING:
    from fa_ref import Problem
    from theory.alignment.after_cutoff import SharpForecast
    from theory.alignment.forecast import Forecast

__all__ = ["Limits", "print_limits"]

#: Longest run whose mean dynamics is followed.
LONGEST = 10**7


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Which alignments are predicted."""

    limits: Annotated[bool, typer.Option("--limits", help="Print predicted alignments instead.")] = False
    widths: Annotated[str, typer.Option(help="Widths for --limits.")] = "200,800,3200,12800"
    ridge: Annotated[float, typer.Option(help="λ for --limits.")] = 0.0
    times: Annotated[str | None, typer.Option(help="Steps t for λ = 0; inf is full convergence.")] = None
    theta: Annotated[str | None, typer.Option(help="Times t/√p for λ > 0.")] = None
    budget: Annotated[float, typer.Option(help="c_S of Theorem 4.6, for linear networks with λ > 0.")] = 1.0


def print_limits(problem: Problem, activation: str, eta: float, wanted: Limits) -> dict[str, Any]:
    """Print the tables and return them for JSON.

    Raises
    ------
    ValueError
        If an option is not what the command's help says.
    """
    from fa_ref._support.checks import as_number

    lam, c_S = as_number("ridge", wanted.ridge, at_least=0), as_number("budget", wanted.budget, above=0)
    ps = [_at_least_1("widths", p) for p in numbers("widths", wanted.widths, int)]
    times, theta = wanted.times, wanted.theta
    say(f"n = {problem.n}, d = {problem.d}, {activation}, η = {eta:.4g}, λ = {lam:g}")
    if lam == 0:
        if theta is not None:
            raise ValueError(f"--theta: expected --times in its place without a penalty, got {theta!r}")
        return {"ridge": 0.0, "alignment": _print_law(problem, activation, eta, _steps(times), ps), "cutoff": None}
    if times is not None:
        raise ValueError(f"--times: expected --theta in its place with a penalty (t = θ√p), got {times!r}")
    rows = _print_ridge(problem, activation, eta, lam, _thetas(theta, eta * lam, max(ps)), ps)
    later = _print_long_run(problem, activation, eta, lam, ps)
    cutoff = _print_cutoff(problem, activation, eta, lam, c_S, ps)
    return {"ridge": lam, "alignment": rows, "long_run": later, "cutoff": cutoff}


def _at_least_1(name: str, p: int) -> int:
    if p < 1:
        raise ValueError(f"--{name}: expected numbers >= 1, got {p}")
    return p


def _steps(times: str | None) -> list[float]:
    found = numbers("times", "10,100,1000,inf" if times is None else times, float)
    if not found or any(not (t >= 0 and (t == math.inf or t == int(t))) for t in found):
        raise ValueError(f"--times: expected whole numbers >= 0 or inf, got {times!r}")
    return found


def _thetas(theta: str | None, rate: float, p: int) -> list[float]:
    if theta is None:
        unit = float(f"{0.3 / rate:.1g}")
        found = [unit, 3 * unit, 10 * unit, 30 * unit]
    else:
        found = numbers("theta", theta, float)
        if not found or any(not 0 <= t < math.inf for t in found):
            raise ValueError(f"--theta: expected numbers >= 0, got {theta!r}")
    if max(found) * math.sqrt(p) > LONGEST:
        raise ValueError(f"--theta: expected θ√p ≤ {LONGEST} steps, got {max(found):g}·√{p}")
    return sorted(set(found))


def _print_law(
    problem: Problem, activation: str, eta: float, times: list[float], ps: list[int]
) -> list[dict[str, Any]]:
    from theory.alignment.forecast import without_ridge

    rows = without_ridge(problem, activation, times, ps, eta=eta)
    table = []
    for k, t in enumerate(times):
        limit, *at = rows[k * (len(ps) + 1) : (k + 1) * (len(ps) + 1)]
        cells = {f"p = {row.p}": _cell(row.alignment, row.why, row.error) for row in at}
        table.append({"step t": f"{t:g}", "lim p·E cos": _cell(limit.scaled, limit.why, limit.error), **cells})
    scatter = {f"p = {p}": f"± {p**-0.5:.4f}" for p in ps}
    print_table([*table, {"step t": "one network", "lim p·E cos": "± √p", **scatter}])
    say("E cos∠(b, β(t)) without ridge, to first order in 1/p; the last row says how single networks scatter.")
    _print_reasons(rows)
    return _plain(rows)


def _print_ridge(
    problem: Problem, activation: str, eta: float, lam: float, theta: list[float], ps: list[int]
) -> list[dict[str, Any]]:
    from fa_ref import schedules
    from theory.alignment.forecast import with_ridge

    rows = with_ridge(problem, activation, theta, ps, eta=eta, ridge=schedules.constant(lam))
    count = len(theta)
    table = []
    for k, time in enumerate(theta):
        cells = {"p → ∞" if row.p is None else f"p = {row.p}": _cell(row.alignment, row.why, row.error)
                 for row in rows[k::count]}  # fmt: skip
        table.append({"θ = t/√p": f"{time:g}", **cells})
    print_table(table)
    say("cos∠(b, β) at t = θ√p, with its estimated error; a single network scatters by O(1/√p) around it.")
    _print_reasons(rows)
    return _plain(rows)


def _cell(value: float, why: str, error: float) -> str:
    if why:
        return "not applicable"
    return f"{value:.4f}" if error < 5e-5 else f"{value:.4f} ± {error:.4f}"


def _print_reasons(rows: list[Forecast]) -> None:
    """One line for each width that has cells without a number, with the reason at the first of them."""
    for p in dict.fromkeys(row.p for row in rows):
        missing = [row for row in rows if row.p == p and row.why]
        if missing:
            symbol, first = ("θ", "theta") if missing[0].t is None else ("t", "t")
            at = ", ".join(f"{getattr(row, first):g}" for row in missing)
            width = "p → ∞" if p is None else f"p = {p}"
            say(f"not applicable: {width}, {symbol} = {at}: {missing[0].why}")


def _plain(rows: list[Forecast]) -> list[dict[str, Any]]:
    """Records for JSON, with null where there is no number."""
    return [{key: None if value != value else value for key, value in asdict(row).items()} for row in rows]


def _print_long_run(problem: Problem, activation: str, eta: float, lam: float, ps: list[int]) -> dict[str, Any]:
    from fa_ref import schedules
    from theory.limits.edge import long_run

    later = long_run(problem, activation, eta=eta, ridge=schedules.constant(lam))
    say(f"Constant λ: no stationary point. ½‖e‖² = {later.plateau:.4g} for 1/(η(λ + γ)) ≪ t ≪ √p, and moves after.")
    say(later.meaning + ".")
    if math.isfinite(later.edge):
        say("θ_c √p: " + ", ".join(f"{later.edge * math.sqrt(p):.6g} steps at p = {p}" for p in ps))
    return asdict(later) | {"edge": later.edge if math.isfinite(later.edge) else None}


def _print_cutoff(
    problem: Problem, activation: str, eta: float, lam: float, c_S: float, ps: list[int]
) -> dict[str, Any]:
    from fa_ref.activations import resolve
    from theory.alignment.after_cutoff import after_cutoff

    if not resolve(activation).linear:
        why = f"ψ is {activation}, the theorem is about linear networks"
        say(f"Theorem 4.6: not applicable: {why}")
        return {"why": why}
    forecast = after_cutoff(problem, ps, eta=eta, lam=lam, c_S=c_S)
    say(f"Theorem 4.6: X is (γ, ε)-isometric with γ = {forecast.gamma:.6g}, ε = {forecast.epsilon:.4g}")
    if forecast.why:
        say(f"not applicable: {forecast.why}")
    else:
        _print_sharp(forecast)
    return asdict(forecast) | {"bracket": list(forecast.bracket), "cutoffs": list(forecast.cutoffs.items())}


def _print_sharp(forecast: SharpForecast) -> None:
    exact = not math.isnan(forecast.constant)
    lower, upper = forecast.bracket
    meaning = "the sharp constant" if exact else "proved bracket"
    proved = forecast.c_S <= forecast.proved_budget
    print_table(
        [
            {
                "L = λ/γ": f"{forecast.L:.4g}",
                "c_S": f"{forecast.c_S:g} ({'' if proved else 'not '}proved)",
                "alignment after T, p → ∞": f"{forecast.alignment:.4f}",
                meaning: f"{forecast.constant:.4f}" if exact else f"[{lower:.4f}, {upper:.4f}]",
                **{f"T at p = {p}": str(T) for p, T in forecast.cutoffs.items()},
            }
        ]
    )
    say(f"Convergence on this budget is proved, as p → ∞, up to c_S = {forecast.proved_budget:.4g}.")
