"""Tables as people write them: read as what they are, with a record, or refused with one line that helps."""

import gzip
import pickle
import struct

import numpy as np
import pytest

from fa_ref import Problem, data
from tests.fa_ref.data.memory import peak_below


@pytest.fixture
def table(tmp_path):
    def read(text, name="X.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return data.read_table(path, "X", **options)

    return read


@pytest.mark.parametrize(
    "text",
    ["0,1,2\n1.5,2,3\n4,5,6\n", "0,1\n1,2\n", "0\n1.5\n2\n", "0;1\n3;4\n", "0,1,2\n"],
)
def test_headings_that_could_be_a_sample_are_refused(table, text):
    """pandas.DataFrame(X).to_csv(index=False) writes such a line; so does an honest first sample."""
    with pytest.raises(data.AmbiguousHeadingsError, match="line 1, which can be either; say which with --header"):
        table(text)
    rows = text.count("\n")
    assert len(table(text, header=False).values) == rows
    assert len(table(text, header=True).values) == rows - 1


@pytest.mark.parametrize(
    "text", ["1.O\n2.0\n3.0\n", "l.5\n2\n", "1..5,2..5\n1,2\n", "1e5x\n1\n", "-3abc\n1\n", "1_000\n2\n", "٣.٥\n1\n"]
)
def test_a_number_mistyped_in_the_first_line_is_no_heading(table, text):
    with pytest.raises(ValueError, match="line 1") as caught:
        table(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["x1,x2\n1,2\n", "l1\n1\n", "mean radius,O2\n1,2\n", "α,β\n1,2\n", "v1.2\n3\n"])
def test_names_are_headings(table, text):
    found = table(text)
    assert (found.header, len(found.values), list(found.lines)) == (1, 1, [2])


@pytest.mark.parametrize(
    "text", ["1\n1_000\n", "1\n٣\n", "1\n0x10\n", "1\n1,5\n", "1\n1 5\n", "1\n1e\n", "1\n\0\n"]
)
def test_what_python_takes_for_a_number_and_a_file_should_not(table, text):
    with pytest.raises((TypeError, ValueError), match="line 2"):
        table(text)


@pytest.mark.parametrize("text", ["1,2\n3,nan\n", "1,2\n3,1e999\n", "1,2\n-inf,3\n"])
def test_numbers_that_are_not_finite_are_named_by_line_and_column(table, text):
    with pytest.raises(ValueError, match=r"X: expected finite numbers, got .* line 2, column \d"):
        table(text)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a;b\n1;2\n3;4\n", ";"),
        ("a\tb\n1\t2\n3\t4\n", "\t"),
        ("1.0 2.0\n3.0 4.0\n", " "),
        ("  1.0   2.0\n  3.0   4.0\n", " "),
        ("1, 2\n3, 4\n", ","),
        ('"a, b","c"\n1,2\n', ","),
        ('"1","2"\n"3","4"\n', ","),
        ("# made by hand\na b\n\n1 2\r\n# twice\n3 4", " "),
        ("\ufeffa,b\n1,2\n", ","),
    ],
)
def test_separators_are_found_by_content(table, text, separator):
    found = table(text, name="X.txt")
    assert found.separator == separator
    assert found.values.shape[1] == 2
    assert found.values[-1].tolist() in ([3.0, 4.0], [1.0, 2.0])


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_decimal_commas_are_named(table, separator):
    text = f"a{separator}b\n1,5{separator}2,5\n"
    with pytest.raises(TypeError, match="line 2; write decimal points, not commas"):
        table(text)


def test_the_hint_names_the_separator(table):
    with pytest.raises(TypeError, match=r"line 2 \(columns read as separated by semicolons\)"):
        table("a;b\n1;x\n")
    with pytest.raises(
        ValueError, match=r"expected 2 columns, got 3 in .*line 3 \(columns read as separated by commas"
    ):
        table("a,b\n1,2\n1,2,3\n")


def test_what_pandas_writes_comes_back(tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y = np.random.default_rng(0).standard_normal((2, 4, 3))
    y = y[:, :1]
    for options in ({}, {"index": False, "header": list("abc")}, {"index": False, "header": False}, {"sep": ";"}):
        named = options.get("header") == list("abc")
        pandas.DataFrame(X).to_csv(tmp_path / "X.csv", **options)
        pandas.DataFrame(y).to_csv(tmp_path / "y.csv", **{**options, **({"header": ["t"]} if named else {})})
        problem, _ = data.read_problem(tmp_path / "X.csv", tmp_path / "y.csv")
        np.testing.assert_array_equal(problem.X, X)
        np.testing.assert_array_equal(problem.y, y[:, 0])
    pandas.DataFrame(X).to_csv(tmp_path / "X.csv", index=False)  # headings 0,1,2
    np.save(tmp_path / "y.npy", y)  # shape (n, 1)
    problem, (inputs, _) = data.read_problem(tmp_path / "X.csv", tmp_path / "y.npy")
    np.testing.assert_array_equal(problem.X, X)
    assert inputs.header == 1


def test_the_other_files_rows_decide_what_one_leaves_open(tmp_path):
    X, y = tmp_path / "X.csv", tmp_path / "y.csv"
    X.write_text("a,b\n1,2\n3,4\n5,6\n")
    y.write_text("0\n1\n0\n")  # classes: three targets for three rows
    assert data.read_problem(X, y)[0].y.tolist() == [0.0, 1.0, 0.0]
    y.write_text("0\n1\n0\n1\n")
    assert data.read_problem(X, y)[0].y.tolist() == [1.0, 0.0, 1.0]
    y.write_text("0\n1\n0\n1\n1\n")
    with pytest.raises(data.AmbiguousHeadingsError, match="y: "):
        data.read_problem(X, y)
    X.write_text("0,1\n1,2\n3,4\n5,6\n")
    with pytest.raises(data.AmbiguousHeadingsError, match="X: "):
        data.read_problem(X, y)
    assert data.read_problem(X, y, header=False)[0].n == 4 if y.write_text("0\n1\n0\n1\n") else False


def test_an_index_is_left_out_only_where_it_is_one(table):
    found = table(",a,b\n0,5,6\n1,7,8\n")
    assert (found.values.tolist(), found.has_index, found.headings) == ([[5.0, 6.0], [7.0, 8.0]], True, ("a", "b"))
    with pytest.raises(TypeError, match="expected a heading for every column"):
        table(",a,b\n3,5,6\n1,7,8\n")


def test_the_record_says_which_line_was_read_as_what(table):
    assert str(table("a,b\n1,2\n3,4\n")).endswith(
        "X.csv: line 1 read as headings (a, b), lines 2–3 as 2 rows of 2 numbers, separated by commas"
    )
    assert str(table("1\n2\n")).endswith("X.csv: lines 1–2 as 2 rows of 1 number")
    assert str(table(",a\n0,5\n1,6\n")).endswith("separated by commas, first column left out (an index)")
    assert "(a, b), no lines as 0 rows" in str(table("a,b\n"))


FOREIGN = {
    "X.parquet": (b"PAR1....", "a Parquet file; .*read_parquet"),
    "X.npz": (b"PK\x03\x04....", "a .npz or zip file; save one array"),
    "X.xlsx": (b"PK\x03\x04....", "a spreadsheet; save the sheet as CSV"),
    "X.xls": (b"\xd0\xcf\x11\xe0....", "an old Excel file"),
    "X.mat": (b"MATLAB 5.0 MAT-file", "a MATLAB file; .*loadmat"),
    "X.h5": (b"\x89HDF\r\n\x1a\n...", "an HDF5 file"),
    "X.csv": (gzip.compress(b"1,2\n"), "a gzip file; unpack it first"),
    "X.pkl": (pickle.dumps(np.eye(2)), "a pickle"),
    "X.txt": ("1,2\n".encode("utf-16"), "UTF-16 text, not UTF-8"),
    "train-images-idx3-ubyte": (b"\0\0\x08\3" + bytes(12), "an IDX file; .*read_idx"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_formats_get_a_line_that_says_what_to_do(table, name):
    content, message = FOREIGN[name]
    with pytest.raises(ValueError, match=f"X: expected CSV or .npy, got .*, {message}") as caught:
        table(content, name)
    assert "\n" not in str(caught.value)


def test_npy_is_known_by_its_content(tmp_path):
    np.save(tmp_path / "X.npy", np.asfortranarray([[1, 2], [3, 4]]))
    (tmp_path / "X.npy").rename(tmp_path / "X.csv")
    assert data.read_array(tmp_path / "X.csv", 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    (tmp_path / "y.npy").write_text("1,2\n")
    with pytest.raises(ValueError, match=r"y: expected a \.npy header"):
        data.read_array(tmp_path / "y.npy", 1, "y")
    content = (tmp_path / "X.csv").read_bytes()
    for spoilt in (content[:-1], content + b"x"):
        (tmp_path / "X.csv").write_bytes(spoilt)
        with pytest.raises(ValueError, match="expected 32 bytes of data"):
            data.read_array(tmp_path / "X.csv", 2)


@pytest.mark.parametrize("dots", ["-", "."])
@pytest.mark.parametrize("packed", [True, False])
def test_mnist_under_both_spellings(tmp_path, dots, packed):
    for kind, array in (("images-idx3", np.zeros((2, 1, 3), np.uint8)), ("labels-idx1", np.zeros(2, np.uint8))):
        raw = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        name = f"train-{kind}-ubyte".replace("-idx", f"{dots}idx") + ".gz" * packed
        (tmp_path / name).write_bytes(gzip.compress(raw) if packed else raw)
    assert data.read_mnist(tmp_path)[0].shape == (2, 3)


@pytest.mark.parametrize("shape", [(2**32 - 1,) * 4, (2**31, 2), (0, 2**32 - 1, 2**32 - 1, 2**32 - 1)])
def test_absurd_idx_headers_take_no_memory(tmp_path, shape):
    raw = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    for content in (raw, gzip.compress(raw + bytes(10**6))):
        (tmp_path / "images").write_bytes(content)
        with peak_below(2e6), pytest.raises(ValueError, match="images: expected"):
            data.read_idx(tmp_path / "images")


def test_a_gzip_bomb_is_not_inflated_beyond_its_header(tmp_path):
    raw = bytes([0, 0, 8, 1]) + struct.pack(">I", 10) + bytes(50_000_000)
    (tmp_path / "images.gz").write_bytes(gzip.compress(raw))
    with peak_below(2e6), pytest.raises(ValueError, match=r"10 bytes of data for shape \(10,\), got more"):
        data.read_idx(tmp_path / "images.gz")


def test_the_bundled_digits_are_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets", reason="compares with scikit-learn's copy")
    images, labels = data.read_digits()
    bunch = datasets.load_digits()
    np.testing.assert_array_equal(images, bunch.data / 16.0)
    np.testing.assert_array_equal(labels, bunch.target)


def test_standardised_columns_and_targets():
    rng = np.random.default_rng(0)
    X = 1e150 * rng.standard_normal((20, 3))
    X[:, 1] = 7.0
    problem, done = data.standardised(Problem(X, rng.uniform(25, 346, 20)))
    assert problem.X[:, [0, 2]].mean(axis=0) == pytest.approx([0, 0], abs=1e-14)
    assert problem.X.std(axis=0) == pytest.approx([1, 0, 1])
    assert (problem.y.mean(), problem.y.std()) == (pytest.approx(0, abs=1e-14), pytest.approx(1))
    assert done.constant == (2,)
    assert "column 2" in str(done)
