"""Everything that is too long for every commit, in one command: how long each part took, and what it skipped.

    python tests/nightly/run.py                 # all parts, one after the other
    python tests/nightly/run.py --only tests,mutation
    python tests/nightly/run.py --list

Exit status 1 if a part failed. A part that this machine cannot run is skipped by name, and so is each test.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: Times that the fast suite is repeated: no test may fail now and then.
REPEATS = 20


def called(command: list[str], **variables: str) -> tuple[bool, str]:
    """Run a command of ours in the checkout; whether it succeeded, and what it printed."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def pytest(*arguments: str, **variables: str) -> tuple[bool, str]:
    """Run pytest, and keep its last line, its skips with their reasons and its failures."""
    good, output = called([sys.executable, "-m", "pytest", "-q", "-rsfE", *arguments], **variables)
    kept = [line for line in output.splitlines() if re.match(r"(SKIPPED|FAILED|ERROR) ", line)]
    return good, "\n".join([*kept, *output.strip().splitlines()[-1:]])


def nightly_tests() -> tuple[bool, str]:
    """Run the tests marked nightly, with Hypothesis' longest profile."""
    return pytest("-m", "nightly", HYPOTHESIS_PROFILE="nightly")


def without_compiler() -> tuple[bool, str]:
    """Run the fast suite interpreted, and measure which lines it runs."""
    if importlib.util.find_spec("pytest_cov") is None:
        return True, "skipped: pytest-cov is not installed"
    cover = [f"--cov={floor}" for floor in ("fa_ref", "theory", "validation")]
    good, output = pytest(*cover, "--cov-report=term", "--timeout=3600", NUMBA_DISABLE_JIT="1")
    return good, output


def repeated() -> tuple[bool, str]:
    """Run the fast suite again and again, on two processes where pytest-xdist is installed."""
    parallel = ["-n", "2"] if importlib.util.find_spec("xdist") else []
    failures = [output for good, output in (pytest(*parallel) for _ in range(REPEATS)) if not good]
    return not failures, "\n".join(failures) or f"{REPEATS} runs, all green"


def matrix() -> tuple[bool, str]:
    """Run a subset of the suite over Pythons, dependencies and ways of compiling."""
    return called([sys.executable, str(HERE / "matrix.py")])


def mutation() -> tuple[bool, str]:
    """Mutate the proofs and the judge; nine tenths of a file's mutants have to be noticed."""
    return called([sys.executable, str(HERE / "mutation.py"), "--sample", "20", "--least", "0.9"])


PARTS: dict[str, Callable[[], tuple[bool, str]]] = {
    "tests": nightly_tests, "matrix": matrix, "mutation": mutation, "interpreted": without_compiler,
    "repeated": repeated,
}  # fmt: skip


def main() -> int:
    """Run the parts that are wanted; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--list", action="store_true", help="name the parts and end")
    options = parser.parse_args()
    if options.list:
        for name, part in PARTS.items():
            print(f"{name:12} {part.__doc__}")
        return 0
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"--only: expected some of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    lines, failed = [], False
    for name in wanted:
        print(f"== {name}: {PARTS[name].__doc__}", flush=True)
        begun = time.monotonic()
        good, output = PARTS[name]()
        took, failed = time.monotonic() - begun, failed or not good
        print(output, flush=True)
        skips = len(re.findall(r"^SKIPPED|^\S+ +skipped|^skipped", output, re.M))
        lines.append(f"{name:12} {'passed' if good else 'FAILED':8} {took / 60:7.1f} min  {skips} skipped")
    print("\n".join(["", *lines, *(f"{name:12} not run" for name in PARTS if name not in wanted)]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
