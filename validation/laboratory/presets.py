"""Positions of the menus and sliders that show one thing each, with a sentence that says what to look at."""

from __future__ import annotations

from typing import NamedTuple

from validation.experiments.synthetic import LABELS, D, N
from validation.experiments.synthetic import PRESETS as PUBLISHED
from validation.laboratory.choices import DATA, Choices

__all__ = ["PRESETS", "Preset"]


class Preset(NamedTuple):
    """A position, and what it shows."""

    choices: Choices
    shows: str


def _figure2() -> Preset:
    """One run of the linear panel, p = 400 and the largest penalty, up to where the published rule ends it."""
    published = PUBLISHED["as-run"]
    choices = Choices(
        data=DATA[1], n=N, d=D, p=400, activation="identity", eta=published.eta["linear"], penalty="constant",
        lam=published.ridge(LABELS["linear"][-1]), steps=37999,
    )  # fmt: skip
    shows = (
        "One run of the linear panel: p = 400, λ = 0.5 in the figure's legend, which is 12.5 here."
        " The loss settles on a plateau and falls slowly from there, while b and β align as predicted."
    )
    return Preset(choices, shows)


#: By the name on the menu.
PRESETS: dict[str, Preset] = {
    "no alignment": Preset(
        Choices(),
        "The loss falls at a linear rate, faster than Theorem 3.2 promises, and b and β do not align: the cosine"
        " moves by about n/p and stays within chance, 1/√p. Make p smaller, or switch a penalty on.",
    ),
    "the paper's Figure 2": _figure2(),
    "ridge": Preset(
        Choices(
            data="orthonormal", n=10, d=30, p=1600, activation="identity", eta=0.05, penalty="cutoff", lam=3.0,
            tau=500, steps=1000,
        ),
        "Theorem 4.6: a penalty up to the cutoff aligns b and β, and they stay aligned when it is gone, while the"
        " loss goes to zero. Move the cutoff: the alignment depends on Σλ/√p.",
    ),
    "too large a step": Preset(
        Choices(eta=1.5, steps=200, n=20, data=DATA[1]),
        "η λ_max(G) is above 2, and the loss explodes. The theorems' hypotheses as printed do not exclude it: the"
        " step-size condition is missing there. Make η smaller until the verdict changes.",
    ),
    "constant ridge for ever": Preset(
        Choices(
            data="orthonormal", n=5, d=10, p=400, activation="identity", eta=0.1, penalty="constant", lam=1.0,
            steps=4000,
        ),
        "With a constant penalty there is nothing to converge to: the weights grow, λ_max(G) reaches the edge"
        " 2/η − λ near the time that the theory names, and the run diverges after it.",
    ),
    "learned feedback": Preset(
        Choices(penalty="constant", lam=0.2, rule="kolen-pollack"),
        "Kolen and Pollack's rule gives b the update of β, so that the two decay towards each other and the cosine"
        " goes to 1. Without a penalty β − b stays as it was.",
    ),
}  # fmt: skip
