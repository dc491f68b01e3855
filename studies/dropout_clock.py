"""The clock of dropout: alignment at t = τp against its limit, and on the clock of the ridge penalty, t ~ √p.

    python -m studies.dropout_clock [--widths 200 … 12800] [--draws 4]

Four orthonormal inputs, q = ½, no penalty. One draw shares X, y and a nested network, a pair ±b, over all widths.
"""

from __future__ import annotations

import argparse

import numpy as np

from fa_ref import Problem, Setting
from studies.record import record
from theory.limits.dropout import dropout_limit
from validation.beyond.dropout import dropout_alignment
from validation.judge.fits import fit_exponent

TAU = (1.0, 2.0, 4.0)
RATE, ETA = 0.5, 0.2
PROBLEM = Problem(np.eye(4), [0.5, -0.5, 0.5, -0.5])


def collapse(setting, widths, draws, power):
    """cos at t = τ p₀ (p/p₀)^power, p₀ the narrowest; an array (widths, draws, times)."""
    found = []
    for p in widths:
        clock = np.array(TAU) * (p / widths[0]) ** (power - 1.0)
        found.append([dropout_alignment(setting, RATE, clock, p, seed) for seed in range(draws)])
        print(
            f"{setting.activation.name}, t ~ p^{power:g}, p = {p}: {np.mean(found[-1], axis=0).round(3)}",
            flush=True,
        )
    return np.array(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[200 * 2**k for k in range(7)])
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--units", type=int, default=131072)
    options = parser.parse_args()
    rows, raw = [], {}
    columns = ["ψ", "clock", *(f"p = {p}" for p in options.widths), "exponent (95 %)"]
    note = (
        f"Root mean square over τ = {', '.join(f'{tau:g}' for tau in TAU)} and {options.draws} draws of"
        f" cos minus limit(τ); X = I₄, q = {RATE:g}, η = {ETA:g}, p₀ = {options.widths[0]}."
    )
    for name in ("linear", "relu"):
        setting = Setting(PROBLEM, None, name, eta=ETA)
        limit = dropout_limit(setting, RATE, TAU, units=options.units)
        print(name, limit.alignment.round(4), limit.error.round(4), flush=True)
        for power, clock in ((1.0, "t = τp"), (0.5, "t = τ√(p p₀)")):
            cosines = collapse(setting, options.widths, options.draws, power)
            off = np.sqrt(np.mean((cosines - limit.alignment) ** 2, axis=2))  # (widths, draws)
            fit = fit_exponent(np.repeat(options.widths, options.draws).astype(float), off.ravel())
            shown = [f"{value:.3f}" for value in np.sqrt(np.mean(off**2, axis=1))]
            rows.append([name, clock, *shown, f"{fit.slope:.2f} [{fit.low:.2f}, {fit.high:.2f}]"])
            raw[f"{name}, {clock}"] = {"mean": cosines.mean(axis=1).tolist(), "limit": limit.alignment.tolist()}
            print(record("dropout_clock", columns, rows, note, cosines=raw), flush=True)


if __name__ == "__main__":
    main()
