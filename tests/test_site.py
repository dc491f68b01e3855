"""What the site is made of: Algorithm 1 beside its source, lessons as notebooks."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
sphinx = pytest.importorskip("sphinx")
pytest.importorskip("myst_nb")
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import beside  # noqa: E402
import lesson_notebooks  # noqa: E402
import measured_tables  # noqa: E402


def test_every_line_of_the_loops_is_beside_one_of_the_paper():
    page, lines, shown = (ROOT / "docs/learn/algorithm_1.md").read_text(encoding="utf-8"), beside.source(), set()
    for block in page.split("```{beside} ")[1:]:
        function, first, last = (line.split(": ", 1)[-1] for line in block.splitlines()[:3])
        shown |= set(beside.cut(lines, function, first, last))
    assert len(shown) > 30
    assert beside.missing(lines, shown) == []
    assert beside.missing(lines, shown - {max(shown)}) == [max(shown)]  # a line that no block shows is noticed


@pytest.mark.parametrize(
    ("function", "first", "last", "words"),
    [
        ("forwards", "n, d", "p", "expected one of forward, update, descend"),
        ("update", "+= gradient", "", "found it 0 times"),
        ("update", "for ", "", "found it 4 times"),
        ("update", "s = 0.0", "return", "expected 'return' after"),
    ],
)
def test_a_block_that_has_drifted_is_refused(function, first, last, words):
    from sphinx.errors import ExtensionError

    with pytest.raises(ExtensionError, match=words.replace("+", r"\+")):
        beside.cut(beside.source(), function, first, last)


@pytest.mark.parametrize("page", lesson_notebooks.lessons(ROOT / "docs"), ids=lambda page: page.stem)
def test_a_lesson_is_a_notebook_that_jupyter_can_show(page):
    found = lesson_notebooks.notebook(page)
    text = "\n".join(cell.source for cell in found.cells if cell.cell_type == "markdown")
    assert ":::" not in text
    assert "{lesson}" not in text
    asked = [cell for cell in found.cells if "answer = ..." in cell.source]
    assert text.count("> **Exercise") == len(asked) >= 3
    assert "<details>" in text
    source = page.read_text()
    for block in re.findall(r"^:::\{admonition\} Exercise[^\n]*\n:class: tip\n(.*?)^:::\s*$", source, re.M | re.S):
        assert block.strip().splitlines()[0] in text  # the question itself, not its title alone
    folded = [cell for cell in found.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert len(folded) >= 3


def test_a_page_is_read_again_when_its_measured_table_changes():
    noted = []
    environment = SimpleNamespace(note_dependency=lambda path, docname: noted.append((Path(path).name, docname)))
    source = ["Before\n\n<!-- study: lemmas -->\n\nafter"]
    measured_tables.replace(SimpleNamespace(env=environment), "convergence", source)
    assert noted == [("lemmas.json", "convergence")]
    assert "| case |" in source[0]
