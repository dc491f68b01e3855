"""Mutation testing: change one operator of one file at a time, and see whether the fast tests notice.

    python tests/nightly/mutation.py                                  # a sample of every file in TARGETS
    python tests/nightly/mutation.py --sample 60 theory/margins.py    # of one file
    python tests/nightly/mutation.py --json scores.json --seed 3

Each file's tests are collected once. Every mutant gets a forked copy of that process, where the changed function
(or constant) replaces the old one. The tests that run the changed line follow, those of the first file in TARGETS
first, up to BUDGET seconds, until one fails. Nothing on disk is changed. Files with compiled functions are run
interpreted, so that these lines can be changed, too.

A mutant counts as killed when a test fails or takes ten times its time. Those of `equivalent.toml`, each with the
reason why no test can notice it, do not count, and one of them that a test does notice is an error. Not mutated:
text, annotations, default values, decorators, and what is raised. The interval is Wilson's, 95 %, for all mutants
of the file.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import CodeType, FunctionType

sys.path.insert(0, str(Path(__file__).parent))
from mutants import EQUIVALENT, mutants

ROOT = Path(__file__).parents[2]

LEMMAS = "levels_again rounding_again bounds_again margins lemma_edges"
CERTIFICATES = (
    "certificates_plainly rounding_again bounds_again balls tubes certified_alignment certificates checker"
)
KERNELS = "moments_plainly hermite_again gaussian kernel_scale kernels"
NONLINEAR = (
    "alignment_levels sharp_plainly extreme_numbers nonlinear_alignment nonlinear_widths nonlinear_survival"
    " nonlinear_limit"
)
JUDGE = "tests/validation/judge"


def _theory(names):
    found = (file for name in names.split() for file in (ROOT / "tests/theory").rglob(f"test_{name}.py"))
    return " ".join(str(file.relative_to(ROOT)) for file in found)


#: A file, and the tests that are meant to notice what changes in it.
TARGETS = {
    "fa_ref/loops.py": "tests/fa_ref/test_loops.py tests/fa_ref/engines/test_ordered.py",
    "fa_ref/engines/ordered/kernels.py": "tests/fa_ref/engines/test_ordered.py tests/fa_ref/test_loops.py",
    "fa_ref/engines/reduced/engine.py": "tests/fa_ref/engines/test_reduced.py",
    "fa_ref/engines/reduced/averages.py": "tests/fa_ref/engines/test_reduced.py",
    "theory/margins.py": _theory("margins closing") + " theory/margins.py",
    "theory/convergence/start.py": _theory(LEMMAS) + " theory/convergence/start.py",
    "theory/convergence/lemmas_3_2.py": _theory(LEMMAS),
    "theory/convergence/lemmas_sharper.py": _theory(LEMMAS),
    "theory/convergence/lemmas_4_3.py": _theory(LEMMAS),
    "theory/convergence/closing.py": _theory("largest_rate " + LEMMAS + " constants closing"),
    "theory/convergence/constants.py": _theory("largest_rate " + LEMMAS + " constants closing"),
    "theory/convergence/levels.py": _theory(LEMMAS),
    "theory/convergence/measured_step.py": _theory("rounding_again convergence"),
    "theory/convergence/theorem_4_3.py": _theory(LEMMAS) + " theory/convergence/theorem_4_3.py",
    "theory/convergence/widths_3_2.py": _theory(LEMMAS),
    "theory/certificates/tubes.py": _theory(CERTIFICATES),
    "theory/certificates/from_state.py": _theory(CERTIFICATES),
    "theory/certificates/alignment.py": _theory(CERTIFICATES),
    "theory/certificates/balls.py": _theory(CERTIFICATES),
    "theory/certificates/definite.py": _theory(CERTIFICATES),
    "theory/kernels/hermite.py": _theory(KERNELS),
    "theory/kernels/moments.py": _theory(KERNELS),
    "theory/kernels/eigenvalues.py": _theory("eigenvalues " + KERNELS) + " theory/kernels/eigenvalues.py",
    "theory/kernels/one_step.py": _theory("dynamics rounding_again kernels convergence lemmas"),
    "theory/kernels/isometry.py": _theory("isometry levels_again"),
    "theory/alignment/nonlinear/levels.py": _theory(NONLINEAR),
    "theory/alignment/nonlinear/closed.py": _theory(NONLINEAR),
    "theory/alignment/nonlinear/sharp.py": _theory(NONLINEAR),
    "validation/judge/rounding.py": JUDGE,
    "validation/judge/probability.py": JUDGE,
    "validation/judge/inequalities.py": JUDGE,
    "validation/judge/verdicts.py": JUDGE,
    "validation/theorems/inequality_3_1.py": "tests/validation/theorems " + JUDGE,
    "validation/theorems/inequality_3_2.py": "tests/validation/theorems " + JUDGE,
    "validation/theorems/theorem_3_2.py": "tests/validation/theorems " + JUDGE,
    "validation/theorems/theorem_4_3.py": "tests/validation/theorems " + JUDGE,
}

#: A test that takes longer than this (seconds of the processor, traced) is left out; a mutant gets BUDGET seconds.
SLOWEST, BUDGET = 2.0, 12.0

# --- in a forked copy of the tests' process


def install(module, text, original):
    """Put the mutant's code and constants where the module's are, in place, for all who have imported them."""
    old = compile(ast.unparse(ast.parse(original)), module.__file__, "exec", dont_inherit=True)
    new = compile(text, module.__file__, "exec", dont_inherit=True)
    before, after = _functions(old), _functions(new)
    for name, code in after.items():
        if _essence(code) != _essence(before[name]):
            _live(module, name).__code__ = code
    _replace_constants(module, original, text)


def _functions(code, prefix=""):
    found = {}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            name = prefix + constant.co_name
            if constant.co_flags & 0x02:  # "new locals": a function; a class body has none
                found[name] = constant
            else:
                found |= _functions(constant, name + ".")
    return found


def _essence(code):
    inner = tuple(_essence(c) if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, inner


def _live(module, name):
    where = module
    for part in name.split("."):
        where = vars(where)[part]
    while not isinstance(where, FunctionType):
        inner = (getattr(where, key, None) for key in ("__wrapped__", "fget", "func", "__func__", "py_func"))
        where = next(value for value in inner if value is not None)
    while hasattr(where, "__wrapped__"):
        where = where.__wrapped__
    return where


def _replace_constants(module, original, text):
    for old, new in zip(ast.parse(original).body, ast.parse(text).body, strict=True):
        if isinstance(old, ast.Assign) and ast.dump(old) != ast.dump(new):
            space = dict(vars(module))
            exec(compile(ast.Module([new], []), module.__file__, "exec"), space)
            for target in (
                name.id for part in new.targets for name in ast.walk(part) if isinstance(name, ast.Name)
            ):
                was = vars(module)[target]
                for other in list(sys.modules.values()):
                    if getattr(other, target, None) is was and hasattr(other, "__dict__"):
                        setattr(other, target, space[target])


class Runner:
    """A plugin that takes over pytest's loop: measures each test, then runs the mutants, each in a fork."""

    def __init__(self, targets, sample, seed, out):
        self.targets, self.sample, self.seed, self.out = targets, sample, seed, Path(out)
        self.files: list[str] = []

    def pytest_runtestloop(self, session):
        items = [item for item in session.items if item.get_closest_marker("nightly") is None]
        measured = {}
        self.files = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in session.items))
        interpreted = os.environ.get("NUMBA_DISABLE_JIT") == "1"
        limits = (SLOWEST + 1,) if interpreted else (60, SLOWEST + 1)  # the first may compile what the second reads
        for item in items:
            for limit in limits:
                found = _fork(lambda item=item: self._trace(item), limit)
                if found and found["passed"] and found["seconds"] <= SLOWEST:
                    measured[item] = found
                    break
        with self.out.open("w") as stream:
            for target in self.targets:
                begun = time.process_time()
                report = {"file": target, "tests": len(measured), "left_out": len(items) - len(measured)}
                report |= self._mutate(target, measured)
                times = os.times()
                report["seconds"] = times.user + times.children_user - begun
                stream.write(json.dumps(report) + "\n")
                stream.flush()
        return True

    def _mutate(self, target, measured):
        source = (ROOT / target).read_text(encoding="utf-8")
        every, results = list(mutants(source)), []
        chosen = random.Random(self.seed).sample(every, min(self.sample, len(every)))
        same = ast.unparse(ast.parse(source))  # "return None" for "return None" is no mutant
        chosen = [mutant for mutant in chosen if mutant[-1] != same]
        for line, before, after, text in sorted(chosen, key=lambda mutant: mutant[0]):
            known = sorted(
                (self.files.index(i.nodeid.partition("::")[0]), m["seconds"], k, i)
                for k, (i, m) in enumerate(measured.items())
                if target in m["lines"]
            )
            through = [test for test in known if line in measured[test[-1]]["lines"][target]]
            tests = self._within_budget(through or known)  # a changed constant is on no line of a function
            allowed = 10 * sum(test[1] for test in tests) + 5
            found = _fork(lambda *given: _judge(*given), allowed, target, text, source, [i for *_, i in tests])
            results.append(
                {"line": line, "before": before, "after": after, "tests": len(tests), "by": (found or {}).get("by"),
                 "status": "timeout" if found is None else found["status"]}
            )  # fmt: skip
        return {"mutants": len(every), "results": results}

    @staticmethod
    def _within_budget(tests):
        kept, total = [], 0.0
        for test in tests:
            total += test[1]
            if total > BUDGET and kept:
                break
            kept.append(test)
        return kept

    def _trace(self, item):
        files = {str(ROOT / target): target for target in self.targets}
        lines = {}

        def local(frame, event, arg):
            lines[frame.f_code.co_filename].add(frame.f_lineno)
            return local

        def trace(frame, event, arg):
            if frame.f_code.co_filename in files:
                lines.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
                return local
            return None

        sys.settrace(trace)
        started = time.process_time()
        passed = _passes(item)
        sys.settrace(None)
        found = {files[name]: sorted(seen) for name, seen in lines.items()}
        return {"passed": passed, "seconds": time.process_time() - started, "lines": found}


def _passes(item):
    """Whether no part of a test fails, nor is skipped."""
    return all(report.passed for report in _reports(item))


def _reports(item):
    from _pytest.runner import runtestprotocol

    return runtestprotocol(item, nextitem=None, log=False)


def _judge(target, text, original, items):
    try:
        install(sys.modules[target.removesuffix(".py").replace("/", ".")], text, original)
    except Exception as error:
        return {"status": f"not installed: {error!r}"}
    for item in items:
        if any(report.failed for report in _reports(item)):
            return {"status": "killed", "by": item.nodeid}
    return {"status": "survived"}


def _fork(work, seconds, *given):
    """Return what ``work`` returns in a forked copy of this process; None after ``seconds``, or if it dies."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        signal.setitimer(signal.ITIMER_PROF, seconds)  # of the processor; the signal ends the process
        signal.alarm(math.ceil(60 * seconds))  # of the clock
        try:
            os.write(writer, json.dumps(work(*given)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def wilson(killed, total, z=1.96):
    """Return the interval for a share, of which ``killed`` out of ``total`` were seen."""
    if not total:
        return 0.0, 1.0
    share, square = killed / total, z * z / total
    middle, half = share + square / 2, z * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def inside(targets, sample, seed, out):
    """Collect the targets' common tests in this process and judge their mutants."""
    import pytest

    os.chdir(ROOT)
    tests = [test for test in TARGETS.get(targets[0], "tests").split() if (ROOT / test).exists()]
    for target in targets:
        __import__(target.removesuffix(".py").replace("/", "."))
    arguments = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", *tests]
    return pytest.main(arguments, plugins=[Runner(targets, sample, seed, out)])


def groups(files):
    """Files with the same tests and the same need to be run interpreted, together."""
    found = {}
    for file in files:
        compiled = "njit" in (ROOT / file).read_text(encoding="utf-8")
        found.setdefault((TARGETS.get(file, "tests"), compiled), []).append(file)
    return found


def reason(file, result):
    """Why a mutant is equivalent, if `equivalent.toml` says so; a line is known by its text."""
    line = (ROOT / file).read_text(encoding="utf-8").splitlines()[result["line"] - 1].strip()
    mutant = {"line": line, "before": result["before"], "after": result["after"]}
    return next((known["why"] for known in EQUIVALENT.get(file, []) if mutant.items() <= known.items()), None)


def show(report):
    """Print a file's score and survivors; return how many were killed, of how many, and how many wrongly listed."""
    results = [r for r in report["results"] if not r["status"].startswith("not installed")]
    known = [(r, reason(report["file"], r)) for r in results]
    counted = [r for r, why in known if why is None]
    killed = sum(r["status"] != "survived" for r in counted)
    least, most = wilson(killed, len(counted))
    interval = f"[{least:.2f}, {most:.2f}]"
    print(f"{report['file']:42} {killed:6} of {len(counted):3}, all {report['mutants']:4}  {interval}", flush=True)
    wrong = 0
    for result, why in known:
        survived, what = result["status"] == "survived", f"{result['before']!r} -> {result['after']!r}"
        if survived:
            print(f"    {result['line']}: {what} ({result['tests']} tests){f': equivalent, {why}' if why else ''}")
        elif why:
            print(
                f"    {result['line']}: {what} is listed as equivalent, and {result['by'] or 'its time'} shows it"
            )
            wrong += result["status"] == "killed"  # a machine that is busy makes anything slow
    return killed, len(counted), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", default=[])
    parser.add_argument("--sample", type=int, default=30, help="mutants a file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="write every result there")
    parser.add_argument("--least", type=float, default=0.0, help="fail if a file's share of killed mutants is less")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options.files, options.sample, options.seed, options.inside)
    found, failed, sums = [], False, (0, 0)
    for (_, compiled), files in groups(options.files or TARGETS).items():
        out = Path(tempfile.gettempdir()) / f"mutation-{os.getpid()}.jsonl"
        environment = {**os.environ, "NUMBA_DISABLE_JIT": str(int(compiled)), "OPENBLAS_NUM_THREADS": "1",
                       "NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HYPOTHESIS_PROFILE": "dev"}  # fmt: skip
        command = [sys.executable, __file__, *files, "--sample", str(options.sample), "--seed", str(options.seed)]
        run = subprocess.run([*command, "--inside", str(out)], env=environment, capture_output=True, text=True)
        reports = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
        out.unlink(missing_ok=True)
        for report in reports:
            killed, counted, wrong = show(report)
            sums = sums[0] + killed, sums[1] + counted
            failed |= wrong > 0 or (counted > 0 and killed / counted < options.least)
        if len(reports) < len(files):
            print(f"{files}: did not run to the end\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
            failed = True
        found += reports
    print(f"{sums[0]} of {sums[1]} killed; seed {options.seed}")
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
