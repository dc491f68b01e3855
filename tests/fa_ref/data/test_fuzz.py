"""Readers against bytes: whatever a file holds, an array or one clear error, in bounded memory.

The bytes are random, or files of each kind with a few places spoilt, which reach deeper. Nightly: 10⁵ a reader.
"""

import gzip
import io
import json
import random
import resource
import struct
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fa_ref import Network, Problem, Setting, Trajectory, data, schedules, train
from fa_ref._support.storage import write_npz
from fa_ref._support.text import printable
from tests.fa_ref.data.memory import peak_below

SEVERAL, MANY = 150, 100_000
#: Every seed is far smaller: what takes more than this was allocated on a header's word.
MEMORY = 30e6


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def npz(method=zipfile.ZIP_STORED, **arrays):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", npy(array))
    return stream.getvalue()


def idx(array, kind):
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


WEIGHTS = {"W": np.ones((3, 2)), "beta": np.ones(3), "b": np.arange(3.0)}
NPY = [
    npy(np.eye(3)),
    npy(np.asfortranarray(np.ones((2, 3), np.float32))),
    npy(np.arange(4)),
    npy(np.array([None])),
]
NPZ = [npz(method, **WEIGHTS) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
IDX = [
    idx(np.zeros((2, 3, 3), np.uint8), 8),
    idx(np.ones(4, ">f8"), 14),
    gzip.compress(idx(np.ones(9, np.uint8), 8)),
]
CSV = [
    b"a,b\n1,2\n3,4\n", b"0,1\n1,2\n", b",a\n0,5\n1,6\n", b"# x\n1 2\n3 4\n", b"1;2\n-3e5;.4\n",
    b'"x","y"\n"1","2"\n',
    "α\tβ\n1\t2\n".encode(), b"1,nan\n2,NA\n",
]  # fmt: skip


@pytest.fixture(scope="module")
def setting_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("setting") / "setting.npz"
    problem, network = Problem(np.eye(2), [1.0, -1.0]), Network(np.ones((3, 2)), np.ones(3), np.ones(3))
    Setting(problem, network, "tanh", eta=0.1).save(path)
    return path.read_bytes()


AWKWARD = [
    b"\xff\xff\xff\xff",
    b"\0" * 8,
    b"9" * 30,
    b"(" * 100,
    b"e400",
    b"'",
    b"\n",
    b",",
    b"\x1f\x8b",
    b"PK",
    b"\x1b[31m",
    b"\x1d",
]
PIECES = st.one_of(st.binary(max_size=5), st.sampled_from(AWKWARD))
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 8), PIECES), min_size=1, max_size=4
)  # where, how many bytes go, what comes in their place


def changed(seed, edits):
    for place, gone, piece in edits:
        start = int(place * len(seed))
        seed = seed[:start] + piece + seed[start + gone :]
    return seed


def spoilt(seeds):
    """Files as they should be, with up to four places changed; or anything at all."""
    return st.one_of(st.builds(changed, st.sampled_from(seeds), EDITS), st.binary(max_size=200))


def spoilt_at_random(seeds, rng):
    """The same, drawn without Hypothesis, which takes ten times as long as the readers."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(200))
    edits = [
        (
            rng.random(),
            rng.randrange(9),
            rng.randbytes(rng.randrange(6)) if rng.random() < 0.5 else rng.choice(AWKWARD),
        )
        for _ in range(rng.randint(1, 4))
    ]
    return changed(rng.choice(seeds), edits)


READERS = {
    "idx": (data.read_idx, IDX, "images"),
    "csv": (data.read_table, CSV, "X.csv"),
    "npy": (data.read_table, NPY, "X.npy"),
    "npz": (Network.load, NPZ, "network.npz"),
}


@contextmanager
def resident_below(limit):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < limit


def outcome(read, path, content):
    """Whether the reader takes the file; if not, it must say why in one line."""
    path.write_bytes(content)
    try:
        read(path)
    except (ValueError, TypeError) as error:
        message = str(error)
    else:
        return True
    assert message == printable(message), (content, message)  # one line, without what a terminal would obey
    return False


def attack(read, seeds, path):
    """Feed spoilt files to a reader, and shrink what it does not survive."""
    seen = []

    @settings(
        max_examples=SEVERAL, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(spoilt(seeds))
    def survives(content):
        seen.append(outcome(read, path, content))

    with peak_below(MEMORY):
        survives()
    assert seen.count(False) > SEVERAL / 5  # the attack reaches the checks …
    assert any(seen)  # … and what is whole is still read


def attack_for_long(read, seeds, path):
    """Feed `MANY` spoilt files to a reader, others each time."""
    seed, taken = random.SystemRandom().randrange(2**32), 0
    rng = random.Random(seed)
    with resident_below(10 * MEMORY):
        for _ in range(MANY):
            taken += outcome(read, path, spoilt_at_random(seeds, rng))
    assert 0 < taken < 0.8 * MANY, f"seed {seed}"


@pytest.mark.parametrize("kind", READERS)
def test_readers_survive_any_bytes(tmp_path, kind):
    read, seeds, name = READERS[kind]
    attack(read, seeds, tmp_path / name)


@pytest.mark.parametrize("separator", ["\x1d", "\x1b[31m", "\r", "\u2028"])
def test_what_a_file_says_is_printable_in_the_message(tmp_path, setting_file, separator):
    files = {
        "X.npy": (data.read_table, npy(np.arange(4)).replace(b"<i8", f"<9{separator}".encode())),
        "setting.npz": (
            Setting.load,
            npz(setting=np.array('{"psi": "x", "activation": "@", "eta": 1}'.replace("@", separator))),
        ),
    }
    for name, (read, content) in files.items():
        assert not outcome(read, tmp_path / name, content)
    other = {
        "activation": f"my{separator}psi",
        "psi": "",
        "eta": 1.0,
        "ridge": schedules.zero().to_dict(),
        "rule": "fa",
        "p": None,
    }
    (tmp_path / "setting.npz").write_bytes(setting_file)
    with np.load(tmp_path / "setting.npz") as stored:
        arrays = {**stored, "setting": np.array(json.dumps(other))}
    write_npz(tmp_path / "setting.npz", arrays)
    with pytest.raises(ValueError, match="the user's own my") as caught:
        Setting.load(tmp_path / "setting.npz")
    assert str(caught.value) == printable(str(caught.value))


def test_settings_survive_any_bytes(tmp_path, setting_file):
    attack(Setting.load, [setting_file], tmp_path / "setting.npz")


ABSURD = [
    "1" + "0" * 400,
    "1e400",
    "[]",
    '"x"',
    "-1",
    "{}",
    "1" + "0" * 5000,
    "[" * 50_000,
    '{"a":' * 50_000,
    "NaN",
]
#: Free text, and a number of steps of which any is possible.
FREE = {("engine", '"x"'), ("dtype", '"x"'), ("steps", ABSURD[0])}


def fields(record, path=()):
    for key, value in record.items():
        yield (*path, key)
        yield from fields(value, (*path, key)) if isinstance(value, dict) else ()


def replaced(record, path, text):
    copy = json.loads(json.dumps(record))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = "@@"
    return json.dumps(copy).replace('"@@"', text)


@pytest.mark.parametrize("part", ["setting", "header"])
def test_no_field_of_a_saved_run_takes_what_it_cannot_mean(tmp_path, part):
    problem, network = Problem(np.eye(2), [1.0, -1.0]), Network(np.ones((3, 2)), np.ones(3), np.ones(3))
    run = train(Setting(problem, network, "tanh", eta=0.1, ridge=schedules.cutoff(0.1, 10)), steps=5)
    run.save(tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as stored:
        arrays = dict(stored)
    record = json.loads(str(arrays[part]))
    texts = [
        replaced(record, path, text) for path in fields(record) for text in ABSURD if (path[-1], text) not in FREE
    ]
    for text in [*ABSURD, *texts, str(arrays[part])[:-1] + ', "eta": 0.1}']:
        write_npz(tmp_path / "run.npz", {**arrays, part: np.array(text)})
        with pytest.raises((ValueError, TypeError)) as caught:
            Trajectory.load(tmp_path / "run.npz")
        assert "\n" not in str(caught.value)
    write_npz(tmp_path / "run.npz", arrays)
    assert Trajectory.load(tmp_path / "run.npz").setting == run.setting
    for name in set(arrays) - {"measured"}:
        for array in (np.array("x"), np.zeros(0), np.array([1j]), np.zeros((2, 2, 2)), np.array([np.nan])):
            write_npz(tmp_path / "run.npz", {**arrays, name: array})
            with pytest.raises((ValueError, TypeError)):
                Trajectory.load(tmp_path / "run.npz")


@pytest.mark.nightly
@pytest.mark.parametrize("kind", READERS)
def test_readers_survive_any_bytes_for_long(tmp_path, kind):
    read, seeds, name = READERS[kind]
    attack_for_long(read, seeds, tmp_path / name)


@pytest.mark.nightly
def test_settings_survive_any_bytes_for_long(tmp_path, setting_file):
    attack_for_long(Setting.load, [setting_file], tmp_path / "setting.npz")
