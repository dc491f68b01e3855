"""The list of mutants that no test can notice names mutants that there are."""

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_SPEC = importlib.util.spec_from_file_location("mutants", HERE / "mutants.py")
generator = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generator)


@pytest.mark.parametrize("file", generator.EQUIVALENT)
def test_every_entry_is_a_mutant(file):
    source = (HERE.parents[1] / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    known = {(lines[number - 1].strip(), before, after) for number, before, after, _ in generator.mutants(source)}
    for entry in generator.EQUIVALENT[file]:
        assert (entry["line"], entry["before"], entry["after"]) in known
        assert entry["why"]
