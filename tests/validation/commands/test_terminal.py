"""How commands meet a terminal: its encoding, its width, a reader that leaves, an interrupt, a full disk."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import typer

from validation.commands import console, terminal
from validation.report.junit import write_junit

ROOT = Path.cwd()
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "FA_REF_MNIST"}
COMMANDS = ("verify", "train", "theory", "certify", "figure2", "figure3", "dropout", "errata", "bench")
SMALL = ("train", "--n", "3", "--d", "3", "--p", "8", "--steps", "20")


def fa_ref(*words, stdout=subprocess.PIPE, cwd=None, **variables):
    command = [sys.executable, "-m", "validation.commands.cli", *map(str, words)]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1"} | variables
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, env=environment, cwd=cwd or ROOT, check=False, timeout=120
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16-le"])
def test_help_of_every_command_in_any_encoding(encoding):
    script = (
        "import sys\nfrom validation.commands import cli\n"
        f"for command in {('', *COMMANDS)}:\n"
        "    sys.argv = ['fa-ref', *command.split(), '-h']\n"
        "    try:\n        cli.main()\n    except SystemExit as end:\n        assert end.code == 0, command\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=120,
        env=ENVIRONMENT | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "UnicodeEncodeError".encode(encoding) not in done.stderr


def test_results_in_an_encoding_without_greek():
    done = fa_ref("theory", "--n", 2, "--d", 3, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode("cp1252")
    assert "gamma" in said
    assert "?" not in said


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("γ ≥ 0", "gamma >= 0"),
        ("‖e(t)‖²", "||e(t)||^2"),
        ("η√p", "etasqrtp"),
        ("xᵢ", "xi"),
        ("é", "e"),
        ("🙂", "\\U0001f642"),
    ],
)
def test_what_an_encoding_lacks_is_spelt(text, spelt):
    terminal.prepare_streams()
    assert text.encode("ascii", "fa_ref.spell") == spelt.encode()


@pytest.mark.parametrize("words", [SMALL, ("--help",)])
def test_a_reader_that_leaves_early_is_no_error_and_costs_no_file(tmp_path, words):
    """As in ``fa-ref train | head -1``, with a reader that is gone before anything is written."""
    read, write = os.pipe()
    os.close(read)
    out = tmp_path / "run.csv"
    try:
        done = fa_ref(*words, *(("--out", out) if words == SMALL else ()), stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    if words == SMALL:
        assert out.read_text().startswith("step,loss")


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_a_full_disk_ends_with_one_line_and_leaves_the_device(option, call):
    status, _, err = call(*SMALL, option, "/dev/full")
    assert (status, err) == (2, "fa-ref: [Errno 28] No space left on device\n")
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("words", [SMALL, ("train", "--help")])
def test_output_that_cannot_be_written_ends_with_one_line(words):
    with Path("/dev/full").open("wb") as full:
        done = fa_ref(*words, stdout=full)
    assert (done.returncode, done.stderr) == (2, b"fa-ref: [Errno 28] No space left on device\n")


def test_out_may_be_standard_output():
    done = fa_ref(*SMALL, "--out", "/dev/stdout")
    assert done.returncode == 0, done.stderr
    assert "step,loss" in done.stdout.decode()


def test_a_name_that_is_not_utf8_does_not_lose_the_report(tmp_path, monkeypatch, call):
    name = os.fsdecode(b"caf\xe9\x1b[31m.npy")
    np.save(tmp_path / name, np.eye(3)[:2])
    np.save(tmp_path / "y.npy", [1.0, -1.0])
    monkeypatch.chdir(tmp_path)
    status, out, err = call("verify", "--X", name, "--y", "y.npy", "--only", "3.2", "--steps", 2, "--report", "out",
                            "--json", "out.json")  # fmt: skip
    assert status == 0, err
    assert "\x1b" not in out
    assert "caf\\xe9\\x1b[31m.npy" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "out.json").exists()


def test_escapes_in_a_wrong_name_are_not_obeyed(tmp_path, call):
    status, _, err = call("verify", "--X", "\x1b[31mgone.csv", "--y", "y.npy", "--report", tmp_path)
    assert status == 2
    assert "\x1b" not in err
    assert "--X: expected a file, got \\x1b[31mgone.csv" in err


def test_narrow_terminals_keep_every_digit(monkeypatch, capsys):
    row = {"claim": "Theorem 3.2", "setting": "Gaussian inputs, tanh, p = 6400", "verdict": "not applicable",
           "slack": "-1.23e-05 (3.1)", "value": "3.459e+09", "worst step": "299", "other": "6.022e+23"}  # fmt: skip
    words, narrowest = " ".join(row.values()).split(), len("worst step" + "applicable") + 5
    for columns in range(1, 201):
        monkeypatch.setenv("COLUMNS", str(columns))
        console.print_table([row, row])
        said = capsys.readouterr().out
        assert max(map(len, said.splitlines())) <= max(columns, narrowest)
        for word in words:
            assert said.split().count(word) >= 2, (columns, word)


def test_a_fault_of_ours_is_not_a_violation(capsys):
    """Status 1 means that a theorem was violated: a bug must not say that."""

    def broken() -> None:
        raise KeyError("bug")

    with pytest.raises(SystemExit) as ended:
        terminal.ending_well(broken)()
    assert ended.value.code == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ValueError("a\nb"), OSError("full"), OverflowError("big"), RecursionError("deep")]
)
def test_a_users_mistake_is_one_line(error, capsys):
    def mistaken() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        terminal.ending_well(mistaken)()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_what_typer_raises_passes(capsys):
    def leaving() -> None:
        raise typer.Exit(1)

    with pytest.raises(typer.Exit):
        terminal.ending_well(leaving)()


def test_an_interrupt_says_what_was_kept(capsys):
    def interrupted(message: str) -> None:
        raise terminal.Interrupted(message) if message else KeyboardInterrupt

    for message, said in (("", "interrupted; nothing was written"), ("3 cells kept", "interrupted; 3 cells kept")):
        with pytest.raises(SystemExit) as ended:
            terminal.ending_well(interrupted)(message)
        assert ended.value.code == 130
        assert capsys.readouterr().err == f"fa-ref: {said}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--n", "1" + "0" * 400),
        ("train", "--p", "1" + "0" * 400),
        ("train", "--steps", "1" + "0" * 400),
        ("train", "--eta", "1e400"),
        ("certify", "--steps", "1" + "0" * 400, "--n", "2", "--d", "2", "--eta", "nan"),
        ("bench", "--widths", ""),
        ("bench", "--activations", ""),
        ("theory", "--limits", "--widths", "1" + "0" * 400),
        ("theory", "--delta", "2"),
        ("theory", "--p", "1" + "0" * 5000),
        ("train", "--rule", "up"),
        ("train", "--engine", "fast"),
        ("train", "--cutoff", "5"),
        ("train", "--standardise"),
        ("train", "--no-header"),
    ],
)
def test_absurd_options_end_with_status_2(words, call):
    status, _, err = call(*words)
    assert status == 2, err
    assert "Traceback" not in err


def test_sizes_beside_files_are_refused(tmp_path, call):
    np.save(tmp_path / "X.npy", np.eye(3)[:2])
    np.save(tmp_path / "y.npy", [1.0, -1.0])
    for command in ("train", "theory", "certify"):
        for size in ("--n", "--d"):
            status, _, err = call(command, "--X", tmp_path / "X.npy", "--y", tmp_path / "y.npy", size, 3)
            assert status == 2
            assert err == f"fa-ref: {size} cannot be combined with --X and --y, whose data are used\n"


def test_junit_is_xml_whatever_the_names(tmp_path):
    write_junit(tmp_path / "out.xml", [("a\x1b[31m\ud800", True, "x\x00y"), ("b", False, "line\nline")], "suite")
    cases = list(ElementTree.parse(tmp_path / "out.xml").getroot())
    assert [case.get("name") for case in cases] == ["a\\x1b[31m\\ud800", "b"]
    assert cases[0][0].text == "x\\x00y"


def test_ctrl_c_keeps_the_steps_taken(tmp_path):
    words = ("train", "--n", 20, "--d", 20, "--p", 500, "--steps", 50_000_000, "--engine", "ordered")
    command = [sys.executable, "-m", "validation.commands.cli", *map(str, words), "--out", tmp_path / "run.csv"]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        try:
            lines = [running.stdout.readline() for _ in range(3)]  # the setting, the headings, step 0
            running.send_signal(signal.SIGINT)
            _, err = running.communicate(timeout=30)
        finally:
            running.kill()
    assert lines[2].split()[0] == b"0"
    assert running.returncode == 130, err
    assert b"interrupted; steps 0 to " in err
    assert b"Traceback" not in err
    assert (tmp_path / "run.csv").read_text().startswith("step,loss")
