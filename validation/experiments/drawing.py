"""How Figure 2 is drawn: (a–c) alignment against width, (d–f) loss curves, one column an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["draw_figure2"]


def draw_figure2(table: DataFrame, overlay: DataFrame | None = None) -> Figure:
    """Draw alignment (mean and SD over runs) and loss curves.

    Parameters
    ----------
    table : DataFrame
        That of `figure2`.
    overlay : DataFrame, optional
        That of `overlay.predict`; drawn as dashed lines.
    """
    from matplotlib.figure import Figure

    names = list(table["activation"].unique())
    figure = Figure(figsize=(3.4 * len(names), 5.8), layout="constrained")
    columns = np.reshape(figure.subplots(2, len(names)), (2, len(names))).T
    for letters, name, (top, bottom) in zip(_letters(len(names)), names, columns, strict=True):
        mine = table[table["activation"] == name]
        for i, label in enumerate(mine["label"].unique()):
            arm = mine[mine["label"] == label]
            _alignment(top, arm[arm["final"]], f"C{i}", label)
            _loss(bottom, arm[arm["p"] == 3200], f"C{i}", label)
            if overlay is not None:
                limit = overlay[(overlay["activation"] == name) & (overlay["label"] == label)]
                _limit(top, limit, mine["p"], f"C{i}")
        top.set(
            title=f"({letters[0]}) {name}", xlabel="width p", ylabel="cos∠(b, β)", xscale="log", ylim=(-0.05, 1)
        )
        bottom.set(
            title=f"({letters[1]}) {name}, p = 3200", xlabel="step", ylabel="mean squared loss", yscale="log"
        )
        top.legend(frameon=False)
    return figure


def _letters(columns: int) -> list[str]:
    alphabet = "abcdefgh"
    return [alphabet[i] + alphabet[columns + i] for i in range(columns)]


def _alignment(axes: Axes, arm: DataFrame, colour: str, label: float) -> None:
    by_width = arm.groupby("p")["alignment"]
    mean, sd = by_width.mean(), by_width.std(ddof=1).fillna(0.0)
    axes.errorbar(mean.index, mean, sd, color=colour, marker="o", markersize=3, capsize=2, label=f"λ = {label:g}")


def _limit(axes: Axes, limit: DataFrame, widths: DataFrame, colour: str) -> None:
    p = np.geomspace(widths.min(), widths.max(), 50)
    if "alignment" in limit and limit["alignment"].notna().any():
        axes.axhline(limit["alignment"].mean(), color=colour, linestyle="--", linewidth=1)
    elif "coefficient" in limit and limit["coefficient"].notna().any():
        axes.plot(p, np.minimum(limit["coefficient"].mean() / p, 1.0), color=colour, linestyle="--", linewidth=1)


def _loss(axes: Axes, arm: DataFrame, colour: str, label: float) -> None:
    if arm.empty:
        return
    # Runs settle at different steps; the curve ends where the first of them does.
    end = arm.loc[arm["final"], "step"].min()
    median = arm[arm["step"] <= end].groupby("step")["loss"].median()
    axes.plot(median.index, median, color=colour, label=f"λ = {label:g}")
