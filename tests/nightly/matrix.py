"""The suite over every Python, dependency set and way of compiling that this machine has: a table, green or not.

    python tests/nightly/matrix.py                       # a subset of the tests in every cell
    python tests/nightly/matrix.py --full                # the whole fast suite in every cell
    python tests/nightly/matrix.py --only lowest,no-jit  # some cells
    python tests/nightly/matrix.py --tests tests/theory/convergence/test_margins.py

A cell is an environment (of its own, kept under --folder, for other interpreters and dependencies) and environment
variables. Interpreters are looked for on PATH and among pyenv's and uv's. What is missing is skipped by name.
Environments are made with uv where it is installed; the lowest versions need it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Every floor, the refusals, the commands, and the proofs' bounds: what differs first where versions differ.
SUBSET = [
    "tests/fa_ref/test_loops.py", "tests/fa_ref/test_setting.py", "tests/fa_ref/test_inputs.py",
    "tests/fa_ref/test_training.py", "tests/fa_ref/_support/test_storage.py",
    "tests/theory/convergence/test_bounds_again.py", "tests/theory/convergence/test_levels_again.py",
    "tests/theory/convergence/test_margins.py", "tests/validation/judge/test_truth.py",
    "tests/validation/commands/test_options.py", "tests/validation/commands/test_terminal.py",
    "tests/test_layers.py",
]  # fmt: skip
#: Under -OO the tests' own asserts are gone; what is left of these is that bad input is refused, and how.
REFUSALS = ["tests/fa_ref/test_inputs.py", "tests/fa_ref/test_setting.py", "tests/fa_ref/_support/test_storage.py"]
COMMANDS = [
    ["--help"], ["--version"], ["verify", "--only", "identity", "--data", "digits", "--draws", "8"],
    ["certify", "--n", "3", "--d", "6", "--p", "300"],
]  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One column of the table."""

    name: str
    python: str = ""  # version; this interpreter's own environment if empty
    resolution: str = ""  # of uv; the newest versions if empty
    variables: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()  # in place of those that all cells run
    commands: bool = False


CELLS = [
    Cell("here"),
    *(Cell(f"python{version}", version) for version in ("3.11", "3.12", "3.13", "3.14")),
    Cell("lowest", "3.11", "lowest-direct"),
    Cell("no-jit", variables={"NUMBA_DISABLE_JIT": "1"}),
    Cell("no-asserts", flags=("-OO",), tests=tuple(REFUSALS), commands=True),
    Cell(
        "no-avx512", variables={"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx,+sse4.2,+bmi2"}
    ),
    Cell("generic", variables={"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}),
]


def interpreter(version: str) -> str | None:
    """Find a Python of this version: on PATH, of pyenv, or of uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [shutil.which(f"python{version}"), *(pyenv.glob(f"{version}.*/bin/python") if pyenv.is_dir() else ())]
    if uv := uv_command():
        done = subprocess.run(
            [*uv, "python", "find", "--no-python-downloads", version], capture_output=True, text=True
        )
        places += done.stdout.split() if done.returncode == 0 else []
    for place in filter(None, places):
        done = subprocess.run([str(place), "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
                              capture_output=True, text=True)  # fmt: skip
        if done.stdout.strip() == version:
            return str(place)
    return None


def uv_command() -> list[str] | None:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    return [found] if found else None


def environment(cell: Cell, folder: Path) -> tuple[str | None, str]:
    """Return the cell's Python, made if need be; None with the reason why it cannot be had."""
    if not cell.python:
        return sys.executable, ""
    base, uv = interpreter(cell.python), uv_command()
    if base is None:
        return None, f"no Python {cell.python} on this machine"
    if uv is None and cell.resolution:
        return None, "uv is not installed"
    python = folder / cell.name / "bin" / "python"
    subprocess.run([base, "-m", "venv", "--clear", str(folder / cell.name)], check=True, capture_output=True)
    install = [*uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip", "install"]
    install += ["--resolution", cell.resolution] if cell.resolution else []
    done = subprocess.run([*install, "--quiet", f"{ROOT}[test,rigorous]"], capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        return None, "does not install: " + " ".join(lines)[:300]
    return str(python), ""


def run(cell: Cell, python: str, subset: list[str]) -> tuple[bool, str, str]:
    """Run the cell's tests; whether they passed, pytest's last line, and the whole output."""
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", **cell.variables}
    if cell.python:  # compiled code of other versions has a place of its own
        variables["NUMBA_CACHE_DIR"] = str(Path(python).parents[1] / "compiled")
    tests = list(cell.tests) if cell.tests else subset
    flags = ["-W", "ignore::pytest.PytestConfigWarning"] if cell.flags else []
    command = [python, *cell.flags, "-m", "pytest", "-q", "-p", "no:cacheprovider", *flags, *tests]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    output, lines = done.stdout + done.stderr, [line for line in done.stdout.splitlines() if line.strip()]
    good, said = done.returncode == 0, lines[-1].strip("= ") if lines else "no output"
    for words in COMMANDS if cell.commands else ():
        with tempfile.TemporaryDirectory() as elsewhere:
            again = [python, *cell.flags, "-m", "validation.commands.cli", *words]
            ended = subprocess.run(again, cwd=elsewhere, env=variables | {"PYTHONPATH": str(ROOT)},
                                   capture_output=True, text=True)  # fmt: skip
        if ended.returncode:
            good, said = False, f"fa-ref {' '.join(words)}: exit {ended.returncode}"
            output += ended.stdout + ended.stderr
    return good, said, output


def versions(python: str) -> str:
    """Python and the libraries on which numbers depend."""
    names = "numpy, scipy, numba"
    code = f"import sys, {names}; print(sys.version.split()[0], *(m.__version__ for m in ({names})))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or "?"


def main() -> int:
    """Run the cells and print the table; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the whole fast suite, in place of the subset")
    parser.add_argument("--tests", help="files of tests, separated by commas, in place of the subset")
    parser.add_argument("--only", help="names of cells, separated by commas")
    parser.add_argument("--folder", type=Path, help="where environments are made; temporary if not given")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [cell.name for cell in CELLS]
    if unknown := set(wanted) - {cell.name for cell in CELLS}:
        parser.error(f"--only: expected some of {', '.join(cell.name for cell in CELLS)}, got {', '.join(unknown)}")
    folder, failed = options.folder or Path(tempfile.mkdtemp(prefix="matrix-")), []
    subset = [] if options.full else options.tests.split(",") if options.tests else SUBSET
    print(f"{len(subset) or 'all'} files of tests a cell")
    print(f"{'cell':12} {'result':8} {'python numpy scipy numba':32} {'s':>5}  what pytest says")
    for cell in (cell for cell in CELLS if cell.name in wanted):
        begun = time.monotonic()
        python, why = environment(cell, folder)
        if python is None:
            installs = not why.startswith("does not install")
            failed += [] if installs else [cell.name]
            print(f"{cell.name:12} {'skipped' if installs else 'FAILED':8} {'':32} {'':5}  {why}", flush=True)
            continue
        good, said, output = run(cell, python, subset)
        failed += [] if good else [cell.name]
        took = time.monotonic() - begun
        print(
            f"{cell.name:12} {'passed' if good else 'FAILED':8} {versions(python):32} {took:5.0f}  {said}",
            flush=True,
        )
        if not good:
            shown = re.findall(r"^(?:FAILED|ERROR|E  ) .*$", output, re.M)[:20] or output.splitlines()[-20:]
            print("\n".join(f"    {line[:200]}" for line in shown))
    if options.folder is None:
        shutil.rmtree(folder)
    print("failed: " + ", ".join(failed) if failed else "all cells that this machine has are green")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
