"""The negative-control suite as one table: regimes hold, and dropped hypotheses are never counted as holding."""

import pytest

from validation import ablation


@pytest.fixture(scope="module")
def rows():
    return list(ablation.ablate(seed=0))


def test_each_theorem_holds_in_its_own_regime(rows):
    full = [row for row in rows if row.dropped == ablation.FULL]
    assert [row.verdict.claim for row in full] == [
        "Theorem 3.2", "Theorem 4.2", "Theorem 4.3", "Theorem 4.6", "Section 4.1, cosine bound",
    ]  # fmt: skip
    assert {row.verdict.status for row in full} == {"holds"}
    assert {row.how for row in full} == {"all hold"}


#: Rows in which the conclusions survive: the sheet's constant adapts, or the data is put right.
SURVIVE = ("n > d, projected", "isometric: λ_max/λ_min = 900")


def test_a_dropped_hypothesis_never_leaves_a_plain_pass(rows):
    passed = [row.dropped for row in rows if row.dropped != ablation.FULL and row.verdict.status == "holds"]
    assert sorted(passed) == sorted(SURVIVE)


@pytest.mark.parametrize(
    "word",
    [
        "small step",
        "right sign",
        "b = −β(0)",
        "softplus",
        "two units",
        "λ ≡ 0: λ = 1",
        "λ ≡ 0, claimed",
        "Σλ ≤ S_λ",
    ],
)
def test_what_breaks_is_seen_to_break(rows, word):
    dropped = [row for row in rows if word in row.dropped]
    assert dropped
    for row in dropped:
        assert row.broken or row.diverged_at is not None, row


def test_every_theorem_is_broken_by_the_wrong_sign(rows):
    signs = [row for row in rows if "right sign" in row.dropped]
    assert len(signs) == 5
    assert all(row.left > 1 for row in signs)


def test_singular_inputs_leave_a_residual(rows):
    stuck = [row for row in rows if "two equal inputs" in row.dropped or "n = 3, d = 2" in row.dropped]
    assert len(stuck) == 4
    for row in stuck:
        assert "γ certified" in row.verdict.failing
        assert row.left > 0.1


def test_the_table_has_a_row_each():
    frame = ablation.table(seed=1)
    assert list(frame.columns) == [
        "theorem", "dropped", "verdict", "hypotheses that fail", "conclusions", "‖e‖ left",
    ]  # fmt: skip
    assert len(frame) == len(frame.drop_duplicates(["theorem", "dropped"])) > 25
