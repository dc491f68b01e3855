"""Real tables through the main job: every row is decided, or says why not and what would help; and that helps."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from validation.commands import cli

datasets = pytest.importorskip("sklearn.datasets", reason="the tables come with scikit-learn (extra: test)")

ONLY = "A3.1,3.2,4.2,4.3,4.6,n > d,A"
#: Kernels of rows of norm 10³ take long.
LONG = [pytest.param(name, marks=pytest.mark.nightly) for name in ("wine", "breast_cancer")]


@pytest.fixture
def verify(tmp_path, monkeypatch, capsys):
    """Status of the command, findings by statement, and the page."""

    def run(X, y, *words, only=ONLY):
        X.to_csv(tmp_path / "X.csv", index=False)
        y.to_csv(tmp_path / "y.csv", index=False)
        files = ("--X", tmp_path / "X.csv", "--y", tmp_path / "y.csv", "--json", tmp_path / "v.json")
        rest = ("--report", tmp_path / "out", "--steps", 20, "--draws", 1, "--only", only, *words)
        monkeypatch.delenv("FA_REF_MNIST", raising=False)
        monkeypatch.setattr(sys, "argv", ["fa-ref", "verify", *map(str, (*files, *rest))])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        capsys.readouterr()
        found = {f["statement"]: f for f in json.loads((tmp_path / "v.json").read_text())["findings"]}
        return ended.value.code, found, (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    return run


def table(name, rows=10):
    """Some of the rows, spread over the classes, with the table's own headings."""
    whole = getattr(datasets, f"load_{name}")(as_frame=True, **({"scaled": False} if name == "diabetes" else {}))
    chosen = np.linspace(0, len(whole.data) - 1, rows).astype(int)
    return whole.data.iloc[chosen], whole.target.iloc[chosen].to_frame()


def unexplained(found):
    """Rows that neither hold nor say why not and what to do."""
    return [
        number
        for number, f in found.items()
        if f["status"] == "violated"
        or (f["status"] != "holds" and not (f["remarks"] and (f["remedies"] or any(map(helps, f["remarks"])))))
    ]


def helps(remark):
    """Whether a reason names what to do, or where else to look."""
    return any(word in remark for word in ("row on large samples", "whitened", "--p", "--draws", "--steps"))


def held(found):
    return {number for number, f in found.items() if f["status"] == "holds"}


@pytest.mark.parametrize("name", ["diabetes", "iris", *LONG])
def test_every_row_of_a_table_as_it_is_is_decided_or_says_what_would_help(name, verify):
    _, raw, page = verify(*table(name))
    assert unexplained(raw) == []
    assert len(raw) == 7
    assert held(raw) == set(raw) or "What helps:" in page or "large samples" in page


@pytest.mark.parametrize("name", ["diabetes", "iris", "wine", "breast_cancer"])
def test_a_standardised_table_is_within_reach(name, verify):
    X, y = table(name)
    status, scaled, page = verify(X, y, "--standardise")
    assert unexplained(scaled) == []
    assert status == 0
    assert {"A3.1", "3.2", "4.2"} <= held(scaled)
    assert {"4.3", "n > d"} & held(scaled)
    assert "standardised: columns of X to mean 0" in page


@pytest.fixture
def own(rng):
    X = pd.DataFrame(rng.standard_normal((8, 12)) / 3, columns=[f"x{k}" for k in range(12)])
    return X, pd.DataFrame({"y": rng.standard_normal(8)})


def test_more_samples_than_columns(verify, rng):
    X = pd.DataFrame(rng.standard_normal((12, 3)), columns=list("abc"))
    status, found, page = verify(X, pd.DataFrame({"y": rng.standard_normal(12)}), only="3.2,4.3,4.6,n > d")
    assert (status, unexplained(found)) == (0, [])
    assert found["n > d"]["status"] == "holds"
    assert "n &gt; d: K is singular; the row on large samples" in page


def test_duplicate_rows_are_named_by_their_lines_and_leaving_one_out_helps(verify, own):
    X, y = own
    X.iloc[5] = X.iloc[2]
    status, found, page = verify(X, y, only="A3.1,3.2,4.2,4.3,n > d,A")
    assert status == 0, "the projected problem is judged"
    assert held(found) == {"n > d"}
    assert unexplained(found) == []
    assert "lines 4 and 7 are equal" in page
    assert "take their mean as one sample" in page
    status, found, _ = verify(X.drop(index=5), y.drop(index=5), only="A3.1,3.2,4.2,4.3,n > d,A")
    assert (status, held(found)) == (0, set(found))


def test_a_constant_column_is_no_obstacle_until_it_is_centred_away(verify, own):
    X, y = own
    X["x4"] = 1.0
    status, found, _ = verify(X, y, only="A3.1,3.2,4.2,4.3,n > d")
    assert (status, held(found)) == (0, set(found))
    status, found, page = verify(X, y, "--standardise", only="A3.1,3.2,4.3,n > d")
    assert (status, unexplained(found)) == (0, [])
    assert "constant and now zero: column 5" in page
    assert found["n > d"]["status"] == "holds"


def test_targets_of_ten_thousand_get_a_width_a_divisor_and_a_scale_that_work(verify, own):
    X, y = own
    _, found, _ = verify(X, 1e4 * y, only="4.1,4.3,n > d")
    assert unexplained(found) == []
    assert not held(found)
    remedy = found["4.3"]["remedies"][0]
    divisor = float(remedy.split("targets divided by ")[1].split(",")[0].split(" ")[0])
    assert "standardised data (--standardise) make it" in remedy
    for cured, words in ((1e4 * y / divisor, ()), (1e4 * y, ("--standardise",))):
        status, found, _ = verify(X, cured, *words, only="4.3,n > d")
        assert (status, unexplained(found)) == (0, [])
        assert found["n > d"]["status"] == "holds"


def test_a_wider_network_is_one_option_away(verify, own):
    X, y = own
    status, found, _ = verify(X, y, "--p", 3000, only="3.2,4.3")
    assert status == 0
    assert [f["settings"][0]["p"] for f in found.values()] == [3000, 3000]
