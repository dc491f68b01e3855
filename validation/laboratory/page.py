"""The laboratory's page in HTML: the controls, and what is computed from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from fa_ref.activations import ACTIVATIONS
from fa_ref.setting import RULES
from validation.laboratory.choices import DATA, PENALTIES, Choices
from validation.laboratory.lines import lines
from validation.laboratory.panel import margins, panel, summary
from validation.laboratory.pictures import Picture, pictures
from validation.laboratory.scene import compute

__all__ = ["body", "chosen", "controls", "head"]

#: What each menu offers.
MENUS: dict[str, Sequence[str]] = {
    "data": DATA, "activation": tuple(ACTIVATIONS), "rule": RULES, "penalty": PENALTIES,
}  # fmt: skip

#: Where each slider stops; a preset adds its own.
STOPS: dict[str, Sequence[float]] = {
    "n": (1, 2, 3, 5, 8, 10, 15, 20, 30, 50),
    "d": (1, 2, 3, 5, 10, 20, 30, 50, 100, 150),
    "p": (25, 50, 100, 200, 400, 800, 1600, 3200, 6400),
    "eta": tuple(float(f"{m}e{k}") for k in range(-5, 1) for m in (1, 2, 5)),
    "lam": tuple(float(f"{m}e{k}") for k in range(-3, 2) for m in (1, 2, 5)),
    "tau": (10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
    "steps": (0, 50, 100, 200, 400, 700, 1000, 2000, 4000, 10000, 20000),
    "seed": tuple(range(20)),
}

#: What each is called on the page.
NAMES = {
    "data": "inputs", "activation": "ψ", "rule": "rule", "penalty": "λ(t)", "n": "n, samples", "d": "d, dimension",
    "p": "p, width", "eta": "η, step size", "lam": "λ(0)", "tau": "cutoff or time scale", "steps": "steps",
    "seed": "seed",
}  # fmt: skip


def controls(ui: Any, choices: Choices) -> dict[str, Any]:
    """Menus and sliders at a position; ``ui`` is `marimo.ui`."""
    made = {
        name: ui.dropdown(list(known), value=getattr(choices, name), label=NAMES[name], allow_select_none=False)
        for name, known in MENUS.items()
    }
    for name, stops in STOPS.items():
        value = getattr(choices, name)
        steps = sorted({*stops, value})
        made[name] = ui.slider(steps=steps, value=value, label=NAMES[name], show_value=True, full_width=True)
    return made


def chosen(values: dict[str, Any]) -> Choices:
    """The position that the controls are at: whole numbers where the browser may say 10.0."""
    whole = ("n", "d", "p", "tau", "steps", "seed")
    said: dict[str, Any] = {name: int(value) if name in whole else value for name, value in values.items()}
    return Choices(**said)


def head(preset: Any, shows: str, placed: Any) -> str:
    """Title, presets and controls."""
    items = Markup("").join(
        Markup('<div class="lab-control lab-{}" data-control="{}">{}</div>').format(
            "menu" if name in MENUS else "slider", name, Markup(placed[name].text)
        )
        for name in (*MENUS, *STOPS)
    )
    made = Markup(
        '<header class="lab-head"><h1>Feedback alignment, live</h1><div class="lab-preset">{}</div>'
        '<p class="lab-shows">{}</p></header><div class="lab-controls">{}</div>'
    ).format(Markup(preset.text), shows, items)
    return str(made)  # marimo takes a str and no subclass


def body(mo: Any, choices: Choices) -> str:
    """All that the choices lead to; one line that says what to change where they cannot be."""
    try:
        scene = compute(choices)
    except (ValueError, MemoryError) as error:
        return str(Markup('<p class="lab-refused" role="alert">{}</p>').format(str(error)))
    cards = Markup("").join(_card(mo, picture) for picture in pictures(scene))
    code = Markup('<details class="lab-lines" open><summary>The same in Python</summary><pre>{}</pre></details>')
    made = Markup('<div class="lab-body">{}<div class="lab-grid">{}{}</div>{}{}</div>').format(
        summary(scene), cards, panel(scene), margins(scene), code.format(lines(scene))
    )
    return str(made)


class _Vega:
    """A specification as marimo shows it."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def _mime_(self) -> tuple[str, str]:
        return "application/vnd.vegalite.v6+json", json.dumps(self.spec, allow_nan=False)


def _card(mo: Any, picture: Picture) -> Markup:
    drawn = Markup(mo.as_html(_Vega(picture.spec)).text)
    return Markup(
        '<figure class="lab-card" aria-label="{}"><figcaption><b>{}</b> {}</figcaption>{}</figure>'
    ).format(picture.title, picture.title, picture.caption, drawn)
