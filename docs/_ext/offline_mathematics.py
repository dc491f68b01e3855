"""Mathematics without a network: MathJax and its fonts are copied into the site from an installed package."""

from __future__ import annotations

import shutil
from importlib.metadata import files
from pathlib import Path

PACKAGE = "sphinx-mathjax-offline"
SCRIPT = "tex-chtml.js"
FONTS = "output/chtml/fonts/woff-v2"


def _folder() -> Path:
    """Where the package keeps MathJax."""
    found = next((file for file in files(PACKAGE) or () if file.name == SCRIPT), None)
    if found is None:
        raise FileNotFoundError(f"{PACKAGE}: expected {SCRIPT} among its files")
    return Path(str(found.locate())).parent


def copy(app, error) -> None:
    """Copy the script and its fonts beside the pages."""
    if error is not None or app.builder.format != "html":
        return
    source, target = _folder(), Path(app.outdir) / "_static" / "mathjax"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / SCRIPT, target / SCRIPT)
    shutil.copytree(source / FONTS, target / FONTS, dirs_exist_ok=True)


def setup(app):
    """Use the copied script; keep wide formulas inside the page."""
    app.setup_extension("sphinx.ext.mathjax")
    app.config.mathjax_path = f"mathjax/{SCRIPT}"
    app.config.mathjax3_config = {
        "chtml": {"displayAlign": "left", "displayIndent": "1.5em"},
        "options": {"enableMenu": False},
    }
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True}
