"""Problems, networks, schedules and data files: what they hold, and what they refuse."""

import gzip
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fa_ref import Network, Problem, data, schedules
from fa_ref._support import checks


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        ([[1.0, np.nan]], [1.0], ValueError, r"X: expected finite numbers, got nan at index \(0, 1\)"),
        ([[1.0, np.inf]], [1.0], ValueError, "X: expected finite"),
        ([["a", "b"]], [1.0], TypeError, "X: expected real numbers"),
        ([[1j, 2]], [1.0], TypeError, "X: expected real numbers"),
        ([[1.0, 2.0], [3.0]], [1.0, 1.0], ValueError, "X: expected an array with 2 axes, got rows of unequal"),
        ([[1e200]], [1.0], ValueError, "X: expected numbers whose squares"),
        (
            [[1.0], [1e-155]],
            [1.0, 1.0],
            ValueError,
            "X: .* do not underflow .* row 1 with entries up to 1e-155; scale X",
        ),
        ([[5e-324]], [1.0], ValueError, "X: .* do not underflow"),
        (np.ma.array([[1.0, 2.0]], mask=[[False, True]]), [1.0], ValueError, "X: .* 1 masked entries"),
        ([[1.0]], np.ma.masked_invalid([np.nan]), ValueError, "y: .* 1 masked entries"),
        ([[np.longdouble("1e400")]], [1.0], ValueError, "X: expected finite numbers, got inf"),
        ([[1.0]], [-1e200], ValueError, "y: expected numbers whose squares"),
        ([1.0, 2.0], [1.0, 2.0], ValueError, r"X: expected an array with 2 axes, got shape \(2,\)"),
        (np.empty((0, 3)), [], ValueError, "X: expected at least one entry"),
        (np.empty((3, 0)), [1, 2, 3], ValueError, "X: expected at least one entry"),
        ([[1.0], [2.0]], [1.0], ValueError, "y: expected 2 targets, one for each row of X, got 1"),
        ([[1.0]], [[1.0]], ValueError, "y: expected an array with 1 axes"),
    ],
)
def test_bad_data_get_one_clear_line(X, y, error, message):
    with pytest.raises(error, match=message) as caught:
        Problem(X, y)
    assert "\n" not in str(caught.value)


def test_problem_copies_and_freezes_its_data():
    X = np.ones((2, 3), order="F")
    problem = Problem(X, [1, 2])
    X[0, 0] = 7
    assert problem.X[0, 0] == 1
    assert problem.X.flags.c_contiguous
    assert problem.X.dtype == np.float64
    with pytest.raises(ValueError):
        problem.X[0, 0] = 3


def test_spectra(rng):
    problem = Problem(rng.standard_normal((4, 6)), np.zeros(4))
    eigenvalues = np.linalg.eigvalsh(problem.X @ problem.X.T)
    assert problem.lambda_min == pytest.approx(eigenvalues[0])
    assert problem.lambda_max == pytest.approx(eigenvalues[-1])
    assert problem.spectral_norm == pytest.approx(np.linalg.norm(problem.X, 2))
    assert problem.rank == 4
    tall = Problem(rng.standard_normal((6, 4)), np.zeros(6))
    assert tall.lambda_min == 0
    assert tall.rank == 4
    assert set(tall.to_dict()) == {"n", "d", "rank", "lambda_min", "lambda_max", "radius", "y_norm"}


def test_duplicate_rows_are_accepted_and_seen():
    problem = Problem([[1.0, 0.0], [1.0, 0.0]], [1.0, -1.0])
    assert problem.rank == 1
    assert problem.lambda_min == pytest.approx(0.0, abs=1e-15)
    assert problem.projected().n == 1


def test_projecting_nothing_is_refused():
    with pytest.raises(ValueError, match="X: expected at least one non-zero row"):
        Problem([[0.0]], [1.0]).projected()


def test_networks_are_reproducible_and_gaussian():
    first, second = (Network.gaussian(400, 50, np.random.default_rng(5)) for _ in range(2))
    assert first.digest() == second.digest()
    assert first.digest() != Network.gaussian(400, 50, np.random.default_rng(6)).digest()
    # 20 000 draws: the mean is within 6 standard errors except with probability 2e-9.
    assert abs(first.W.mean()) < 6 / math.sqrt(first.W.size)
    assert abs(first.W.var() - 1) < 6 * math.sqrt(2 / first.W.size)


def test_networks_refuse_what_does_not_fit(monkeypatch):
    with pytest.raises(ValueError, match="beta: expected 2 weights"):
        Network(np.ones((2, 3)), [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="p: expected an integer >= 1"):
        Network.gaussian(0, 3, np.random.default_rng())
    with pytest.raises(ValueError, match=r"p = 10+, d = 150: .* needs \d+\.\d GiB"):
        Network.gaussian(10**12, 150, np.random.default_rng())
    monkeypatch.setattr(checks, "SMALL", 0)
    monkeypatch.setattr(checks, "available_memory", lambda: 100)
    with pytest.raises(ValueError, match="fits in memory"):
        Network.gaussian(10, 10, np.random.default_rng())


def test_networks_survive_the_disk(tmp_path):
    network = Network.gaussian(3, 2, np.random.default_rng(0))
    network.save(tmp_path / "net.npz")
    assert Network.load(tmp_path / "net.npz").digest() == network.digest()
    np.savez(tmp_path / "other.npz", W=np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"expected an \.npz file with W, beta, b"):
        Network.load(tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(ValueError):
        Network.load(tmp_path / "text.npz")


def test_alignment_of_a_zero_beta_is_no_number():
    assert math.isnan(Network([[1.0]], [0.0], [1.0]).alignment)


lam, tau = st.floats(0, 2), st.floats(0.5, 50)
SCHEDULES = st.one_of(
    st.builds(schedules.zero),
    st.builds(schedules.cutoff, lam, st.integers(0, 300)),
    st.builds(schedules.inverse_square, lam, tau),
    st.builds(schedules.exponential, lam, tau),
    st.builds(schedules.explicit, st.lists(lam, min_size=1, max_size=40)),
)


@given(SCHEDULES)
def test_schedules_know_their_sum_and_maximum(schedule):
    steps = 4000
    values = schedule.values(steps)
    assert (values >= 0).all()
    assert values.max() == pytest.approx(schedule.maximum)
    # What is left after N steps of the slowest one: Σ_{t≥N} λ/(1+t/τ)² ≤ λτ²/(N + τ − 1).
    tail = 2 * 50**2 / steps
    assert schedule.partial_sum(steps) <= schedule.total * (1 + 1e-12)
    assert schedule.partial_sum(steps) >= schedule.total - tail


LARGEST = 1.7e308
EXTREME = (
    lambda: schedules.explicit([LARGEST, LARGEST]), lambda: schedules.constant(LARGEST),
    lambda: schedules.cutoff(LARGEST, 3), lambda: schedules.exponential(LARGEST, 3.0),
    lambda: schedules.exponential(1.0, 1e-300), lambda: schedules.exponential(1.0, 1e300),
    lambda: schedules.inverse_square(LARGEST, 3.0), lambda: schedules.inverse_square(1.0, 1e-300),
    lambda: schedules.inverse_square(1e200, 1e300),
)  # fmt: skip


@pytest.mark.parametrize("made", EXTREME)
def test_a_sum_beyond_the_floats_is_infinite(made):
    schedule = made()
    assert schedule.maximum <= schedule.total <= math.inf
    assert schedule.maximum <= schedule.partial_sum(6) <= schedule.total


def test_inverse_square_sum_to_high_accuracy():
    schedule = schedules.inverse_square(0.3, tau=7.0)
    steps = 10**6
    # The tail lies between the integrals from N and from N − 1.
    low, high = (0.3 * 49 / (start + 7.0) for start in (steps, steps - 1))
    assert schedule.partial_sum(steps) + low <= schedule.total + 1e-12
    assert schedule.total <= schedule.partial_sum(steps) + high + 1e-12


def test_constant_schedule_has_no_finite_sum():
    assert schedules.constant(0.1).total == math.inf
    assert schedules.constant(0.0).total == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: schedules.constant(-0.1),
        lambda: schedules.constant(math.inf),
        lambda: schedules.cutoff(0.1, -1),
        lambda: schedules.inverse_square(0.1, tau=0),
        lambda: schedules.exponential(0.1, tau=-1),
        lambda: schedules.explicit([0.1, math.nan]),
        lambda: schedules.explicit([]),
    ],
)
def test_schedules_refuse_what_is_no_penalty(call):
    with pytest.raises(ValueError, match="expected"):
        call()


def idx(array, kind=0x08):
    header = bytes([0, 0, kind, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    return header + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    images = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(images))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([5, 0, 4], dtype=np.uint8))))
    return tmp_path


def test_idx_files_plain_and_gzip(mnist):
    images, labels = data.read_mnist(mnist)
    assert images.shape == (3, 4)
    assert images[2, 3] == 11 / 255
    assert labels.tolist() == [5, 0, 4]
    parity = data.digit_parity(lambda: data.read_mnist(mnist), n=3)
    assert parity.y.tolist() == [-1.0, 1.0, 1.0]
    assert np.linalg.norm(parity.X, axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (
            "train-images-idx3-ubyte",
            lambda raw: raw[:-1],
            r"expected 12 bytes of data for shape \(3, 2, 2\), got 11",
        ),
        ("train-images-idx3-ubyte", lambda raw: raw + b"x", "expected 12 bytes"),
        ("train-images-idx3-ubyte", lambda raw: raw[:3], "expected an IDX header"),
        ("train-images-idx3-ubyte", lambda _: b"", "expected an IDX header"),
        ("train-images-idx3-ubyte", lambda raw: b"PK" + raw[2:], "expected an IDX header"),
        ("train-images-idx3-ubyte", lambda _: idx(np.zeros(3, np.uint8)), "expected images"),
        ("train-images-idx3-ubyte", lambda _: idx(np.zeros((0, 2, 2), np.uint8)), "expected at least one image"),
        ("train-images-idx3-ubyte", lambda _: b"\0\0\x08\xff" + b"\xff" * 1020, "expected an IDX header"),
        ("train-labels-idx1-ubyte.gz", lambda raw: raw[:-5], "expected a complete gzip file"),
        ("train-labels-idx1-ubyte.gz", lambda _: idx(np.zeros((3, 2, 2), np.uint8)), "expected labels"),
        ("train-labels-idx1-ubyte.gz", lambda _: idx(np.full(3, 77, np.uint8)), "expected labels"),
        ("train-labels-idx1-ubyte.gz", lambda _: idx(np.zeros(2, np.uint8)), "expected 3 labels"),
    ],
)
def test_damaged_or_mislabelled_files_are_named(mnist, name, spoil, message):
    path = mnist / name
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as caught:
        data.read_mnist(mnist)
    assert name.split("-idx")[0] in str(caught.value)


def test_missing_files_and_wrong_splits_are_named(tmp_path):
    with pytest.raises(ValueError, match="train-images-idx3-ubyte"):
        data.read_mnist(tmp_path)
    with pytest.raises(ValueError, match="split"):
        data.read_mnist(tmp_path, "test")
    with pytest.raises(ValueError, match="n: expected at most 1797"):
        data.digit_parity(data.read_digits, n=5000)


def test_the_real_mnist_files(mnist_folder):
    """Where the original files are at hand they are read; elsewhere the bundled digits stand in, same checks."""
    images, labels = data.read_mnist(mnist_folder) if mnist_folder else data.read_digits()
    assert images.shape == ((60000, 784) if mnist_folder else (1797, 64))
    assert images.min() == 0
    assert images.max() == 1
    assert sorted(set(labels.tolist())) == list(range(10))
    if mnist_folder:
        assert labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_csv_and_npy(tmp_path):
    (tmp_path / "X.csv").write_text("a,b\n1,2\n3,4\n\n")
    assert data.read_array(tmp_path / "X.csv", 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    (tmp_path / "y.csv").write_text("1\n2\n")
    assert data.read_array(tmp_path / "y.csv", 1, "y").tolist() == [1.0, 2.0]
    np.save(tmp_path / "X.npy", np.eye(2, dtype=np.float32))
    assert data.read_array(tmp_path / "X.npy", 2).tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a,b\n1,2\n3,x\n", TypeError, "X: expected numbers, got '3,x' in .*, line 3"),
        ("1,2\n3\n", ValueError, "X: expected 2 columns, got 1 in .*, line 2"),
        ("1,nan\n", ValueError, "X: expected finite"),
        ("1,NA,3\n4,5,6\n", TypeError, "X: expected numbers, got '1,NA,3' in .*, line 1"),
        ("NA\n1\n2\n", TypeError, "X: expected numbers, got 'NA' in .*, line 1"),
        (",\n4,5\n", TypeError, "X: expected numbers, got ',' in .*, line 1"),
        ("a,b,c\n\n1,2\n", ValueError, "X: expected 3 columns, got 2 in .*, line 3"),
        ("", ValueError, "X: expected at least one entry"),
        ("a,b\n", ValueError, "X: expected at least one entry"),
    ],
)
def test_bad_csv_names_the_line(tmp_path, text, error, message):
    (tmp_path / "X.csv").write_text(text)
    with pytest.raises(error, match=message):
        data.read_array(tmp_path / "X.csv", 2)


def test_bad_npy_and_missing_files(tmp_path):
    (tmp_path / "X.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(ValueError, match=r"X: .*expected a \.npy header"):
        data.read_array(tmp_path / "X.npy", 2)
    with pytest.raises(ValueError, match="X: expected a file"):
        data.read_array(tmp_path / "none.csv", 2)
    (tmp_path / "X.bin").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ValueError, match="not UTF-8"):
        data.read_array(tmp_path / "X.bin", 2)


def test_isometric_inputs_need_room(rng):
    with pytest.raises(ValueError, match="n: expected at most d = 3"):
        data.isometric_inputs(4, 3, rng)
    with pytest.raises(ValueError, match="X: expected rows that are not zero"):
        data.unit_rows([[0.0, 0.0]])


def test_teachers(rng):
    X = data.gaussian_inputs(5, 3, rng, scale=0.5)
    assert data.linear_teacher(X, rng).shape == (5,)
    # A linear teacher lies in the column space of X, whatever θ.
    tall = data.gaussian_inputs(9, 3, rng)
    y = data.linear_teacher(tall, rng)
    assert Problem(tall, y).projected().unexplained == pytest.approx(0, abs=1e-12 * np.linalg.norm(y))
    assert data.network_teacher(X, 20, "relu", rng).shape == (5,)


def test_published_step_sizes_in_our_convention():
    from fa_ref import adapters

    steps = [adapters.eta_from_mean_squared_step(step, 50) for step in (1e-3, 1e-2, 1e-1)]
    assert steps == pytest.approx([4e-5, 4e-4, 4e-3])
    assert adapters.ridge_from_mean_squared_label(0.2, 50) == pytest.approx(25 * 0.2)


def test_outputs_check_their_inputs():
    network = Network.gaussian(3, 2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="X: expected 2 columns"):
        network.output([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="X: expected finite"):
        network.output([[1.0, math.nan]])


def test_inputs_too_large_for_memory_are_refused():
    with pytest.raises(ValueError, match="n = 100000, d = 10000000: expected a size that fits in memory"):
        data.gaussian_inputs(100_000, 10_000_000, np.random.default_rng(0))


def test_a_failed_write_leaves_nothing(tmp_path):
    from fa_ref._support.storage import write_atomically

    def fail(file):
        file.write(b"half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_atomically(tmp_path / "out.bin", fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [10**400, -(10**400), "1", None, [1.0], 1j, math.nan])
def test_numbers_that_are_none_get_one_short_line(value):
    with pytest.raises((TypeError, ValueError), match="eta: expected a") as caught:
        checks.as_number("eta", value)
    assert len(str(caught.value)) < 120


def test_sizes_beyond_every_float_are_refused_in_words():
    with pytest.raises(
        ValueError,
        match=r"p: expected a size that fits in memory \(.* GiB are free\), got one that needs over 10\^9 GiB",
    ):
        checks.require_memory("p", 10**400)


def test_unit_rows_of_any_size():
    for scale in (1e-300, 5e-324, 1e300):
        assert np.linalg.norm(data.unit_rows([[3 * scale, 4 * scale]])) == pytest.approx(1.0)


def test_a_masked_array_without_masked_entries_is_an_array():
    assert Problem(np.ma.array([[1.0]]), np.ma.array([2.0])).y.tolist() == [2.0]
