"""How results show themselves in a notebook: axes of a figure that it draws, and small tables in HTML."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["axes_or_new", "html_table", "shortened"]


def axes_or_new(axes: Axes | None = None) -> Axes:
    """The axes given, or new ones; in IPython of a figure that pyplot knows, so that a notebook shows it.

    Elsewhere no window opens and nothing has to be closed.
    """
    if axes is not None:
        return axes
    how: dict[str, Any] = {"figsize": (5.0, 3.2), "layout": "constrained"}
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        from matplotlib import pyplot

        drawn: Axes = pyplot.subplots(**how)[1]
        return drawn
    from matplotlib.figure import Figure

    return Figure(**how).subplots()


def html_table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """A heading and a table of names and values, escaped.

    Examples
    --------
    >>> html_table("a < b", [("γ", 0.5)]).count("<th"), html_table("a < b", [])
    (1, '<b>a &lt; b</b><table></table>')
    """
    left = 'style="text-align: left"'
    cells = (f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(str(value))}</td></tr>" for name, value in rows)
    return f"<b>{escape(title)}</b><table>{''.join(cells)}</table>"


def shortened(lines: list[str], most: int) -> list[str]:
    """At most so many lines, the last of which says how many more there are.

    Examples
    --------
    >>> shortened(["a", "b", "c"], 2)
    ['a', '  and 2 more']
    """
    return lines if len(lines) <= most else [*lines[: most - 1], f"  and {len(lines) - most + 1} more"]
