"""The comparison with the published tables finds what differs, lets pass what does not, and shows agreement."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from validation.experiments.compare import compare, compare_figure2, compare_figure3, published


def table_like_published(rng, *, runs=50, shift=0.0, cells=slice(None)):
    """Runs drawn from the published means and deviations, some cells shifted."""
    rows = []
    for i, row in published("figure2").iterrows():
        move = shift if i in range(*cells.indices(63)) else 0.0
        for value in rng.normal(row["alignment_mean"] + move, row["alignment_sd"], runs):
            rows.append((row["activation"], row["lambda_label"], row["p"], value))
    return pd.DataFrame(rows, columns=["activation", "label", "p", "alignment"])


def truth():
    """The published means taken as exact, so that both sides of a simulated comparison can be redrawn."""
    frame = published("figure2").rename(columns={"lambda_label": "label", "alignment_sd": "sd"})
    return frame.rename(columns={"alignment_mean": "mean"})


def test_the_reference_tables_are_whole():
    figure2, figure3 = published("figure2"), published("figure3")
    assert figure2.groupby("activation").size().to_dict() == {"linear": 21, "relu": 21, "tanh": 21}
    assert (figure2["runs"] == 50).all()
    assert (figure3["runs"] == 10).all()
    assert sorted(figure3["lambda"].unique()) == [0.0, 0.1]
    with pytest.raises(ValueError, match="figure: expected"):
        published("figure4")


def test_z_has_welchs_p_value(rng):
    a, b = rng.normal(0.0, 1.0, 10), rng.normal(0.7, 3.0, 50)
    frames = [pd.DataFrame({"p": [1], "mean": [x.mean()], "sd": [x.std(ddof=1)], "runs": [len(x)]}) for x in (a, b)]
    row = compare(*frames, ["p"]).cells.iloc[0]
    reference = stats.ttest_ind(a, b, equal_var=False)
    assert row["p_value"] == pytest.approx(reference.pvalue, rel=1e-10)
    assert 2 * stats.norm.sf(abs(row["z"])) == pytest.approx(reference.pvalue, rel=1e-10)
    assert np.sign(row["z"]) == np.sign(reference.statistic)


def test_equivalence_is_the_larger_of_two_one_sided_tests(rng):
    a, b = rng.normal(0.0, 0.02, 20), rng.normal(0.01, 0.02, 50)
    frames = [pd.DataFrame({"p": [1], "mean": [x.mean()], "sd": [x.std(ddof=1)], "runs": [len(x)]}) for x in (a, b)]
    row = compare(*frames, ["p"], margin=0.03).cells.iloc[0]
    above = stats.ttest_ind(a + 0.03, b, equal_var=False, alternative="greater").pvalue
    below = stats.ttest_ind(a - 0.03, b, equal_var=False, alternative="less").pvalue
    assert row["p_equivalence"] == pytest.approx(max(above, below), rel=1e-9)


@pytest.mark.parametrize(("ours", "sd", "consistent"), [(0.21, 0.0, False), (0.2, 0.0, True), (0.21, 0.05, True)])
def test_without_any_spread_a_difference_is_a_difference(ours, sd, consistent):
    frames = [pd.DataFrame({"p": [1], "mean": [m], "sd": [sd], "runs": [5]}) for m in (ours, 0.2)]
    comparison = compare(*frames, ["p"], margin=0.005)
    assert (comparison.consistent, bool(comparison)) == (consistent, consistent)
    if sd == 0:
        assert comparison.cells["p_value"].item() == (1.0 if consistent else 0.0)
        assert comparison.cells["equivalent"].item() == consistent
    assert ("DIFFERENT" in str(comparison)) == (not consistent)


def test_a_spread_on_one_side_is_enough(rng):
    frames = [pd.DataFrame({"p": [1], "mean": [0.2], "sd": [sd], "runs": [5]}) for sd in (0.0, 0.1)]
    row = compare(frames[0].assign(mean=0.25), frames[1], ["p"]).cells.iloc[0]
    # One sample of known mean against 5 draws: Student's t with 4 degrees of freedom.
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(0.05 / (0.1 / np.sqrt(5)), 4), rel=1e-10)


def test_a_run_that_diverged_is_a_difference(rng):
    table = table_like_published(rng)
    assert compare_figure2(table).consistent
    table.loc[7, "alignment"] = np.nan
    comparison = compare_figure2(table)
    assert not comparison.consistent
    assert comparison.cells.loc[0, ["p_value", "p_equivalence"]].tolist() == [0.0, 1.0]
    assert "inf" in str(comparison)


def test_the_verdict_is_rarely_wrong_about_equals(rng):
    wrong = 0
    for _ in range(200):
        theirs = truth()
        theirs["mean"] += rng.standard_normal(63) * theirs["sd"] / np.sqrt(50)
        ours = truth()
        ours["mean"] += rng.standard_normal(63) * ours["sd"] / np.sqrt(50)
        wrong += not compare(ours, theirs, ["activation", "label", "p"]).consistent
    # At level 1 % each (2 %, as known variances are read as estimates): P(Binomial(200, 0.02) > 20) < 1e-8.
    assert wrong <= 20


def test_one_cell_astray_is_found(rng):
    # 0.02 is 14 standard errors of the difference in the cell tanh, 0.0, 12800.
    moved = compare_figure2(table_like_published(rng, shift=0.02, cells=slice(48, 49)))
    assert not moved.consistent
    assert moved.cells["p_holm"].idxmin() == 48


def test_many_cells_slightly_astray_are_found():
    ours, theirs = truth(), truth()
    se = ours["sd"] * np.sqrt(2 / 50)
    ours["mean"] += np.where(np.arange(63) % 6 == 0, 2.9, 0.0) * se  # none significant by itself
    comparison = compare(ours, theirs, ["activation", "label", "p"])
    assert comparison.cells["p_holm"].min() > 0.1
    assert comparison.beyond == 11
    assert not comparison.consistent


def test_too_few_runs_show_no_agreement(rng):
    few, many = (compare_figure2(table_like_published(rng, runs=runs)) for runs in (2, 50))
    assert few.cells["equivalent"].sum() < many.cells["equivalent"].sum()
    far = compare_figure2(table_like_published(rng, shift=0.03))
    # At the margin itself each cell is shown with probability 5 %: P(Binomial(63, 0.05) > 20) < 1e-10.
    assert far.cells["equivalent"].sum() <= 20


def test_the_text_says_both_verdicts(rng):
    text = str(compare_figure2(table_like_published(rng)))
    assert len(text.splitlines()) == 63 + 4
    assert "Difference: no difference found" in text
    assert "cells shown within 0.03" in text
    assert "DIFFERENT" in str(compare_figure2(table_like_published(rng, shift=0.05)))


def test_cells_that_were_not_published_are_left_out(rng):
    table = table_like_published(rng)
    extra = pd.DataFrame({"activation": ["sigmoid"] * 3, "label": 0.0, "p": 200, "alignment": [0.1, 0.2, 0.3]})
    assert len(compare_figure2(pd.concat([table, extra])).cells) == 63
    with pytest.raises(ValueError, match="expected at least one cell that was published"):
        compare_figure2(extra)
    with pytest.raises(ValueError, match="runs: expected at least 2"):
        compare_figure2(table.drop_duplicates(["activation", "label", "p"]))


def test_figure_3_is_judged_at_the_tabulated_epochs():
    theirs = published("figure3")
    table = pd.DataFrame({"lam": theirs["lambda"], "epoch": theirs["epoch"], "accuracy": theirs["accuracy_mean"]})
    assert compare_figure3(table)["inside"].all()
    table["accuracy"] += 3.1 * theirs["accuracy_sd"]
    assert not compare_figure3(table)["inside"].any()
    assert len(compare_figure3(table[table["epoch"] <= 100])) == 24
