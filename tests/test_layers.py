"""Three floors: imports point down only, and the teaching text stays as it is meant."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {"fa_ref": {"theory", "validation"}, "theory": {"validation"}, "validation": set()}


def imported(source):
    """Top-level names that a module's source imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_imports_point_down(floor):
    files = sorted((ROOT / floor).rglob("*.py"))
    assert files
    for file in files:
        upward = imported(file.read_text()) & FORBIDDEN[floor]
        assert not upward, f"{file.relative_to(ROOT)} imports {upward}"


def test_the_check_sees_an_upward_import():
    source = "def f():\n    from theory.kernels import mean_kernel\n"
    assert imported(source) & FORBIDDEN["fa_ref"] == {"theory"}


def test_the_oracle_imports_nothing_of_ours():
    assert not imported((ROOT / "tests" / "naive.py").read_text()) & set(FORBIDDEN)


def test_the_loops_have_no_fastmath_and_no_blas():
    source = (ROOT / "fa_ref" / "loops.py").read_text()
    assert "fastmath" not in source
    assert "@ " not in source.replace("@njit", "")
    assert "dot" not in source
    assert not any(isinstance(node, ast.MatMult) for node in ast.walk(ast.parse(source)))


def test_files_stay_readable():
    for floor in FORBIDDEN:
        for file in (ROOT / floor).rglob("*.py"):
            assert len(file.read_text().splitlines()) <= 350, file.relative_to(ROOT)
