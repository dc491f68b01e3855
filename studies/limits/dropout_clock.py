"""The clock of dropout: alignment at t = τp against its limit, and on the clock of the ridge penalty, t ~ √p.

    python -m studies.limits.dropout_clock [--psi linear relu] [--widths 200 … 12800]

Four orthonormal inputs, q = ½, no penalty. One draw shares X, y and a nested network, a pair ±b, over all widths; a
run costs p² steps of a unit, so wide networks have fewer draws.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from fa_ref import Problem, Setting
from studies.record import DATA, record
from theory.limits.dropout import dropout_limit
from validation.beyond.dropout import dropout_alignment
from validation.judge.fits import fit_exponent

TAU = (1.0, 2.0, 4.0)
RATE, ETA = 0.5, 0.2
PROBLEM = Problem(np.eye(4), [0.5, -0.5, 0.5, -0.5])
#: Draws at each width on the clock t ~ p; on the other one `OTHER`.
DRAWS = {200: 24, 400: 24, 800: 24, 1600: 16, 3200: 12, 6400: 4, 12_800: 2}
OTHER = 4


def collapse(setting, widths, power):
    """cos at t = τ p₀ (p/p₀)^power, p₀ the narrowest; for each width an array (draws, times)."""
    found = []
    for p in widths:
        clock = np.array(TAU) * (p / widths[0]) ** (power - 1.0)
        draws = DRAWS.get(p, 2) if power == 1.0 else OTHER
        found.append(np.array([dropout_alignment(setting, RATE, clock, p, seed) for seed in range(draws)]))
        print(f"{setting.activation.name}, t ~ p^{power:g}, p = {p}: {found[-1].mean(axis=0).round(3)}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--psi", nargs="+", default=["linear", "relu"])
    parser.add_argument("--widths", type=int, nargs="+", default=list(DRAWS))
    parser.add_argument(
        "--units", type=int, default=131072, help="of the limit: four times as many halve its error"
    )
    parser.add_argument("--again", action="store_true", help="compare the cosines of the last record, and run none")
    options = parser.parse_args()
    last = (
        json.loads((DATA / "dropout_clock.json").read_text(encoding="utf-8"))["measured"] if options.again else {}
    )
    rows, raw = [], {}
    columns = [r"$\psi$", "clock", *(f"$p={p}$" for p in options.widths), "exponent (95 %)"]
    drawn = ", ".join(str(DRAWS.get(p, 2)) for p in options.widths)
    note = (
        rf"Root mean square over $\tau$ = {', '.join(f'{tau:g}' for tau in TAU)} and the draws ({drawn} on the"
        rf" first clock, {OTHER} on the other) of $\cos$ minus its limit at $\tau$; $X=I_4$, $q={RATE:g}$,"
        rf" $\eta={ETA:g}$, $p_0={options.widths[0]}$."
    )
    for name in options.psi:
        setting = Setting(PROBLEM, None, name, eta=ETA)
        limit = dropout_limit(setting, RATE, TAU, units=options.units)
        print(name, limit.alignment.round(4), limit.error.round(4), flush=True)
        for power, clock in ((0.5, r"$t=\tau\sqrt{pp_0}$"), (1.0, r"$t=\tau p$")):
            seen = last.get(f"{name}, {clock}", {}).get("cosines")
            cosines = [np.array(each) for each in seen] if seen else collapse(setting, options.widths, power)
            off = [np.sqrt(np.mean((each - limit.alignment) ** 2, axis=1)) for each in cosines]  # each of (draws,)
            p = np.repeat(np.array(options.widths, dtype=float), [each.size for each in off])
            fit = fit_exponent(p, np.concatenate(off))
            shown = [f"{np.sqrt(np.mean(each**2)):.4f}" for each in off]
            rows.append([name, clock, *shown, f"{fit.slope:.2f} [{fit.low:.2f}, {fit.high:.2f}]"])
            raw[f"{name}, {clock}"] = {
                "cosines": [each.tolist() for each in cosines], "limit": limit.alignment.tolist(),
                "error": limit.error.tolist(),
            }  # fmt: skip
            print(record("dropout_clock", columns, rows, note, measured=raw), flush=True)


if __name__ == "__main__":
    main()
