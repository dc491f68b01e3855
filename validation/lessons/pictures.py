"""Drawings for the lessons."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["two_ways_back"]

FORWARD, BACK = "#4c72b0", "#c44e52"


def two_ways_back() -> Figure:
    """Draw how the error reaches the hidden units: through β in backpropagation, through b in feedback alignment.

    Examples
    --------
    >>> len(two_ways_back().axes)
    2
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    for axis, title, name in zip(axes, ("backpropagation", "feedback alignment"), ("β", "b"), strict=True):
        inputs, hidden, output = [(0.0, y) for y in (0.5, 1.5)], [(1.5, y) for y in (0.0, 1.0, 2.0)], (3.0, 1.0)
        for target in hidden:
            for source in inputs:
                axis.annotate("", target, source, arrowprops=_arrow(FORWARD, 0.0))
            axis.annotate("", output, target, arrowprops=_arrow(FORWARD, 0.0))
            axis.annotate("", target, output, arrowprops=_arrow(BACK, 0.28))
        for nodes, label in ((inputs, "x"), (hidden, "ψ"), ([output], "f")):
            for x, y in nodes:
                axis.text(x, y, label, ha="center", va="center", bbox={"boxstyle": "circle", "fc": "white"})
        axis.text(0.75, 2.15, "W", color=FORWARD, ha="center")
        axis.text(2.15, 1.85, "β", color=FORWARD, ha="center")
        axis.text(2.75, 2.05, f"e through {name}", color=BACK, ha="center")
        axis.set(title=title, xlim=(-0.4, 3.5), ylim=(-0.5, 2.5))
        axis.axis("off")
    return figure


def _arrow(colour: str, bend: float) -> dict[str, object]:
    return {
        "arrowstyle": "->", "color": colour, "shrinkA": 10, "shrinkB": 10, "lw": 1.2,
        "connectionstyle": f"arc3,rad={bend}", "ls": "--" if bend else "-",
    }  # fmt: skip
