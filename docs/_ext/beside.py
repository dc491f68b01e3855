"""``{beside}``: a few lines of `fa_ref/loops.py` next to the lines of the paper that they are.

The code is cut out of the source between two fragments of it. Fragments that are not there exactly once, and lines
of the source that no block shows, are errors: the page cannot drift.
"""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

SOURCE = Path(__file__).parents[2] / "fa_ref" / "loops.py"


def source() -> list[str]:
    """The lines of the definition."""
    import fa_ref.loops

    return Path(fa_ref.loops.__file__).read_text(encoding="utf-8").splitlines()


def bodies(lines: list[str]) -> dict[str, tuple[int, int]]:
    """First and last line (from 1) of what each function does, without its head and docstring."""
    found = {}
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node.body[1].lineno, node.end_lineno
    return found


def cut(lines: list[str], function: str, first: str, last: str) -> range:
    """The line numbers from the one with ``first`` to the next one with ``last``, in a function's body."""
    inside = bodies(lines)
    if function not in inside:
        raise ExtensionError(f"beside: expected one of {', '.join(inside)}, got {function!r}")
    start, end = inside[function]
    begins = [k for k in range(start, end + 1) if first in lines[k - 1]]
    if len(begins) != 1:
        raise ExtensionError(f"beside: expected {first!r} once in {function}, found it {len(begins)} times")
    ends = [k for k in range(begins[0], end + 1) if last in lines[k - 1]]
    if not ends:
        raise ExtensionError(f"beside: expected {last!r} after {first!r} in {function}")
    return range(begins[0], ends[0] + 1)


def missing(lines: list[str], shown: set[int]) -> list[int]:
    """Lines of the functions' bodies that are not shown."""
    wanted = {k for start, end in bodies(lines).values() for k in range(start, end + 1) if lines[k - 1].strip()}
    return sorted(wanted - shown)


class Beside(SphinxDirective):
    """Show the content on the left, and the lines of a function from one fragment to another on the right."""

    has_content, required_arguments = True, 1
    option_spec: ClassVar = {"first": directives.unchanged_required, "last": directives.unchanged_required}

    def run(self):
        """Return the two columns."""
        lines = source()
        numbers = cut(lines, self.arguments[0], self.options["first"], self.options.get("last", ""))
        self.env.note_dependency(str(SOURCE))
        shown = self.env.metadata[self.env.docname].setdefault("beside", [])
        shown.extend(numbers)
        code = dedent("\n".join(lines[k - 1] for k in numbers))
        left, right = nodes.container(classes=["beside-paper"]), nodes.container(classes=["beside-code"])
        self.state.nested_parse(self.content, self.content_offset, left)
        block = nodes.literal_block(code, code, language="python")
        place = f"{self.arguments[0]}, line {numbers[0]}"
        right += [nodes.paragraph("", place, classes=["beside-place"]), block]
        return [nodes.container("", left, right, classes=["beside"])]


def complete(app, env):
    """Refuse a page that leaves lines of the definition out."""
    for document, facts in env.metadata.items():
        if "beside" in facts and (left := missing(source(), set(facts["beside"]))):
            said = ", ".join(str(k) for k in left)
            raise ExtensionError(f"{document}: expected every line of loops.py, lines {said} are not shown")


def setup(app):
    """Add the directive."""
    app.add_directive("beside", Beside)
    app.connect("env-check-consistency", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
