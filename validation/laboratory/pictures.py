"""The laboratory's pictures as Vega-Lite specifications: plain dictionaries, drawn by the browser."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from validation.laboratory.scene import Scene

__all__ = ["Picture", "pictures"]

Array = NDArray[np.float64]
Spec = dict[str, Any]
Curve = tuple[str, str, list[int], NDArray[np.int64], Array]
Level = tuple[str, str, list[int], tuple[float, ...]]

#: Points a curve, units a scatter: what a browser redraws at once.
POINTS, UNITS = 240, 400

#: The legend of the units' colours.
MOVED = {
    "title": "‖w(t) − w(0)‖", "orient": "bottom", "gradientLength": 140, "titleOrient": "left",
    "titleFontWeight": "normal", "tickCount": 3, "format": ".2~r",
}  # fmt: skip

#: Colours that can be read on white and on black.
RUN, PROMISE, THEORY, GREY = "#3b82f6", "#e8833a", "#12a37f", "#8a919c"


class Picture(NamedTuple):
    """A picture: what it is called, what one should see in it, and its specification."""

    title: str
    caption: str
    spec: Spec


def pictures(scene: Scene) -> list[Picture]:
    """Loss, alignment, spectrum, units and their movement.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    list of Picture

    Examples
    --------
    >>> from validation.laboratory import Choices, compute
    >>> [picture.title for picture in pictures(compute(Choices(n=3, d=5, p=40, steps=10)))]
    ['Loss', 'Alignment of b and β', 'Spectrum of G + H', 'Hidden units', 'Movement of the units']
    """
    return [_loss(scene), _alignment(scene), _spectrum(scene), _units(scene), _movement(scene)]


def _loss(scene: Scene) -> Picture:
    run, bound, limit = scene.run, scene.bound, scene.limit
    curves: list[Curve] = [("this run", RUN, [], run.times, run.loss)]
    said = "½‖e(t)‖²."
    if bound is not None:
        with np.errstate(under="ignore"):
            curves.append((f"bound of {bound.name}", PROMISE, [6, 3], run.times, 0.5 * bound.values**2))
        if not bound.promised:
            said += f" {bound.name} is drawn, but a hypothesis fails: it is not promised here."
    if limit is not None:
        curves.append(("p → ∞ at fixed t", THEORY, [2, 3], *limit))
    shown = np.concatenate([_positive(values) for *_, values in curves])
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.1, 1.0)
    layers = [_curve(name, colour, dash, times, _positive_or_nan(v)) for name, colour, dash, times, v in curves]
    return Picture("Loss", said, _chart(layers, _steps(scene), _log("½‖e‖²", low, high), _legend(curves)))


def _alignment(scene: Scene) -> Picture:
    run, said, chance = scene.run, scene.predicted, scene.choices.p**-0.5
    curves: list[Curve] = [("this run", RUN, [], run.times, run.alignment)]
    band = {
        "data": {"values": [{"low": -chance, "high": chance}]},
        "mark": {"type": "rect", "opacity": 0.15, "color": GREY, "tooltip": "chance: ±1/√p"},
        "encoding": {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}},
    }
    layers = [band]
    if said.name:
        curves.append((said.name, THEORY, [2, 3], said.times, said.alignment))
        if said.error.any():
            layers.append(_band(said.times, said.alignment - said.error, said.alignment + said.error))
    for inequality in (i for verdict in scene.verdicts for i in verdict.inequalities if i.name.startswith("cos")):
        curves.append(("bound", PROMISE, [6, 3], inequality.times, inequality.lhs))  # bound ≤ cosine
    values = np.concatenate([np.asarray(v, dtype=float) for *_, v in curves])
    values = np.clip(values[np.isfinite(values)], -1.0, 1.0)
    low, high = min(-1.6 * chance, *values.tolist()), max(1.6 * chance, *values.tolist())
    pad = 0.06 * (high - low)
    layers += [_curve(*curve) for curve in curves]
    caption = "cos∠(b, β(t)); grey: what chance gives, ±1/√p."
    caption += f" {said.why}" if said.why else ""
    axis = _linear("cos∠(b, β)", max(low - pad, -1.0), min(high + pad, 1.0))
    return Picture("Alignment of b and β", caption, _chart(layers, _steps(scene), axis, _legend(curves)))


def _spectrum(scene: Scene) -> Picture:
    seen = scene.spectrum
    high = min(max(float(seen.values.max()), seen.top), 3.0 * max(seen.edge, seen.top))
    low = max(min(float(seen.values.min()), seen.gamma), -high)
    levels: list[tuple[str, str, list[int], tuple[float, ...]]] = [
        ("λ_min(Ḡ) = γ, λ_max(Ḡ)", THEORY, [2, 3], (seen.gamma, seen.top))
    ]
    if 0 < seen.edge <= 3.0 * high:
        levels.append(("edge of stability, 2/η − λ(0)", PROMISE, [6, 3], (seen.edge,)))
        high = max(high, 1.05 * seen.edge)
    logarithmic = low > 0 and high > 30.0 * low
    axis = (_log if logarithmic else _linear)("eigenvalues", low, high)
    rows = [
        {"t": int(t), "y": _json(value), "k": k}
        for t, values in zip(seen.times, seen.values, strict=True)
        for k, value in enumerate(values)
        if not logarithmic or value > 0
    ]
    layers = [{
        "data": {"values": rows}, "mark": {"type": "line", "clip": True, "strokeWidth": 1.1, "opacity": 0.85},
        "encoding": {**_xy("t", "y"), "detail": {"field": "k"}, "color": {"datum": "this run"}},
    }]  # fmt: skip
    for name, _, dash, values in levels:
        layers.append({
            "data": {"values": [{"y": _json(value)} for value in values]},
            "mark": {"type": "rule", "clip": True, "strokeDash": dash, "strokeWidth": 1.4},
            "encoding": {"y": {"field": "y", "type": "quantitative"}, "color": {"datum": name}},
        })  # fmt: skip
    kernel = "G + H_BP" if scene.choices.rule == "bp" else "G + H"
    worst = float(seen.values.min())
    caption = f"All eigenvalues of {kernel} while it trains; the smallest seen is {worst:.3g}."
    if scene.edge is not None:
        caption += f" As p → ∞ the largest reaches the edge at t = {scene.edge:,.0f}."
    names = [("this run", RUN), *((name, colour) for name, colour, *_ in levels)]
    return Picture(f"Spectrum of {kernel}", caption, _chart(layers, _steps(scene), axis, names))


def _units(scene: Scene) -> Picture:
    units = scene.units
    keep = slice(0, UNITS)
    start = [{"x": _json(b), "y": _json(beta)} for b, beta in zip(units.b[keep], units.beta_0[keep], strict=True)]
    now = [
        {"x": _json(b), "y": _json(beta), "moved": _json(moved)}
        for b, beta, moved in zip(units.b_now[keep], units.beta[keep], units.moved[keep], strict=True)
    ]
    cloud = {"type": "point", "filled": True, "clip": True}
    before = {**cloud, "size": 10, "color": GREY, "opacity": 0.4}
    layers = [
        {"data": {"values": start}, "mark": before, "encoding": _xy()},
        {
            "data": {"values": now}, "mark": {**cloud, "size": 18, "opacity": 0.9},
            "encoding": {**_xy(), "color": {
                "field": "moved", "type": "quantitative", "scale": {"scheme": "viridis"}, "legend": MOVED,
            }},
        },
    ]  # fmt: skip
    x = _linear("b", *_reach(units.b[keep], units.b_now[keep]))
    y = _linear("β", *_reach(units.beta_0[keep], units.beta[keep]))
    shown = "" if units.b.size <= UNITS else f" The first {UNITS} of {units.b.size}."
    caption = f"Each unit at (b, β): grey at the start, coloured at t = {units.time}; aligned units lie on a line."
    caption += shown
    return Picture("Hidden units", caption, _chart(layers, x, y))


def _movement(scene: Scene) -> Picture:
    units, keep = scene.units, slice(0, UNITS)
    backward = units.beta_0 if scene.choices.rule == "bp" else units.b
    name = "abs(β(0))" if scene.choices.rule == "bp" else "abs(b)"
    size, moved = np.abs(backward[keep]), units.moved[keep]
    high = 1.25 * float(moved.max()) or 1.0
    right = 1.05 * float(size.max())
    points = [{"x": _json(b), "y": _json(w)} for b, w in zip(size, moved, strict=True)]
    curves, said = [("a unit", RUN)], f"How far each unit's weights have gone by t = {units.time}."
    mark = {"type": "point", "filled": True, "clip": True, "size": 14, "opacity": 0.6}
    layers = [{
        "data": {"values": points}, "mark": mark,
        "encoding": {**_xy(), "color": {"datum": "a unit"}},
    }]  # fmt: skip
    if math.isfinite(units.slope):
        curves.append(("bound of (3.2)", PROMISE))
        ends = [{"x": 0.0, "y": 0.0}, {"x": right, "y": units.slope * right}]
        layers.append({
            "data": {"values": ends}, "mark": {"type": "line", "clip": True, "strokeDash": [6, 3]},
            "encoding": {**_xy(), "color": {"datum": "bound of (3.2)"}},
        })  # fmt: skip
        high = max(high, min(units.slope * right, 3.0 * high))
        most = float(np.max(units.moved / (units.slope * np.where(units.b == 0, np.inf, np.abs(units.b)))))
        said += f" At most {most:.2g} of the bound."
    chart = _chart(layers, _linear(name, 0.0, right), _linear("‖w(t) − w(0)‖", 0.0, high), curves)
    return Picture("Movement of the units", said, chart)


# What all of them share.


def _chart(layers: list[Spec], x: Spec, y: Spec, names: list[tuple[str, str]] | None = None) -> Spec:
    """Layers on common axes; ``names`` are those of the legend, with their colours."""
    spec: Spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container", "height": 220, "background": "transparent", "padding": 2, "layer": layers,
        "config": {
            "view": {"stroke": None}, "axis": {"grid": False, "titleFontWeight": "normal", "labelFontSize": 11,
                                               "titleFontSize": 12, "tickSize": 4},
            "legend": {"labelFontSize": 11, "labelLimit": 320, "symbolStrokeWidth": 2.5, "symbolSize": 120},
        },
        "usermeta": {"embedOptions": {"renderer": "svg", "actions": False}},
    }  # fmt: skip
    for layer in layers:
        for name, axis in (("x", x), ("y", y)):
            if name in layer["encoding"]:
                layer["encoding"][name] |= axis
    if names:
        legend = {"orient": "bottom", "direction": "vertical", "symbolType": "stroke", "title": None, "offset": 4}
        scale = {"domain": [name for name, _ in names], "range": [colour for _, colour in names]}
        for layer in layers:
            if "color" in layer["encoding"]:
                layer["encoding"]["color"] |= {"scale": scale, "legend": legend}
    return spec


def _legend(curves: list[Any]) -> list[tuple[str, str]]:
    return [(name, colour) for name, colour, *_ in curves]


def _xy(x: str = "x", y: str = "y") -> Spec:
    return {"x": {"field": x, "type": "quantitative"}, "y": {"field": y, "type": "quantitative"}}


def _curve(name: str, _: str, dash: list[int], times: NDArray[np.int64], values: ArrayLike) -> Spec:
    values = np.asarray(values, dtype=np.float64)
    keep = np.unique(np.linspace(0, times.size - 1, min(POINTS, times.size)).astype(np.int64))
    rows = [{"t": int(times[k]), "y": _json(values[k])} for k in keep]
    return {
        "data": {"values": rows}, "mark": {"type": "line", "clip": True, "strokeDash": dash, "strokeWidth": 2},
        "encoding": {**_xy("t", "y"), "color": {"datum": name}},
    }  # fmt: skip


def _band(times: NDArray[np.int64], low: Array, high: Array) -> Spec:
    rows = [{"t": int(t), "low": _json(a), "high": _json(b)} for t, a, b in zip(times, low, high, strict=True)]
    encoding = {**_xy("t", "low"), "y2": {"field": "high"}}
    return {"data": {"values": rows}, "mark": {"type": "area", "clip": True, "opacity": 0.18, "color": THEORY},
            "encoding": encoding}  # fmt: skip


def _steps(scene: Scene) -> Spec:
    return _linear("step t", 0, int(scene.run.times[-1]) or 1)


def _linear(title: str, low: float, high: float) -> Spec:
    if not high > low:
        low, high = low - 0.5, low + 0.5
    axis = {"tickCount": 5, "format": ",.3~r"}
    return {"title": title, "scale": {"domain": [low, high], "nice": False, "zero": False}, "axis": axis}


def _log(title: str, low: float, high: float) -> Spec:
    """A logarithmic axis, labelled at powers of ten: some of them where there are many, 1, 2 and 5 where few."""
    low, high = low / 1.3, high * 1.3
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    stride = max(1, math.ceil((last - first) / 6))
    ticks = [float(f"1e{k}") for k in range(first, last + 1, stride)]
    if last - first < 2:
        ticks = [float(f"{m}e{k}") for k in range(first - 1, last + 1) for m in (1, 2, 5)]
        ticks = [tick for tick in ticks if low <= tick <= high]
    axis = {"values": ticks, "labelExpr": "abs(log(datum.value)) < 9 ? format(datum.value, '~g') : "
            "format(datum.value, '.0e')"}  # fmt: skip
    return {"title": title, "scale": {"type": "log", "domain": [low, high], "nice": False}, "axis": axis}


def _reach(*parts: Array) -> tuple[float, float]:
    """A symmetric range that holds nearly all."""
    values = np.abs(np.concatenate(parts))
    most = 1.08 * float(values[np.isfinite(values)].max(initial=0.0)) or 1.0
    return -most, most


def _positive(values: ArrayLike) -> Array:
    found = np.asarray(values, dtype=np.float64)
    return found[np.isfinite(found) & (found > 1e-300)]


def _positive_or_nan(values: ArrayLike) -> Array:
    found = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(found) & (found > 1e-300), found, math.nan)


def _json(value: Any) -> float | None:
    """A number that JSON can say, to seven digits: a picture needs no more."""
    number = float(value)
    return float(f"{number:.7g}") if math.isfinite(number) else None
