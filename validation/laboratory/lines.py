"""The Python that computes again what the page shows."""

from __future__ import annotations

import math

from fa_ref.activations import resolve
from validation.laboratory.choices import DATA, TEACHER, Choices
from validation.laboratory.predicted import TOLERANCE, particles
from validation.laboratory.scene import Scene, look_every

__all__ = ["lines"]

#: From where one imports a sheet, by its name.
_IMPORTED = {
    "Theorem 3.2": ("validation", "theorem_3_2"),
    "Theorem 4.2": ("validation", "theorem_4_2"),
    "Theorem 4.3": ("validation", "theorem_4_3"),
    "Theorem 4.6": ("validation", "theorem_4_6"),
    "Section 4.1, cosine bound": ("validation", "alignment_bound"),
    "Theorem 4.6, any schedule": ("validation.theorems.theorem_4_6", "REMARK"),
    "alignment under Kolen–Pollack": ("validation.beyond.learned", "ALIGNMENT"),
}


def lines(scene: Scene) -> str:
    """Return a script that trains the same run, bit for bit, judges it, and prints what the page shows.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    str
        Python.

    Examples
    --------
    >>> from validation.laboratory import Choices, compute
    >>> print(lines(compute(Choices(n=3, d=5, p=40, steps=20))).split("rng = ")[1].split("run = ")[0])
    np.random.default_rng(0)
    X = data.gaussian_inputs(3, 5, rng, scale=5**-0.5)
    problem = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    network = Network.gaussian(40, problem.d, rng)
    setting = Setting(problem, network, "tanh", eta=0.1)
    <BLANKLINE>
    """
    choices = scene.choices
    body = [*_setting(choices), *_run(scene), *_bound(scene), *_spectrum(scene), *_edge(scene), *_prediction(scene)]
    return "\n".join([*_imports(scene), "", *body]) + "\n"


def _imports(scene: Scene) -> list[str]:
    choices = scene.choices
    wanted: dict[str, set[str]] = {"fa_ref": {"Network", "Setting", "data", "train"}}
    if choices.data != "digits":
        wanted["fa_ref"].add("Problem")
    if choices.ridge.maximum > 0:
        wanted["fa_ref"].add("schedules")
    wanted["theory.kernels"] = {"empirical_G", "empirical_H"}
    if scene.bound is not None:
        wanted["theory.kernels"].add("mean_kernel")
    if scene.edge is not None:
        wanted.setdefault("theory.limits", set()).add("edge_time")
    if scene.predicted.name:
        penalised = choices.ridge.maximum > 0
        module = "theory.limits" if penalised else "theory.limits.fixed_time"
        wanted.setdefault(module, set()).add("wide_prediction" if penalised else "follow")
    for verdict in scene.verdicts:
        module, name = _IMPORTED[verdict.claim]
        wanted.setdefault(module, set()).add(name)
    found = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(wanted.items())]
    return ["import numpy as np", "", *found]


def _setting(choices: Choices) -> list[str]:
    recipe = choices.ridge.recipe
    ridge = f", ridge=schedules.{recipe[0]}({', '.join(map(repr, recipe[1:]))})" if len(recipe) > 1 else ""
    rule = "" if choices.rule == "fa" else f', rule="{choices.rule}"'
    return [
        f"rng = np.random.default_rng({choices.seed})",
        *_problem(choices),
        f"network = Network.gaussian({choices.p}, problem.d, rng)",
        f'setting = Setting(problem, network, "{choices.activation}", eta={choices.eta!r}{ridge}{rule})',
    ]


def _problem(choices: Choices) -> list[str]:
    n, d = choices.n, choices.d
    if choices.data == "digits":
        return [f"problem = data.digit_parity(data.read_digits, {n})"]
    if choices.data == "orthonormal":
        return [f"problem = Problem(data.isometric_inputs({n}, {d}, rng), (-1.0) ** np.arange({n}))"]
    scale = f", scale={d}**-0.5" if choices.data == DATA[0] else ""
    taught = f'data.network_teacher(X, {TEACHER}, "{choices.activation}", rng)'
    if resolve(choices.activation).linear:
        taught = "data.linear_teacher(X, rng)"
    return [f"X = data.gaussian_inputs({n}, {d}, rng{scale})", f"problem = Problem(X, {taught})"]


def _run(scene: Scene) -> list[str]:
    choices = scene.choices
    every = f", record_every={choices.record_every}" if choices.record_every > 1 else ""
    return [
        f"run = train(setting, steps={choices.steps}{every})",
        "print(run.status, run.loss[-1], run.alignment[-1])  # the curves: run.times, run.loss, run.alignment",
        *(f"print({_IMPORTED[verdict.claim][1]}.judge(run))" for verdict in scene.verdicts),
        "",
    ]


def _bound(scene: Scene) -> list[str]:
    if scene.bound is None:
        return []
    eta, ridge = scene.choices.eta, scene.choices.ridge.maximum > 0
    rate = f'mean_kernel(problem.X, "{scene.choices.activation}").gamma / {scene.bound.share:g}'
    decay, pull = (f" - {eta!r} * lam", f" + {eta!r} * lam * np.linalg.norm(problem.y)") if ridge else ("", "")
    return [
        f"norm, rate = run.residual_norms[0], {rate}",
        f"for {'lam' if ridge else '_'} in setting.ridge.values(run.times[-1]):",
        f"    norm = max(0.0, 1 - {eta!r} * rate{decay}) * norm{pull}",
        f"print(0.5 * norm**2)  # the bound of {scene.bound.name} on the last loss",
        "",
    ]


def _spectrum(scene: Scene) -> list[str]:
    choices, psi = scene.choices, f'"{scene.choices.activation}"'
    rule = ', rule="bp"' if choices.rule == "bp" else ""
    steps, every = look_every(scene.run)
    return [
        "spectrum = {}",
        "",
        "",
        "def look(t, now):",
        f"    G, H = empirical_G(problem.X, now, {psi}), empirical_H(problem.X, now, {psi}{rule})",
        "    spectrum[t] = np.linalg.eigvalsh(G + H)",
        "",
        "",
        f"last = train(setting, steps={steps}, record_every={every}, observe=look)",
        f"print(spectrum[{scene.spectrum.times[-1]}])",
        "print(np.linalg.norm(last.network.W - network.W, axis=1).max())  # how far the units have moved",
        "",
    ]


def _edge(scene: Scene) -> list[str]:
    if scene.edge is None:
        return []
    said = f"edge_time(problem, eta={scene.choices.eta!r}, ridge=setting.ridge) * {scene.choices.p}**0.5"
    return [f"print({said})  # the step at which λ_max(G) is predicted to reach 2/η − λ"]


def _prediction(scene: Scene) -> list[str]:
    """What predicts the alignment, at the last step at which it applies."""
    said, choices = scene.predicted, scene.choices
    shown = [k for k, cosine in enumerate(said.alignment) if math.isfinite(cosine)]
    if not said.name or not shown:
        return []
    if choices.ridge.maximum == 0:
        return [f"print(follow(setting, [{said.times[shown[-1]]}]).alignment)  # predicted at that step"]
    called = f'wide_prediction(problem, "{choices.activation}", theta, eta={choices.eta!r}, ridge=setting.ridge'
    return [
        f"theta = np.array({said.times.tolist()}) / {choices.p}**0.5",
        f"said = {called}, p={choices.p},",
        f"                       particles={particles(choices.n)}, tolerance={TOLERANCE})",
        f"print(said.alignment[{shown[-1]}])  # predicted at t = {said.times[shown[-1]]}",
    ]
