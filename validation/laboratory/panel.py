"""The laboratory's verdicts as HTML: each sheet with its status, where it is tightest, and its margins."""

from __future__ import annotations

import sys

from markupsafe import Markup

from theory.margins import Margin
from validation.judge.verdicts import HOLDS, VIOLATED, Verdict
from validation.laboratory.scene import Scene

__all__ = ["MEANING", "margins", "panel", "summary"]

#: What each status says, for those who see it for the first time.
MEANING = {
    "holds": "no hypothesis fails, and every inequality holds at every step judged",
    "violated": "every hypothesis is met, and an inequality fails",
    "undecided": "an inequality fails, but a hypothesis has no number in the paper (“p large enough”)",
    "not applicable": "a hypothesis fails, so the theorem says nothing",
    "diverged": "a hypothesis fails, and the run diverged",
    "vacuous": "no step could be judged: no bound there could have failed",
}


def summary(scene: Scene) -> Markup:
    """One line: the setting, how the run ended, and how long it took."""
    run = scene.run
    ended = f"diverged at step {run.diverged_at}" if run.status == "diverged" else f"{run.times[-1]} steps"
    return Markup('<p class="lab-summary">{} · {} · engine {} · {:.2f} s</p>').format(
        str(run.setting), ended, run.engine, scene.seconds
    )


def panel(scene: Scene) -> Markup:
    """What the theorems say of the run: a line each.

    Examples
    --------
    >>> from validation.laboratory import Choices, compute
    >>> html = panel(compute(Choices(n=4, d=8, p=200, steps=60)))
    >>> "Theorem 3.2" in html, 'class="lab-status lab-good">holds' in html
    (True, True)
    """
    said = Markup("").join(
        Markup('<p class="lab-claim">{} {}</p><p>{}</p><p class="lab-meaning">{}</p>').format(
            verdict.claim, _status(verdict), _words(verdict), MEANING[verdict.status]
        )
        for verdict in scene.verdicts
    )
    return Markup(
        '<section class="lab-card lab-verdicts" aria-label="Verdicts" aria-live="polite"><div>'
        '<p class="lab-title">What the theorems say</p>{}</div></section>'
    ).format(said)


def margins(scene: Scene) -> Markup:
    """Every hypothesis of every sheet with its margin."""
    return Markup('<div class="lab-margins">{}</div>').format(Markup("").join(map(_table, scene.verdicts)))


def _status(verdict: Verdict) -> Markup:
    kind = {HOLDS: "good", VIOLATED: "bad"}.get(verdict.status, "open")
    return Markup('<span class="lab-status lab-{}">{}</span>').format(Markup(kind), verdict.status)


def _words(verdict: Verdict) -> str:
    """The verdict without its claim and status, which stand beside it."""
    return verdict.line.removeprefix(f"{verdict.claim}: {verdict.status}: ")


def _table(verdict: Verdict) -> Markup:
    rows = Markup("").join(map(_margin, verdict.hypotheses))
    return Markup(
        '<section class="lab-card"><div class="lab-scroll"><table><caption>Hypotheses of {}</caption><thead><tr>'
        "<th>hypothesis</th><th>value</th><th>asked for</th><th></th></tr></thead><tbody>{}</tbody></table></div>"
        "</section>"
    ).format(verdict.claim, rows)


def _margin(margin: Margin) -> Markup:
    met = {True: "met", False: "fails", None: "measured"}[margin.met]
    value, asked = f"{margin.value:.3g}", "–"
    if margin.is_fact:
        value, asked = "yes" if margin.met else "no", "yes"
    elif margin.threshold == sys.float_info.max:
        asked = "finite"
    elif margin.threshold is not None:
        asked = f"{margin.relation} {margin.threshold:.3g}"
    return Markup('<tr class="lab-{}"><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>').format(
        Markup(met), margin.name, value, asked, met
    )
