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


def _tables(app, name, source):
    """Put the tables that judge.md asks for, computed now."""
    from validation.errata import ablation
    from validation.judge import scaling

    for marker, table in (("the ablation table", ablation.table), ("the fitted exponents", scaling.table)):
        if f"<!-- {marker} -->" in source[0]:
            frame = table()
            lines = [" | ".join(frame.columns), "|".join("---" for _ in frame.columns)]
            lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in frame.itertuples(index=False)]
            source[0] = source[0].replace(f"<!-- {marker} -->", "\n".join(f"| {line} |" for line in lines))


def setup(app):
    """Connect the hooks."""
    app.connect("autodoc-process-docstring", _bars_are_absolute_values)
    app.connect("source-read", _tables)
