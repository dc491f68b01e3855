"""A counterexample, found and shrunk: Theorem 4.3 needs a small step.

As printed, Theorem 4.3 asks nothing of the step size. A search over small problems finds a run that meets every
other hypothesis and breaks (4.3); shrinking then takes away samples, dimensions, units, steps and digits as
long as it still does. What is left can be checked by hand.
"""

import numpy as np

from gallery.frame import canvas, main
from validation import falsify
from validation.judge.record import reference_run
from validation.search.laws import small_settings
from validation.theorems import explicit


def picture(*, quick=False):
    claim, law = explicit.LINEAR.without(explicit.STEP), small_settings("identity")
    figure, both = canvas(2)
    for axes, simplify in zip(both, (False, True), strict=True):
        found = falsify(claim, law, rng=np.random.default_rng(0), steps=8 if quick else 20, simplify=simplify)
        if found is None:
            axes.set_title("none found")
            continue
        setting = found.setting
        run = reference_run(setting, found.steps)
        broken = next(i for i in claim.judge(run).inequalities if not i.holds)
        axes.plot(run.times, run.residual_norms, "o-", label="‖e(t)‖")
        axes.plot(broken.times + 1, broken.rhs, "kv", label=f"what {broken.name} allows")
        axes.set_yscale("symlog", linthresh=float(run.residual_norms[run.residual_norms > 0].min()))
        size = f"n = {setting.problem.n}, d = {setting.problem.d}, p = {setting.p}, η = {setting.eta:.3g}"
        axes.set(title=f"{'shrunk' if simplify else 'as found'}: {size}", xlabel="step t")
        axes.set_xticks(run.times)
        if setting.p == setting.problem.n == setting.problem.d == 1:
            (w,), (beta,), (b,) = setting.start.W[0], setting.start.beta, setting.start.b
            x, y = setting.problem.X[0, 0], setting.problem.y[0]
            axes.text(
                0.3, 0.25, f"x = {x:g}, y = {y:g}\nw = {w:g}, β = {beta:g}, b = {b:g}", transform=axes.transAxes
            )
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
