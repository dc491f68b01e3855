"""The inputs that the main job runs on: the paper's synthetic set-up, images, or a user's own data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fa_ref import Problem, data

__all__ = ["Inputs", "digits", "gaussian", "mnist", "own"]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """X with the targets of a linear and of a nonlinear network.

    Attributes
    ----------
    name : str
        In a word or two, for the table.
    linear, nonlinear : Problem
        The same X; y for the identity, and y for tanh. They may be the same problem.
    notes : tuple of str
        Where they come from.
    gaussian : bool
        Whether X has independent Gaussian entries, which Propositions 3.3 and 4.5 speak of.
    """

    name: str
    linear: Problem
    nonlinear: Problem
    notes: tuple[str, ...] = ()
    gaussian: bool = False

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.linear.n)

    @property
    def d(self) -> int:
        """Input dimension."""
        return int(self.linear.d)


def gaussian(rng: np.random.Generator, n: int = 50, d: int = 150) -> Inputs:
    """The paper's set-up: inputs N(0, I_d), a linear teacher for the linear network, a tanh teacher for tanh."""
    X = data.gaussian_inputs(n, d, rng)
    linear = Problem(X, data.linear_teacher(X, rng))
    tanh = Problem(X, data.network_teacher(X, 1000, "tanh", rng))
    return Inputs(
        name="Gaussian", linear=linear, nonlinear=tanh, gaussian=True,
        notes=(f"N(0, 1) entries, n = {n}, d = {d}; y of a linear teacher, and of a tanh network of 1000 units",),
    )  # fmt: skip


def digits(n: int = 50) -> Inputs:
    """The first n of the 8×8 digits with unit rows, y = ±1 by parity."""
    problem = data.digit_parity(data.read_digits, n, unit=True)
    return Inputs(
        name="digits", linear=problem, nonlinear=problem, notes=(f"{n} of the 8×8 digits, unit rows, y = ±1",)
    )


def mnist(folder: str | Path, n: int = 50) -> Inputs:
    """The first n images of MNIST with unit rows, y = ±1 by parity.

    Raises
    ------
    ValueError
        If the folder does not hold the MNIST files.
    """
    images = data.read_mnist(folder)
    problem = data.digit_parity(lambda: images, n, unit=True)
    return Inputs(
        name="MNIST", linear=problem, nonlinear=problem, notes=(f"{n} of MNIST's images, unit rows, y = ±1",)
    )


def own(problem: Problem, source: str = "", notes: tuple[str, ...] = ()) -> Inputs:
    """A user's data, as they are; ``source`` and ``notes`` say where they come from and how they were read."""
    said = f"{source}, n = {problem.n}, d = {problem.d}" if source else f"n = {problem.n}, d = {problem.d}"
    return Inputs(name="your data", linear=problem, nonlinear=problem, notes=(said, *notes))
