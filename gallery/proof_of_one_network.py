"""The proof that one network converges: from a step on, its loss is known to go to zero.

What can be said of all networks asks for a width of 10¹² here; this one has 400 units. It is trained until its own
weights allow a proof. From there ‖e‖ stays below the dashed line for all time, and the cosine between b and β stays
between two numbers. The run goes on, and stays within both.
"""

import numpy as np

from fa_ref import Network, Problem, Setting, data, train
from gallery.frame import canvas, main
from theory import certify, sufficient_width


def picture(*, quick=False):
    rng = np.random.default_rng(5)
    n, d, p = (5, 15, 200) if quick else (20, 60, 400)
    X = data.gaussian_inputs(n, d, rng, scale=d**-0.5)
    problem = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    setting = Setting(problem, Network.gaussian(p, d, rng), "tanh", eta=0.05)
    found = certify(setting, max_steps=8000)
    figure, (norms, cosine) = canvas(2)
    run = train(setting, steps=found.steps)
    norms.semilogy(run.times, run.residual_norms, label="this run")
    cosine.plot(run.times, run.alignment, label="this run")
    if found.certificate is not None and found.step is not None:
        T, rate = found.step, found.certificate.rate
        later = run.times[T:]
        promised = run.residual_norms[T] * (1.0 - setting.eta * rate) ** (later - T)
        norms.semilogy(later, promised, "--", label=f"proved from t = {T} on")
        cosine.fill_between(
            later, *found.certificate.alignment, color="C1", alpha=0.3, label="proved for all later t"
        )
    asked = sufficient_width(problem, "tanh", eta=setting.eta, delta=0.1)
    norms.set(xlabel="step t", ylabel="‖e(t)‖", title=f"p = {p}; the theorem's constants ask for {asked:.0e}")
    cosine.set(xlabel="step t", ylabel="cos∠(b, β(t))")
    for axes in (norms, cosine):
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(picture)
