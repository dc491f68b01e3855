"""Our runs against the published ones, cell by cell, with a verdict on the whole.

Two questions are asked of each cell, of means m and published m*, with standard error s of the difference:

*Is there a difference?*  Welch's t = (m − m*)/s, carried to the normal scale: `z` has the same two-sided p-value,
so |z| > 2.6 means the same at 10 runs and at 50. Over all cells: Holm's correction for the most extreme, and the
binomial probability of so many beyond 2.6.

*Is there agreement?*  "No difference found" would be the answer of too few runs as well. Two one-sided tests (TOST)
show |m − m*| < margin at 5 %; the claim for all cells together needs no correction, being their intersection.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fa_ref._support.checks import as_number
from validation.judge.multiple import holm_adjusted

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["Comparison", "compare", "compare_figure2", "compare_figure3", "published", "was_published"]

Array = NDArray[np.float64]

#: Cells beyond this are counted, and their number is compared with the expected one.
NOTABLE = 2.6

#: Level of the verdict on all cells together.
LEVEL = 0.01

#: What identifies a cell of Figure 2.
KEYS_2 = ["activation", "label", "p"]

#: Level at which equivalence is shown.
TOST_LEVEL = 0.05


def published(figure: str) -> DataFrame:
    """Return the published table behind ``"figure2"`` or ``"figure3"``.

    Source: the authors' public simulation repository, runs behind Figures 2 and 3.

    Examples
    --------
    >>> published("figure2").shape, published("figure3").shape
    ((63, 6), (32, 5))
    """
    import pandas as pd

    if figure not in ("figure2", "figure3"):
        raise ValueError(f"figure: expected 'figure2' or 'figure3', got {figure!r}")
    with (
        files("validation.experiments")
        .joinpath("reference", f"{figure}_published.csv")
        .open(encoding="utf-8") as file
    ):
        return pd.read_csv(file, comment="#")


@dataclass(frozen=True)
class Comparison:
    """Our cells beside the published ones.

    Attributes
    ----------
    cells : DataFrame
        One row a cell: its keys, ``mean``, ``se`` and ``runs``, the same with ``published_`` before them,
        ``difference``, ``z``, ``p_value``, ``p_holm``, ``p_equivalence``, ``equivalent``.
    margin : float
        Of the equivalence tests.
    """

    cells: DataFrame
    margin: float

    @property
    def beyond(self) -> int:
        """Number of cells with |z| > 2.6."""
        return int((self.cells["z"].abs() > NOTABLE).sum())

    @property
    def expected(self) -> float:
        """Number expected beyond 2.6 if nothing differed."""
        return float(len(self.cells) * 2 * stats.norm.sf(NOTABLE))

    @property
    def p_count(self) -> float:
        """Probability of so many cells beyond 2.6, or more, if nothing differed."""
        return float(stats.binom.sf(self.beyond - 1, len(self.cells), 2 * stats.norm.sf(NOTABLE)))

    @property
    def p_value(self) -> float:
        """Of all cells together: Bonferroni over the most extreme cell and the count."""
        return min(1.0, 2.0 * min(float(self.cells["p_holm"].min()), self.p_count))

    @property
    def consistent(self) -> bool:
        """Whether no difference was found at 1 %, all cells taken together."""
        return self.p_value >= LEVEL

    def __bool__(self) -> bool:
        """Whether no difference was found; that agreement was *shown* is another question, see ``cells``."""
        return self.consistent

    def __str__(self) -> str:
        shown, total = int(self.cells["equivalent"].sum()), len(self.cells)
        difference = (
            f"Difference: {'no difference found' if self.consistent else 'DIFFERENT'} (p = {self.p_value:.2g}"
            f" over {total} cells). Largest |z| {self.cells['z'].abs().max():.2f};"
            f" {self.beyond} beyond {NOTABLE}, {self.expected:.1f} expected."
        )
        agreement = (
            f"Agreement: {shown} of {total} cells shown within {self.margin:g} of the published mean"
            f" (two one-sided tests, {TOST_LEVEL:.0%})."
        )
        return "\n".join([*_lines(self.cells), "", difference, agreement])


def compare(ours: DataFrame, theirs: DataFrame, keys: list[str], *, margin: float = 0.03) -> Comparison:
    """Compare means cell by cell.

    Parameters
    ----------
    ours, theirs : DataFrame
        Columns ``keys``, ``mean``, ``sd`` and ``runs`` (at least 2), one row a cell.
    keys : list of str
        What identifies a cell; cells present on both sides are compared.
    margin : float, optional
        Largest difference that counts as agreement.

    Raises
    ------
    ValueError
        If no cell is present on both sides, or one of ours has fewer than 2 runs.

    Examples
    --------
    >>> import pandas as pd
    >>> theirs = pd.DataFrame({"p": [200], "mean": [0.20], "sd": [0.05], "runs": [50]})
    >>> ours = pd.DataFrame({"p": [200], "mean": [0.21], "sd": [0.05], "runs": [50]})
    >>> comparison = compare(ours, theirs, ["p"])
    >>> round(comparison.cells["z"][0], 2), comparison.consistent, comparison.cells["equivalent"].all()
    (np.float64(0.99), True, np.True_)
    """
    margin = as_number("margin", margin, above=0)
    cells = ours.merge(theirs, on=keys, suffixes=("", "_published"))
    if cells.empty:
        raise ValueError("ours: expected at least one cell that was published, got none")
    if (cells["runs"] < 2).any():
        raise ValueError("runs: expected at least 2 in every cell, for a standard error, got 1")
    square, square_published = (cells[f"sd{s}"] ** 2 / cells[f"runs{s}"] for s in ("", "_published"))
    difference = cells["mean"] - cells["mean_published"]
    t, t_margin, freedom = _welch(difference, margin, square, square_published, cells)
    p_value, p_equivalence = 2 * stats.t.sf(t, freedom), stats.t.sf(t_margin, freedom)
    table = cells[keys].assign(
        mean=cells["mean"], se=np.sqrt(square), runs=cells["runs"],
        published_mean=cells["mean_published"], published_se=np.sqrt(square_published),
        published_runs=cells["runs_published"], difference=difference,
        z=np.where(difference < 0, -1.0, 1.0) * stats.norm.isf(p_value / 2), p_value=p_value,
        p_holm=holm_adjusted(p_value),
        p_equivalence=p_equivalence, equivalent=p_equivalence < TOST_LEVEL,
    )  # fmt: skip
    return Comparison(table, margin)


def _welch(
    difference: Series, margin: float, square: Series, square_published: Series, cells: DataFrame
) -> tuple[Array, Array, Array]:
    """|difference|/s and (margin − |difference|)/s, the larger of the two one-sided tests, and their freedom.

    Where both sides have no spread at all, a difference is infinitely many standard errors, and none is none. A
    mean that is NaN, of runs of which one diverged, is as far from the published one as can be.
    """
    size, se = np.abs(difference.to_numpy()), np.sqrt((square + square_published).to_numpy())
    size, se = np.where(np.isnan(size), np.inf, size), np.where(np.isnan(size) | np.isnan(se), 0.0, se)
    spread = square**2 / (cells["runs"] - 1) + square_published**2 / (cells["runs_published"] - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t, t_margin = (np.where(side == 0, 0.0, side / se) for side in (size, margin - size))
        freedom = np.where(se > 0, se**4 / spread.to_numpy(), 1.0)
    return t, t_margin, freedom


def _summary(table: DataFrame, keys: list[str], value: str) -> DataFrame:
    def mean(values: Series) -> float:
        return float(values.mean(skipna=False))

    return table.groupby(keys, sort=False)[value].agg(mean=mean, sd="std", runs="size").reset_index()


def was_published(table: DataFrame) -> bool:
    """Whether a cell of this table (see `compare_figure2`) is among those behind Figure 2."""
    theirs = published("figure2").rename(columns={"lambda_label": "label"})
    return not table[KEYS_2].drop_duplicates().merge(theirs, on=KEYS_2).empty


def compare_figure2(table: DataFrame, *, margin: float = 0.03) -> Comparison:
    """Compare final alignments with those behind Figure 2.

    Parameters
    ----------
    table : DataFrame
        Columns ``activation``, ``label``, ``p`` and ``alignment``, one row a run. Cells that were not published
        (sigmoid, say) are left out.
    margin : float, optional
        Of the equivalence tests.
    """
    theirs = published("figure2").rename(
        columns={"lambda_label": "label", "alignment_mean": "mean", "alignment_sd": "sd"}
    )
    return compare(_summary(table, KEYS_2, "alignment"), theirs, KEYS_2, margin=margin)


def compare_figure3(table: DataFrame) -> DataFrame:
    """Compare test accuracies with those behind Figure 3, at the tabulated epochs.

    Parameters
    ----------
    table : DataFrame
        Columns ``lam``, ``epoch``, ``accuracy``, one row a run and epoch.

    Returns
    -------
    DataFrame
        Per λ and epoch ours, the published mean and SD, ``deviation`` = (ours − mean)/SD and ``inside``, whether
        |deviation| ≤ 3.
    """
    theirs = published("figure3").rename(columns={"lambda": "lam"})
    cells = _summary(table, ["lam", "epoch"], "accuracy").merge(
        theirs, on=["lam", "epoch"], suffixes=("", "_theirs")
    )
    deviation = (cells["mean"] - cells["accuracy_mean"]) / cells["accuracy_sd"]
    columns: dict[str, Any] = {"deviation": deviation, "inside": deviation.abs() <= 3}
    return cells[["lam", "epoch", "mean", "runs", "accuracy_mean", "accuracy_sd"]].assign(**columns)


def _lines(cells: DataFrame) -> list[str]:
    keys = list(cells.columns[: cells.columns.get_loc("mean")])
    head = "".join(f"{key:>11}" for key in keys)
    lines = [f"{head}{'ours':>19}{'published':>19}{'z':>8}{'within':>9}"]
    for row in cells.to_dict("records"):
        name = "".join(f"{row[key]:>11}" for key in keys)
        ours, theirs = (
            f"{row[m]:.4f} ± {row[s]:.4f}" for m, s in (("mean", "se"), ("published_mean", "published_se"))
        )
        lines.append(f"{name}{ours:>19}{theirs:>19}{row['z']:>8.2f}{'yes' if row['equivalent'] else '—':>9}")
    return lines
