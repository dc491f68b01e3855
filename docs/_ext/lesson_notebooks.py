"""Lessons as notebooks to take away: each text lesson is also written as .ipynb, with hidden answers folded."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from docutils import nodes
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from sphinx.util.docutils import SphinxRole

FOLDER = "learn/notebooks"
BLOCK = re.compile(
    r"^:::\{(?P<kind>\w+)\}\s*(?P<title>.*?)\n(?::class:[^\n]*\n)?(?P<body>.*?)^:::\s*$", re.M | re.S
)
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\.md(?:#[^)]*)?\)")


def _block(match: re.Match[str]) -> str:
    """A directive in plain Markdown: a dropdown folds, an admonition stands out."""
    title, body = match["title"], match["body"].strip()
    if match["kind"] == "dropdown":
        return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>\n"
    quoted = "\n".join(f"> {line}".rstrip() for line in body.splitlines())
    return f"> **{title}**\n>\n{quoted}\n"


def plain(text: str) -> str:
    """Markdown that Jupyter understands."""
    text = re.sub(r"\s*\{lesson\}`\d`", "", text)
    text = LINK.sub(
        lambda m: f"[{m[1]}]({m[2]}.ipynb)" if m[2].startswith("lesson_") else f"{m[1]} (page “{Path(m[2]).name}”)",
        text,
    )
    return BLOCK.sub(_block, text)


def notebook(path: Path) -> nbformat.NotebookNode:
    """The lesson as a notebook without outputs."""
    found = read_myst_markdown_notebook(path.read_text(encoding="utf-8"), MdParserConfig(), path=path)
    for k, cell in enumerate(found.cells):
        cell["id"] = f"cell-{k}"
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source)
        elif "hide-cell" in cell.metadata.get("tags", ()):
            cell.metadata["jupyter"] = {"source_hidden": True}
    found.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    found.nbformat, found.nbformat_minor = 4, 5
    nbformat.validate(found)
    return found


def lessons(source: Path) -> list[Path]:
    """The text lessons, in order."""
    return sorted((source / "learn").glob("lesson_*.md"))


def write(app) -> None:
    """Write the notebooks whose content has changed."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    for path in lessons(Path(app.srcdir)):
        target, text = folder / f"{path.stem}.ipynb", nbformat.writes(notebook(path)) + "\n"
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


class Download(SphinxRole):
    """``{lesson}`3` ``: a link to the notebook of lesson 3."""

    def run(self):
        """Return the link, which Sphinx turns into a download."""
        from sphinx.addnodes import download_reference

        words = "Download this lesson as a notebook."
        link = download_reference(
            self.rawtext,
            "",
            nodes.inline("", words),
            reftarget=f"/{FOLDER}/lesson_{self.text}.ipynb",
            refdoc=self.env.docname,
        )
        self.set_source_info(link)
        return [link], []


def setup(app):
    """Write the notebooks before Sphinx looks for files to download."""
    app.add_role("lesson", Download())
    app.connect("config-inited", lambda app, config: write(app))
    return {"parallel_read_safe": True}
