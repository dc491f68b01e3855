"""Dropout is no penalty: its clock is t/p.

Dropout aligns b and β too, but at its own pace: against τ = t/p the runs of all widths share the curve that
`theory.limits.dropout` predicts. A penalty's clock is t/√p, so in the number of steps in which a penalty aligns
a wide network, dropout gets next to nothing done.
"""

import numpy as np

from fa_ref import Problem, Setting
from gallery.frame import canvas, main
from theory.limits.dropout import dropout_limit
from validation.beyond.dropout import dropout_alignment

RATE = 0.5


def picture(*, quick=False):
    setting = Setting(Problem(np.eye(4), [0.5, -0.5, 0.5, -0.5]), None, "identity", eta=0.2)
    tau = np.linspace(0.0, 3.0, 5 if quick else 13)
    figure, (per_step, collapsed) = canvas(2)
    for p in (100, 200) if quick else (200, 600, 1800):
        cosines = np.mean(
            [dropout_alignment(setting, RATE, tau, p, seed) for seed in range(1 if quick else 2)], axis=0
        )
        per_step.plot(tau * p, cosines, ".-", label=f"p = {p}")
        collapsed.plot(tau, cosines, ".-")
    limit = dropout_limit(setting, RATE, tau[1:], units=2048 if quick else 16384)
    collapsed.plot(tau[1:], limit.alignment, "k--", label="limit p → ∞")
    per_step.set(xscale="log", xlabel="step t", ylabel="cos∠(b, β(t))", title="against t")
    collapsed.set(xlabel="τ = t/p", title="against t/p")
    for axes in (per_step, collapsed):
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
