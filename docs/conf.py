"""Sphinx configuration."""

project = "fa-ref"
author = "The fa-ref developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
napoleon_numpy_docstring = True
html_theme = "alabaster"
html_static_path = ["_static"]
exclude_patterns = ["_build"]


def _bars_are_absolute_values(app, what, name, obj, options, lines):
    """In docstrings |x| is an absolute value, not reStructuredText's substitution."""
    lines[:] = [line if ">>>" in line else line.replace("|", r"\|") for line in lines]


def setup(app):
    """Connect the hook."""
    app.connect("autodoc-process-docstring", _bars_are_absolute_values)
