"""The writer replaces regular files only, keeps modes, follows links; the readers of arrays bound their memory."""

import io
import os
import socket
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fa_ref import Network
from fa_ref._support import npy, storage
from fa_ref._support.storage import read_npz, write_atomically, write_npz
from fa_ref._support.text import printable


def write(path, content=b"new"):
    write_atomically(path, lambda file: file.write(content))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path, bits):
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    path.chmod(bits)
    write(path)
    assert (path.read_bytes(), mode(path)) == (b"new", bits)
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_gets_the_mode_that_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "new.csv")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new.csv") == 0o640


def test_links_are_followed(tmp_path):
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "real.csv", tmp_path / "link.csv", tmp_path / "dangling.csv"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "there" / "later.csv")
    write(link)
    write(dangling)
    assert link.is_symlink()
    assert target.read_bytes() == (tmp_path / "there" / "later.csv").read_bytes() == b"new"


def test_devices_and_pipes_are_written_through(tmp_path):
    write("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OSError, match="No space left"):
        write("/dev/full")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe)
    reader.join(10)
    assert got == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("kind", ["file", "pipe", "socket"])
def test_standard_output_named_as_a_file_keeps_what_was_printed(tmp_path, kind):
    script = (
        "from fa_ref._support.storage import write_atomically\n"
        "print('before')\n"
        "write_atomically('/dev/stdout', lambda file: file.write(b'content\\n'))\n"
        "print('after')\n"
    )
    out, buffered = tmp_path / "out.txt", {**os.environ, "PYTHONUNBUFFERED": ""}
    here, there = socket.socketpair()
    with out.open("wb") as file, here, there:
        stdout = {"file": file, "pipe": subprocess.PIPE, "socket": there}[kind]
        done = subprocess.run([sys.executable, "-c", script], stdout=stdout, env=buffered, check=True)
        there.shutdown(socket.SHUT_WR)
        said = {"file": out.read_bytes, "pipe": lambda: done.stdout, "socket": lambda: here.recv(1000)}[kind]()
    assert said == b"before\ncontent\nafter\n"


def test_what_cannot_be_written_is_refused_and_left_as_it_was(tmp_path, monkeypatch):
    with pytest.raises(OSError, match="expected a file, a device or a pipe"):
        write(tmp_path)
    locked = tmp_path / "locked.csv"
    locked.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything: ask what others would be told
    with pytest.raises(PermissionError, match="read-only"):
        write(locked)
    assert locked.read_bytes() == b"old"

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.undo()
    with pytest.raises(OSError, match="disk full"):
        write_atomically(locked, fail)
    assert locked.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [locked]


def test_names_as_long_as_the_file_system_takes(tmp_path):
    path = tmp_path / ("x" * 255)
    write(path)
    assert path.read_bytes() == b"new"


def test_npz_is_plain_numpy_and_reproducible(tmp_path):
    arrays = {
        "file": np.arange(3),
        "allow_pickle": np.array(["γ"]),
        "W": np.asfortranarray(np.eye(2)),
        "n": np.float64(2),
    }
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = read_npz(tmp_path / "a.npz", tuple(arrays))
    with np.load(tmp_path / "a.npz") as ours:
        for name, value in arrays.items():
            np.testing.assert_array_equal(back[name], value)
            np.testing.assert_array_equal(ours[name], value)
    np.savez_compressed(tmp_path / "c.npz", W=np.ones((3, 2)), beta=np.ones(3), b=np.ones(3))
    assert Network.load(tmp_path / "c.npz").p == 3


def archive(path, *, name="W", content=None, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    np.save(stream, np.arange(4.0))
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(f"{name}.npy", stream.getvalue() if content is None else content)
    return bytearray(path.read_bytes())


def npy_bytes(header, data=b""):
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


BAD_HEADERS = [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (True,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9223372036854775807, 3), }",
    f"{{'descr': '<f8', 'fortran_order': False, 'shape': (1{'0' * 400},), }}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'shape': (1,), }",
    "{'descr': 'zz', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f8', 'fortran_order': 7, 'shape': (1,), }",
    "{'descr': ('a', 'fortran_order': False",
    "(" * 200,
    "[" * 5000,
    "'''",
    "\\",
    "__import__('os').system('true')",
]


@pytest.mark.parametrize("header", BAD_HEADERS)
def test_a_malformed_npy_header_is_one_clear_error(tmp_path, header):
    content = npy_bytes(header, bytes(8))
    (tmp_path / "X.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"X: .*X\.npy: expected") as caught:
        npy.read_npy(tmp_path / "X.npy", "X")
    assert "\n" not in str(caught.value)
    archive(tmp_path / "W.npz", content=content)
    with pytest.raises(ValueError, match=r"expected an \.npz file with W"):
        read_npz(tmp_path / "W.npz", ("W",))


def test_encrypted_unknown_and_corrupt_members_are_one_clear_error(tmp_path):
    path = tmp_path / "W.npz"
    raw = archive(path)
    directory = raw.index(b"PK\x01\x02")
    spoilt = {"encrypted": (directory + 8, 1), "compression": (directory + 10, 99)}
    for reason, (place, byte) in spoilt.items():
        broken = raw.copy()
        broken[place] |= byte
        broken[place - directory - 2 if reason == "encrypted" else 8] |= byte
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=reason):
            read_npz(path, ("W",))
    raw = archive(path, method=zipfile.ZIP_DEFLATED)
    start = raw.index(b"W.npy") + 5
    raw[start : start + 6] = b"\xff" * 6
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"expected an \.npz file with W"):
        read_npz(path, ("W",))


def test_bombs_are_refused_before_they_are_inflated(tmp_path, monkeypatch):
    """3 MB that would inflate to gigabytes: refused by the header, as is a member that claims too little."""
    path = tmp_path / "bomb.npz"
    size = 2**27  # 1 GiB of float64 would take a while to write; the bound is lowered with it
    header = npy_bytes(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size},), }}")
    archive(path, content=header + bytes(size), method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < size / 500
    monkeypatch.setattr(npy, "require_memory", lambda *_: pytest.fail("the data were nearly read"))
    with pytest.raises(ValueError, match="MiB when decompressed"):
        read_npz(path, ("W",))


def test_the_bound_on_inflation_leaves_room_for_real_data():
    storage.check_inflation("train-images", 47_040_016, 9_912_422)
    storage.check_inflation("zeros", storage.SMALL, 10)
    with pytest.raises(ValueError, match="64 MiB"):
        storage.check_inflation("zeros", storage.SMALL + 1, 10)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain γ.csv", "plain γ.csv"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("x\u202egnp.exe", "x\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_names_are_printed_without_commands_to_the_terminal(text, shown):
    assert printable(text) == shown
    printable(text).encode("utf-8")
