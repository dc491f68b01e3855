"""The main job: Theorems 3.2 and 4.3 on the paper's synthetic set-up and on real images, at several widths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fa_ref import Network, Problem, Trajectory, data, train
from fa_ref.activations import resolve
from theory.kernels import MeanKernel, kernel_of
from validation.judge.claims import Claim
from validation.judge.verdicts import VIOLATED, Verdict
from validation.report.predicted import Overlay, common_law, overlay
from validation.theorems import theorem_3_2, theorem_4_3

__all__ = ["Finding", "Setting", "data_settings", "given_settings", "synthetic_settings", "verify"]

WIDTHS = {"identity": (200, 800, 3200), "tanh": (400, 1600, 6400)}
IMAGE_WIDTHS = {"identity": (200, 800), "tanh": (400, 1600)}
STEPS = 300


@dataclass(frozen=True)
class Setting:
    """A claim to check: on which problem, with which activation, at which widths.

    Attributes
    ----------
    name : str
        The data, in a few words.
    problem : Problem
        X and y.
    activation : str
        ``"identity"`` is judged by Theorem 4.3, every other by Theorem 3.2.
    widths : sequence of int
        Each p is one run.
    """

    name: str
    problem: Problem
    activation: str
    widths: Sequence[int]

    @property
    def claim(self) -> Claim:
        """The sheet that judges this setting."""
        return theorem_4_3.CLAIM if resolve(self.activation).linear else theorem_3_2.CLAIM

    def eta(self) -> float:
        """Half of 1/(nB0²) for a bounded ψ, as Theorem 3.2 needs; half of 1/λ_max(K) else, near what 4.3 needs."""
        top = self.problem.lambda_max
        if self.activation != "identity" and np.isfinite(resolve(self.activation).B0):
            top = self.problem.n * resolve(self.activation).B0 ** 2
        return 0.5 / top if top > 0 else 0.5


@dataclass(frozen=True)
class Finding:
    """One run with its verdict, and what the wide limits predict of it where they apply."""

    setting: Setting
    width: int
    run: Trajectory
    verdict: Verdict
    kernel: MeanKernel
    predicted: Overlay | None = None

    @property
    def label(self) -> str:
        """Data, activation and width in a few words."""
        return f"{self.setting.name}, {self.setting.activation}, p = {self.width}"

    @property
    def violated(self) -> bool:
        """Whether the claim's inequality failed although no hypothesis did."""
        return self.verdict.status == VIOLATED

    def to_dict(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        gammas = {"gamma": self.kernel.gamma, "gamma_lower": self.kernel.gamma_lower}
        return {"setting": self.setting.name, **self.run.describe(), **gammas, **self.verdict.to_dict()}


def synthetic_settings(rng: np.random.Generator, n: int = 50, d: int = 150) -> list[Setting]:
    """The paper's set-up: inputs N(0, I_d), a linear teacher for the linear network, a tanh teacher for tanh."""
    X = data.gaussian_inputs(n, d, rng)
    linear = Problem(X, data.linear_teacher(X, rng))
    tanh = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    return [
        Setting("Gaussian inputs", linear, "identity", WIDTHS["identity"]),
        Setting("Gaussian inputs", tanh, "tanh", WIDTHS["tanh"]),
    ]


def data_settings(mnist: str | Path | None, n: int = 50) -> list[Setting]:
    """Parity of the first n digits, as they are and with unit rows: MNIST if its folder is given, else 8×8 digits.

    Raises
    ------
    ValueError
        If the folder does not hold the MNIST files.
    """
    name, read = ("MNIST", lambda: data.read_mnist(mnist)) if mnist is not None else ("digits", data.read_digits)
    images = read()
    settings = []
    for unit in (True, False):
        problem = data.digit_parity(lambda: images, n, unit=unit)
        label = f"{name}, {'unit norm' if unit else 'as they are'}"
        settings += [Setting(label, problem, activation, widths) for activation, widths in IMAGE_WIDTHS.items()]
    return settings


def given_settings(name: str, problem: Problem) -> list[Setting]:
    """A user's data; a linear network that cannot fit all of y is judged on what it can fit, `Problem.projected`.

    Examples
    --------
    >>> tall = Problem([[1.0], [1.0]], [2.0, 0.0])
    >>> [(setting.name, setting.problem.n) for setting in given_settings("mine", tall)]
    [('mine, projected on rank 1', 1), ('mine', 2)]
    """
    linear = Setting(name, problem, "identity", IMAGE_WIDTHS["identity"])
    if 0 < problem.rank == problem.d < problem.n:
        linear = replace(linear, name=f"{name}, projected on rank {problem.rank}", problem=problem.projected())
    return [linear, Setting(name, problem, "tanh", IMAGE_WIDTHS["tanh"])]


def verify(
    settings: Sequence[Setting],
    seed: int,
    *,
    steps: int = STEPS,
    engine: str = "ordered",
    progress: Callable[[str], None] | None = None,
) -> Iterator[Finding]:
    """Train once for every setting and width, and judge every step.

    Parameters
    ----------
    settings : sequence of Setting
        What to check.
    seed : int
        The network of a setting and width depends on this and on its place in the list only.
    steps : int, optional
        Steps of each run.
    engine : str, optional
        Passed to `fa_ref.train`.
    progress : callable, optional
        Called with the label of each run before it starts.

    Yields
    ------
    Finding
        In the order of the settings.
    """
    for place, setting in enumerate(settings):
        problem, activation, eta = setting.problem, setting.activation, setting.eta()
        kernel = kernel_of(problem, resolve(activation))
        law = common_law(problem, activation, eta, steps, kernel)
        for rank, p in enumerate(setting.widths):
            if progress:
                progress(f"{setting.name}, {setting.activation}, p = {p}")
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place, rank)))
            network = Network.gaussian(p, problem.d, rng)
            run = train(problem, network, activation, eta=eta, steps=steps, engine=engine)
            predicted = overlay(problem, network, activation, eta, law, kernel)
            yield Finding(setting, p, run, setting.claim.judge(run), kernel, predicted)
