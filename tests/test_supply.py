"""What is handed out: one version, everything in it that is needed, nothing of the machine, and light imports."""

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

import fa_ref

ROOT = Path(__file__).parents[1]
FLOORS = ("fa_ref", "theory", "validation")


def test_the_version_is_said_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "fa_ref.__version__"}
    literal = re.compile(r'version(__)?\s*[=:]\s*"?' + re.escape(fa_ref.__version__))
    files = [file for floor in FLOORS for file in (ROOT / floor).rglob("*.py")]
    said = [file.name for file in [*files, ROOT / "pyproject.toml"] if literal.search(file.read_text("utf-8"))]
    assert said == ["__init__.py"]


def test_citation_and_changelog_speak_of_this_version():
    citation, changes = ((ROOT / name).read_text("utf-8") for name in ("CITATION.cff", "CHANGELOG.md"))
    assert re.search(rf"^version: {re.escape(fa_ref.__version__)}$", citation, re.M)
    day = re.search(r"^date-released: (\d{4}-\d\d-\d\d)$", citation, re.M)[1]
    assert f"## {fa_ref.__version__} ({day})" in changes
    for part in ("Song", "Xu", "Lafferty", "2106.06044", "Random Backpropagation Weights"):
        assert part in citation


def checks_in_asserts(source):
    """Lines of a module with an ``assert``, which ``python -O`` leaves out."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("floor", FLOORS)
def test_no_check_lives_in_an_assert(floor):
    for file in sorted((ROOT / floor).rglob("*.py")):
        assert not checks_in_asserts(file.read_text("utf-8")), file.relative_to(ROOT)


def test_an_assert_would_be_found():
    assert checks_in_asserts("def f(x):\n    assert x > 0\n") == [2]


# --- what an import costs, in modules, as time is too noisy to test

#: What no import may load by itself: pictures, tables, tests and everything that is an extra.
NEVER = {
    *("matplotlib", "pandas", "jinja2", "joblib", "hypothesis", "pytest", "torch", "dask", "distributed", "flint"),
    *("mpmath", "sklearn", "latex2mathml", "marimo", "scipy.stats"),
}


def loaded_by(statement):
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement, light",
    [
        ("import fa_ref", {"scipy.optimize", "scipy.integrate", "scipy.special", "rich", "typer"}),
        ("import theory, validation", {"numpy", "numba", "scipy", "rich", "typer"}),
        ("import validation.commands.cli", {"numpy", "numba", "scipy", "rich"}),
    ],
)
def test_an_import_loads_nothing_heavy(statement, light):
    assert not loaded_by(statement) & (NEVER | light)


def test_a_heavy_module_would_be_seen():
    assert "scipy.stats" in loaded_by("import scipy.stats")


# --- wheel and sdist

PATHS_OF_A_MACHINE = re.compile(rb"/(?:home|root|tmp|Users|work|mnt|opt)/[A-Za-z]")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("build", reason="building needs the package build (extra: supply)")
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    source.mkdir()
    try:
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", "HEAD"], capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a checkout of git")
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive.stdout, check=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"


def members(path):
    """Names and contents of a wheel or an sdist."""
    if path.suffix == ".whl":
        with ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(path) as sdist:
        files = [member for member in sdist.getmembers() if member.isfile()]
        return {member.name.partition("/")[2]: sdist.extractfile(member).read() for member in files}


@pytest.mark.nightly
def test_the_wheel_has_all_that_is_needed_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    assert wheel.name.startswith(f"fa_ref-{fa_ref.__version__}-py3-none-any")
    content = members(wheel)
    info = f"fa_ref-{fa_ref.__version__}.dist-info/"
    assert {name.partition("/")[0] for name in content} == {*FLOORS, info.rstrip("/")}
    for needed in ("fa_ref/py.typed", "theory/py.typed", "validation/py.typed", info + "licenses/LICENSE"):
        assert needed in content
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", *FLOORS], capture_output=True, text=True, check=True
    )
    assert {name for name in content if not name.startswith(info)} == set(tracked.stdout.splitlines())
    assert any("bundled" in name for name in content)  # the digits, the report's pages, the published numbers
    assert any(name.startswith("validation/report/templates/") for name in content)
    assert any(name.startswith("validation/experiments/reference/") for name in content)
    metadata = Parser().parsestr(content[info + "METADATA"].decode())
    assert metadata["Version"] == fa_ref.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert b"fa-ref = validation.commands.cli:main" in content[info + "entry_points.txt"]


@pytest.mark.nightly
def test_nothing_that_is_handed_out_names_a_machine(built):
    for path in built.iterdir():
        for name, text in members(path).items():
            found = PATHS_OF_A_MACHINE.search(text)
            assert found is None, (path.name, name, found)
            assert not name.startswith("tests/"), (path.name, name)


@pytest.mark.nightly
def test_the_index_would_accept_them(built):
    pytest.importorskip("twine", reason="checking needs twine (extra: supply)")
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(built.iterdir())) == 2
