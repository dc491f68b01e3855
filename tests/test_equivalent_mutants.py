"""The list of mutants that no test can notice names mutants that there are."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parent / "nightly" / "mutation.py"
_SPEC = importlib.util.spec_from_file_location("mutation", PATH)
mutation = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(mutation)


@pytest.mark.parametrize("file", mutation.EQUIVALENT)
def test_every_entry_is_a_mutant(file):
    source = (mutation.ROOT / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    known = {(lines[number - 1].strip(), before, after) for number, before, after, _ in mutation.mutants(source)}
    for entry in mutation.EQUIVALENT[file]:
        assert (entry["line"], entry["before"], entry["after"]) in known
        assert entry["why"]
