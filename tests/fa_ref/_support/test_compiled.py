"""Compiled code on disk is that of the source as it is now, wherever it is installed, and no disk is needed."""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fa_ref._support import compiled

ROOT = Path(__file__).parents[3]
FLOORS = ("fa_ref", "theory", "validation")


@pytest.fixture
def checkout(tmp_path):
    """A copy of the source without compiled code, whose cache is its own."""
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, tmp_path / floor, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(code, checkout, **changes):
    """What the code prints in the checkout."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(checkout), "NUMBA_NUM_THREADS": "1", **changes}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def edit(file, before, after):
    """Change a file, and its date: Python's own cache of bytecode compares dates in seconds, and sizes."""
    text = file.read_text()
    assert before in text, f"{file.name} no longer has {before!r}"
    file.write_text(text.replace(before, after, 1))
    later = file.stat().st_mtime + 2
    os.utime(file, (later, later))


TRAIN = """
import numpy as np
from fa_ref import Network, Problem, train
rng = np.random.default_rng(0)
problem = Problem(rng.standard_normal((3, 5)), rng.standard_normal(3))
run = train(problem, Network.gaussian(7, 5, rng), "PSI", eta=0.1, steps=3, engine="ENGINE")
print(run.residuals.tolist(), {name: values.tolist() for name, values in run.measures.items()})
"""


def training(psi, engine, rule="fa"):
    return TRAIN.replace("PSI", psi).replace('"ENGINE"', f'"{engine}", rule="{rule}"')


CLASSIFIER = """
import numpy as np
from fa_ref.classifier import Classifier, train_classifier
from fa_ref.data.images import LabelledImages
rng = np.random.default_rng(0)
images = LabelledImages(rng.standard_normal((6, 4)), np.arange(6) % 3, k=3)
print(train_classifier(images, images, Classifier.gaussian(5, 4, 3, rng), rng, epochs=1, batch=3).loss)
"""
MEAN_RUN = """
import numpy as np
from fa_ref import Problem, schedules
from theory.limits.linear import linear_mean_run
print(linear_mean_run(Problem(np.eye(2), [1.0, 2.0]), 0.1, schedules.constant(0.1), 100, np.array([5])))
"""
HERMITE = """
import numpy as np
from theory.kernels.hermite import _add_block
from theory.kernels.quadrature import _hermite_block
table, one = np.zeros((4, 1)), np.ones(1)
_hermite_block(0, one, np.zeros(1), np.ones(1), table)
values, pair = np.zeros((2, 2)), np.full((2, 2), 0.5)
active, error = pair > 0, np.zeros((2, 2))
a, delta, root = np.ones((2, 3)), np.zeros((2, 3)), np.ones(2)
_add_block(0, 2, 0, a, delta, pair, root, root, pair.copy(), active, values, error)
print(table.tolist(), values.tolist())
"""
MEASURED = """
import numpy as np
from fa_ref import Network, Problem
from fa_ref.activations import tanh
from theory.convergence.measured_step import _Data, _outputs, _Weights
def fixed(array):
    array.setflags(write=False)
    return array
e, network = np.zeros(2), Network.gaussian(3, 2, np.random.default_rng(0)).frozen()
data = _Data(fixed(np.eye(2)), fixed(np.eye(2)), fixed(np.ones(2)))
_outputs(data, _Weights(network.W, network.beta, network.b), tanh.psi, 0, 3, e)
print(e)
"""
APPLY = "from fa_ref.activations import tanh; print(tanh([1.0]))"
DEEP = """
import numpy as np
from fa_ref import Problem
from fa_ref.deep import DeepNetwork, train_deep
rng = np.random.default_rng(0)
problem = Problem(rng.standard_normal((3, 4)), rng.standard_normal(3))
for rule in ("fa", "dfa", "bp"):
    network = DeepNetwork.gaussian(L=2, p=6, d=4, rng=rng)
    print(train_deep(problem, network, eta=0.1, steps=3, rule=rule, engine="loops").residuals.tolist())
"""
MAJORANTS = """
import numpy as np
from fa_ref import Network, Problem, Setting, schedules
from theory.alignment.nonlinear.majorants import majorants
from theory.alignment.nonlinear.measuring import measure
network = Network.gaussian(2000, 2, np.random.default_rng(0))
setting = Setting(Problem(np.eye(2), [1.0, 1.0]), network, "tanh", eta=0.3, ridge=schedules.constant(1.0))
print(majorants(*measure(setting), 4).residual.tolist())
"""
DROPOUT = """
import numpy as np
from fa_ref import Network, Problem, Setting
from validation.experiments.dropout_run import descend_with_dropout
rng = np.random.default_rng(0)
setting = Setting(Problem(np.eye(3), [1.0, -1.0, 1.0]), Network.gaussian(9, 3, rng), "tanh", eta=0.1)
print(descend_with_dropout(setting, rng, rate=0.2, times=[4]).loss.tolist())
"""

#: An edit of each file of kernels that changes what a program prints.
EDITS = [
    ("fa_ref/loops.py", training("tanh", "loops"), "feedback[r] * e[i]", "abs(feedback[r]) * e[i]"),
    ("fa_ref/learned.py", training("tanh", "loops", "hebbian"), "total += s[i]", "total += 2.0 * s[i]"),
    ("fa_ref/engines/reduced/span.py", training("linear", "reduced", "hebbian"), "+ gain * output", "+ output"),
    ("fa_ref/measures.py", training("linear", "reduced"), "beta_sum / math", "2.0 * beta_sum / math"),
    ("fa_ref/activations/psi.py", APPLY, "far = 1.0 - 2.0 *", "far = 1.0 - 2.125 *"),
    ("fa_ref/activations/activation.py", APPLY, "out[i] = function", "out[i] = 1.5 * function"),
    ("fa_ref/engines/ordered/kernels.py", training("tanh", "ordered"), "eta / math", "0.5 * eta / math"),
    ("fa_ref/engines/ordered/products.py", training("tanh", "ordered"), "[-rate_ * x", "[rate_ * x"),
    ("fa_ref/engines/reduced/kernels.py", training("linear", "reduced"), "+ plan.eta /", "+ 1.5 * plan.eta /"),
    ("fa_ref/engines/gram/kernels.py", training("relu", "gram"), "rate = plan.eta", "rate = 0.5 * plan.eta"),
    ("fa_ref/engines/gram/blocks.py", training("erf", "gram"), "f[i] += beta[r]", "f[i] += 1.5 * beta[r]"),
    ("fa_ref/engines/gram/tiles.py", training("relu", "gram"), "where(z <= 0.0, ", "where(z <= 0.25, "),
    ("fa_ref/_support/vectors.py", training("relu", "gram"), "fadd(low, high", "fsub(low, high"),
    ("fa_ref/engines/gram/vector_math.py", training("sigmoid", "gram"), "return t * where(", "return 2.0 * where("),
    ("fa_ref/classifier/kernels.py", CLASSIFIER, "loss += math.log", "loss += 2.0 * math.log"),
    ("theory/limits/linear.py", MEAN_RUN, "g + eta / root_p", "g + 2.0 * eta / root_p"),
    ("theory/kernels/hermite.py", HERMITE, "values[i, j] += total", "values[i, j] += 1.5 * total"),
    ("theory/convergence/measured_step.py", MEASURED, "e[i] += now.beta", "e[i] += 2.0 * now.beta"),
    ("theory/kernels/quadrature.py", HERMITE, "math.sqrt(k + 1.0)", "math.sqrt(k + 2.0)"),
    ("fa_ref/deep/loops.py", DEEP, "* e[i] * slopes[L - 1, r, i]", "* 2.0 * e[i] * slopes[L - 1, r, i]"),
    ("theory/alignment/nonlinear/majorants.py", MAJORANTS, "keep = exact +", "keep = 0.5 * exact +"),
    ("validation/experiments/dropout_run.py", DROPOUT, "1.0 / keep", "2.0 / keep"),
]  # fmt: skip
MARKED = [pytest.param(*case, marks=pytest.mark.nightly, id=case[0]) for case in EDITS]
CHEAP = ("fa_ref/loops.py", "fa_ref/activations/psi.py", "theory/kernels/quadrature.py")
QUICK = [pytest.param(*case, id=case[0]) for case in EDITS if case[0] in CHEAP]


@pytest.mark.parametrize("file, code, before, after", [*QUICK, *MARKED])
def test_an_edit_takes_effect_at_the_next_run_and_so_does_its_withdrawal(file, code, before, after, checkout):
    first = run(code, checkout)
    edit(checkout / file, before, after)
    changed = run(code, checkout)
    edit(checkout / file, after, before)
    assert first != changed
    assert run(code, checkout) == first


def makes_compiled_code(file):
    """Whether Numba compiles functions of the file: it imports what compiles them, from Numba or from us."""
    makers = {"njit", "jit", "vectorize", "guvectorize", "intrinsic", "cfunc"}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and makers & {alias.name for alias in node.names}:
            return True
        if isinstance(node, ast.Attribute) and node.attr in makers:
            return True
    return False


@pytest.mark.parametrize("case", EDITS, ids=lambda case: case[0])
def test_what_an_edit_replaces_is_still_there(case):
    file, _, before, _ = case
    assert before in (ROOT / file).read_text(encoding="utf-8")


def test_every_file_of_kernels_is_edited():
    """A new one belongs in `EDITS`."""
    found = {
        file.relative_to(ROOT).as_posix()
        for floor in FLOORS
        for file in (ROOT / floor).rglob("*.py")
        if makes_compiled_code(file)
    }
    found -= {"fa_ref/_support/compiled.py"}  # has no kernels of its own
    assert len(found) >= 15
    assert found <= {case[0] for case in EDITS}


def kernel_files():
    """Files with functions whose compiled code is kept on disk."""
    for floor in FLOORS:
        for file in sorted((ROOT / floor).rglob("*.py")):
            text = file.read_text()
            if "cache=True" in text and "def njit" not in text:
                yield file


def test_whatever_is_kept_on_disk_is_keyed_on_texts():
    """Numba's own njit would key it on one file only."""
    for file in kernel_files():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "numba":
                assert not {alias.name for alias in node.names} & {"njit", "jit", "vectorize", "guvectorize"}, file
        assert not re.search(r"\bnumba\.(n?jit|g?u?vectorize)\b", file.read_text()), file


def test_the_digest_is_that_of_all_files_whose_functions_may_be_compiled_in(checkout, monkeypatch):
    monkeypatch.setattr(compiled, "ROOT", checkout)
    compiled._file.cache_clear()
    try:
        gram = checkout / "fa_ref/engines/gram/kernels.py"
        before = compiled.source_digest(gram)
        gram_files = (
            "gram/blocks.py",
            "gram/tiles.py",
            "gram/vector_math.py",
            "slices.py",
            "../_support/vectors.py",
        )
        for name in gram_files:
            file = checkout / "fa_ref/engines" / name
            edit(file, "import", "import")  # its date alone
            assert compiled.source_digest(gram) == before
            file.write_text(file.read_text() + "\n# a comment")
            assert compiled.source_digest(gram) != before, name
            before = compiled.source_digest(gram)
        other = checkout / "fa_ref/training.py"
        other.write_text(other.read_text() + "\n# a comment")
        assert compiled.source_digest(gram) == before  # has no part in it
    finally:
        compiled._file.cache_clear()


WHERE = """
from fa_ref.activations import activation
from fa_ref.activations import tanh
tanh([1.0])
stats = activation._apply.stats
print(stats.cache_path, sum(stats.cache_hits.values()))
"""


@pytest.fixture
def read_only(checkout):
    """The copy as one may read it and not write to it; beside it a home."""
    site = checkout / "site"
    site.mkdir()
    for floor in FLOORS:
        (checkout / floor).rename(site / floor)
    (checkout / "home").mkdir()
    parts = [site, *site.rglob("*")]
    for path in parts:
        path.chmod(0o555)
    yield checkout
    for path in parts:
        path.chmod(0o755)


def run_without_privileges(folder, home, **changes):
    """Where code is kept, and how often it was found there, without root's right to write anywhere."""
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    environment |= {
        "PYTHONPATH": str(folder / "site"),
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        **changes,
    }
    command = [*PLAIN, sys.executable, "-c", WHERE]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path, hits = done.stdout.split()
    return path, int(hits)


ROOTS = hasattr(os, "geteuid") and os.geteuid() == 0
PLAIN = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if ROOTS else []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX")
@pytest.mark.skipif(ROOTS and not shutil.which("setpriv"), reason="root may write anywhere, and setpriv is missing")
def test_a_package_that_cannot_be_written_to(read_only):
    nowhere, home, chosen = (read_only / name for name in ("site/home", "home", "home/chosen"))
    assert run_without_privileges(read_only, nowhere) == ("None", 0)
    path, hits = run_without_privileges(read_only, home)
    assert Path(path).is_relative_to(home)
    assert hits == 0
    assert run_without_privileges(read_only, home) == (path, 1)
    path, hits = run_without_privileges(read_only, nowhere, NUMBA_CACHE_DIR=str(chosen))
    assert Path(path).is_relative_to(chosen)
    assert hits == 0
    assert run_without_privileges(read_only, nowhere, NUMBA_CACHE_DIR=str(chosen)) == (path, 1)


def test_damaged_files_are_compiled_anew(checkout):
    first = run(APPLY, checkout)
    kept = [path for path in checkout.rglob("*.nb*") if "_apply" in path.name]
    assert {path.suffix for path in kept} == {".nbi", ".nbc"}
    for path in kept:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert run(APPLY, checkout) == first


def test_old_versions_are_forgotten_in_time(tmp_path):
    names = [f"page.{k:016x}" for k in range(12)]
    for k, name in enumerate(names):
        (tmp_path / name).mkdir()
        age = (k + 1) * compiled.DAY
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    (tmp_path / "page.py").touch()
    newest = tmp_path / f"page.{99:016x}"
    compiled._Locator("page.py", newest).ensure_cache_path()
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"page.py", newest.name, *names[: compiled.VERSIONS - 1]}


PARALLEL = """
import numpy as np
from numba import prange
from fa_ref._support.compiled import njit
@njit(parallel=True, cache=True)
def inner(x):
    for i in prange(x.size):
        x[i] += 1.0
@njit(cache=True)
def outer(x, parallel):
    if parallel:
        inner(x)
    x[0] += 1.0
"""


def test_code_compiled_with_parallel_code_read_from_disk_can_be_read_back(checkout):
    """It starts Numba's threads, whose functions it would not find."""
    (checkout / "fa_ref" / "parallel.py").write_text(PARALLEL)
    begin = "import numpy as np; from fa_ref.parallel import inner, outer; x = np.zeros(3); "
    run(begin + "inner(x)", checkout)
    for _ in range(2):
        assert run(begin + "outer(x, False); print(x)", checkout) == "[1. 0. 0.]\n"


DIGESTS = """
import hashlib
import numpy as np
from fa_ref import Network, Problem, train
rng = np.random.default_rng(0)
problem = Problem(rng.standard_normal((40, 70)), rng.standard_normal(40))
network = Network.gaussian(200, 70, rng)
for engine, psi, rule in RUNS:
    run = train(problem, network, psi, eta=1e-4, steps=12, engine=engine, rule=rule)
    measured = b"".join(np.ascontiguousarray(values).tobytes() for values in run.measures.values())
    print(engine, psi, rule, hashlib.sha256(run.residuals.tobytes() + measured).hexdigest(), run.network.digest())
"""
RULES = ("fa", "bp", "kolen-pollack", "hebbian")


def same_bits_at_first(runs, checkout):
    """Whether the process that compiles and one that reads from disk print the same.

    Of a function that is compiled alone and within another one the first process may call the one machine code, and
    the second the other: two ways to add up, where the order of sums is left to the compiler.
    """
    code = DIGESTS.replace("RUNS", repr(runs))
    return run(code, checkout) == run(code, checkout)


def test_the_process_that_compiles_has_the_bits_of_later_ones(checkout):
    assert same_bits_at_first([("reduced", "identity", "fa"), ("gram", "tanh", "fa")], checkout)


@pytest.mark.nightly
def test_every_engine_has_them(checkout):
    kinds = ("identity", "relu", "tanh", "sigmoid", "erf", "softplus")
    runs = [(engine, psi, rule) for engine in ("gram", "ordered") for psi in kinds for rule in RULES]
    assert same_bits_at_first([*runs, *(("reduced", "identity", rule) for rule in RULES)], checkout)
