"""The gallery: each script of ``gallery/`` is run, and gets a page with its picture, its docstring and its code."""

from __future__ import annotations

import ast
import hashlib
import shutil
import sys
from importlib import import_module
from pathlib import Path

from validation.experiments.sweeps.provenance import package_digest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "gallery"
FOLDER = Path("gallery") / "generated"
MARKER = "<!-- the gallery -->"

#: In the order of the page.
ORDER = (
    "no_alignment", "theta_collapse", "phase_diagram", "learned_feedback", "spectrum", "ledger",
    "proof_of_one_network", "counterexample", "constant_ridge", "conservation", "deep", "dropout_clock",
    "torch_run", "mnist",
)  # fmt: skip


def said(name: str) -> tuple[str, str]:
    """The title of a script, without its full stop, and the rest of its docstring."""
    text = ast.get_docstring(ast.parse((SCRIPTS / f"{name}.py").read_text(encoding="utf-8"))) or ""
    title, _, rest = text.partition("\n")
    return title.rstrip("."), rest.strip()


def short(name: str) -> str:
    """The title up to its colon."""
    return said(name)[0].partition(":")[0]


def digest(name: str) -> str:
    """Of everything that decides the picture."""
    texts = [(SCRIPTS / f"{file}.py").read_bytes() for file in (name, "frame")]
    return hashlib.sha256(package_digest().encode() + b"".join([*texts, Path(__file__).read_bytes()])).hexdigest()


def draw(name: str, path: Path) -> str:
    """Write the picture; return why it is the stored one, empty where it was drawn now."""
    from gallery.frame import STORED, UnavailableError, save

    try:
        save(import_module(f"gallery.{name}").picture(), path)
    except UnavailableError as missing:
        shutil.copy(STORED / f"{name}.svg", path)
        return f"Drawn earlier, by `python -m gallery.{name} --store`: when this page was built, {missing}."
    return ""


def page(name: str, note: str) -> str:
    """The page as MyST Markdown."""
    title, rest = said(name)
    parts = [
        f"# {short(name)}",
        "",
        f"**{title}.** {rest}",
        "",
        f"```{{image}} {name}.svg",
        f":alt: {title}",
        "```",
        "",
    ]
    parts += [note, ""] if note else []
    parts += [f"`python -m gallery.{name}` draws it again.", ""]
    return "\n".join([*parts, f"```{{literalinclude}} ../../../gallery/{name}.py", ":language: python", "```", ""])


def contents() -> str:
    """Cards with the pictures, and the hidden table of contents."""
    cards = ["::::{grid} 1 2 3 3", ":gutter: 3", ""]
    for name in ORDER:
        cards += [f":::{{grid-item-card}} {short(name)}", f":link: generated/{name}", ":link-type: doc"]
        cards += [f":img-top: generated/{name}.svg", f":img-alt: {said(name)[0]}", ":::", ""]
    tree = ["```{toctree}", ":hidden:", "", *(f"generated/{name}" for name in ORDER), "```"]
    return "\n".join([*cards, "::::", "", *tree])


def write(source: Path) -> None:
    """Draw what has changed since the last build, and write the pages."""
    sys.path.insert(0, str(ROOT))
    folder = source / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in ORDER:
        picture, stamp, made = folder / f"{name}.svg", folder / f".{name}", digest(name)
        if not (picture.exists() and stamp.exists() and stamp.read_text() == made):
            (folder / f"{name}.md").write_text(page(name, draw(name, picture)), encoding="utf-8")
            stamp.write_text(made)


def setup(app):
    """Write the pages before Sphinx looks for them, and put the cards where the page asks for them."""
    app.connect("config-inited", lambda app, config: write(Path(app.srcdir)))

    def place(app, name, source):
        if MARKER in source[0]:
            source[0] = source[0].replace(MARKER, contents())

    app.connect("source-read", place)
    return {"parallel_read_safe": True}
