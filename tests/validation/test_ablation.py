"""The negative-control suite as one table: regimes hold, and dropped hypotheses are never counted as holding."""

import pytest

from validation.errata import ablation
from validation.judge.record import reference_run


@pytest.fixture(scope="module")
def rows():
    return list(ablation.ablate(seed=0))


def test_each_theorem_holds_in_its_own_regime(rows):
    full = [row for row in rows if row.dropped.startswith(ablation.FULL)]
    assert [row.verdict.claim for row in full] == [
        "Theorem 3.2", "Theorem 4.2", "Theorem 4.3", "Theorem 4.3", "Theorem 4.6", "Section 4.1, cosine bound",
    ]  # fmt: skip
    assert {row.verdict.status for row in full} == {"holds"}
    assert {row.how for row in full} == {"all hold"}


def test_every_dropped_hypothesis_breaks_a_conclusion(rows):
    """Its status says so too: what breaks while a hypothesis is only measured is undecided, never a pass."""
    for row in rows:
        if not row.dropped.startswith(ablation.FULL):
            assert row.broken, row.dropped
            assert row.verdict.status in ("not applicable", "undecided", "diverged")


def test_every_assumption_of_the_paper_is_dropped_somewhere(rows):
    names = " ".join(row.dropped for row in rows)
    for assumption in (
        "b = −β(0)", "ψ bounded", "γ > 0", "small step", "Σλ ≤ S_λ", "Σλ ≤ S̃_λ", "n ≤ d", "p large", "isometric",
        "y ≠ 0", "right sign",
    ):  # fmt: skip
        assert assumption in names


def test_a_rate_claimed_for_another_problem_can_be_kept(rows):
    """Negative control: constants of the regime do not break by themselves."""
    setting = ablation._setting("tanh", 0)
    rows = {"none": (lambda: reference_run(setting, 60), {"problem": setting.problem})}
    (kept,) = ablation._judged(ablation.theorem_3_2.CLAIM, rows)
    assert kept.how == "all hold"


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


def test_the_table_has_a_row_each(rows, monkeypatch):
    monkeypatch.setattr(ablation, "ablate", lambda seed: iter(rows))
    frame = ablation.table(seed=0)
    assert list(frame.columns) == [
        "theorem", "dropped", "verdict", "hypotheses that fail", "conclusions", "‖e‖ left",
    ]  # fmt: skip
    assert len(frame) == len(frame.drop_duplicates(["theorem", "dropped"])) > 25
