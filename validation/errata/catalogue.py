"""What a checker finds in the paper as printed: each erratum as a demonstration, both readings side by side.

`demonstrate` runs them all. In each the printed reading fails on a counterexample that is named, and the corrected
one holds on the same. Where the printed text is not false but misleads (the ninth), the misreading fails.
A new one is a function under `validation.errata.entry.demonstration`, and a line in `DEMONSTRATIONS`.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from validation.errata import algorithm, alignment, convergence, inputs, open_questions
from validation.errata.entry import Demonstration, Erratum

__all__ = ["DEMONSTRATIONS", "Erratum", "demonstrate"]

#: In the order of their numbers; each has a random stream of its own, so that one more changes none before it.
DEMONSTRATIONS: tuple[Demonstration, ...] = (
    algorithm.residual_sign,
    algorithm.ridge_update,
    convergence.ridge_pull,
    inputs.mean_kernel_dimension,
    convergence.step_size_clause,
    convergence.published_step_sizes,
    inputs.isometry_rate,
    algorithm.expansion_of_beta,
    alignment.large_L,
    open_questions.fixed_schedules,
    open_questions.constant_penalty,
    open_questions.nonlinear_cutoff,
    open_questions.isometry_is_not_needed,
)


def demonstrate(seed: int = 0, *, only: Collection[int] | None = None) -> list[Erratum]:
    """Run every demonstration, in order.

    Parameters
    ----------
    seed : int, optional
        Of the networks and inputs.
    only : collection of int, optional
        The errata with these numbers alone.

    Returns
    -------
    list of Erratum

    Examples
    --------
    >>> found = demonstrate()
    >>> [erratum.number for erratum in found] == list(range(1, len(DEMONSTRATIONS) + 1)), all(found)
    (True, True)
    """
    streams = np.random.SeedSequence(seed).spawn(len(DEMONSTRATIONS))
    numbered = enumerate(zip(DEMONSTRATIONS, streams, strict=True), start=1)
    wanted = [(show, stream) for number, (show, stream) in numbered if only is None or number in only]
    return [show(np.random.default_rng(stream)) for show, stream in wanted]
