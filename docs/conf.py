"""Sphinx configuration."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from fa_ref import __version__

project = "fa-ref"
author = "The fa-ref developers"
release = version = __version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_proof",
    "sphinxcontrib.bibtex",
    "offline_mathematics",
    "generated_pages",
    "statement_pages",
    "gallery_pages",
    "measured_tables",
    "lesson_notebooks",
    "beside",
]
bibtex_bibfiles = ["references.bib"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "substitution"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_code_prompt_show = "Show the answer in code"
nb_code_prompt_hide = "Hide the answer in code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
prf_realtyp_to_countertyp = {}
templates_path = ["_templates"]
exclude_patterns = ["learn/notebooks", "_build", "_ext", "_data", "examples", "**.ipynb_checkpoints"]
suppress_warnings = ["mystnb.unknown_mime_type"]

html_theme = "pydata_sphinx_theme"
html_title = "fa-ref"
html_static_path = ["_static"]
html_css_files = ["fa-ref.css"]
html_sourcelink_suffix = ""
html_show_sourcelink = True
html_context = {"default_mode": "auto"}  # without it the theme logs an error on a first visit
html_theme_options = {
    "logo": {"text": "fa-ref"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc", "sourcelink"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}


def _bars_are_absolute_values(app, what, name, obj, options, lines):
    """In docstrings |x| is an absolute value, not reStructuredText's substitution."""
    lines[:] = [line if ">>>" in line else line.replace("|", r"\|") for line in lines]


def _tables(app, name, source):
    """Put the tables that pages ask for, computed now."""
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
