# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The laboratory's page, for marimo: menus and sliders on top, and what `validation.laboratory` makes of them."""

import marimo

app = marimo.App(width="full", app_title="fa-ref lab", css_file="page.css")


@app.cell
def _():
    import marimo as mo

    from validation.laboratory import PRESETS, page

    return PRESETS, mo, page


@app.cell
def _(PRESETS, mo):
    preset = mo.ui.dropdown(list(PRESETS), value=next(iter(PRESETS)), label="Start from", allow_select_none=False)
    return (preset,)


@app.cell
def _(PRESETS, mo, page, preset):
    controls = mo.ui.dictionary(page.controls(mo.ui, PRESETS[preset.value].choices))
    return (controls,)


@app.cell
def _(PRESETS, controls, mo, page, preset):
    mo.Html(page.head(preset, PRESETS[preset.value].shows, controls))
    return


@app.cell
def _(controls, mo, page):
    mo.Html(page.body(mo, page.chosen(controls.value)))
    return


if __name__ == "__main__":
    app.run()
