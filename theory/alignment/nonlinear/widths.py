"""How wide a network must be to align with probability 1 − δ, and by how much it then does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fa_ref._support.checks import as_count, as_number
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from theory.alignment.nonlinear import closed, levels, sharp
from theory.alignment.nonlinear.entries import Data, Entries, data_of
from theory.alignment.nonlinear.majorants import majorants
from theory.kernels import MeanKernel, mean_kernel

__all__ = ["AlignmentWidth", "alignment_level", "alignment_width", "best_time"]

#: Widths beyond this are not searched: the recursion takes about √p steps.
WIDEST = 10**11
#: Steps of the recursion at most.
LONGEST = 2 * 10**6
#: Cutoffs tried at one width.
CUTOFFS = 120


@dataclass(frozen=True, kw_only=True)
class AlignmentWidth:
    """With probability at least 1 − δ, cos∠(b, β) ≥ c at t = ⌊θ√p⌋, or for all late times after a cutoff there.

    Attributes
    ----------
    c : float
        The bound, positive.
    theta : float
        t/√p.
    p : int
        Width.
    delta : float
        Failure probability.
    after : bool
        Whether it speaks of the times after a cutoff (Definition 4.1).
    form : str
        Which bounds.
    rigorous : bool
        Whether the errors of Ḡ and Θ̄ are bounded; they are estimates if ψ states too little of itself.
    """

    c: float
    theta: float
    p: int
    delta: float
    after: bool
    form: str
    rigorous: bool


def alignment_width(
    problem: Problem,
    activation: str | Activation,
    *,
    eta: float,
    lam: float,
    delta: float,
    after: bool = False,
    form: str = "sharp",
    kernel: MeanKernel | None = None,
) -> AlignmentWidth | None:
    """The width from which alignment is proved with probability 1 − δ, to 1 %, with c and θ there.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ: bounded, with bounded ψ′, ψ″ and (but for the first-order form) ψ‴.
    eta, lam, delta : float
        η, λ and δ.
    after : bool, optional
        Ask for all late times after a cutoff at θ√p instead.
    form : {"sharp", "first-order", "second-order"}, optional
        ``"sharp"`` is Theorem B′ or C′ with the levels of `levels.sharp`; the others are Theorem B or C with the
        printed table.
    kernel : MeanKernel, optional
        Of X and ψ, computed if not given.

    Returns
    -------
    AlignmentWidth or None
        None where no width up to 10¹¹ is enough, or ψ is not as the theorem asks.

    Notes
    -----
    The search doubles p and then bisects its logarithm. Each level and each bound improves with p at fixed θ, up to
    the rounding of θ√p to a step.

    Examples
    --------
    >>> width = alignment_width(Problem([[1.0]], [1.0]), "tanh", eta=0.5, lam=0.5, delta=0.1)
    >>> 1e3 < width.p < 1e5 and width.c > 0
    True
    """

    def found(p: int) -> AlignmentWidth | None:
        return alignment_level(problem, psi, p, eta=eta, lam=lam, delta=delta, after=after, form=form, kernel=known)

    psi = resolve(activation)
    known = mean_kernel(problem.X, psi) if kernel is None else kernel
    if not math.isfinite(psi.B0 + psi.B1 + psi.B2) or (after and not known.gamma_lower > 0):
        return None
    low, high = 1, 2
    while (best := found(high)) is None:
        low, high = high, 2 * high
        if high > WIDEST:
            return None
    while high > 1.01 * low + 1:
        middle = math.floor(math.sqrt(low * high))
        at_middle = found(middle)
        if at_middle is None:
            low = middle
        else:
            high, best = middle, at_middle
    return best


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def alignment_level(
    problem: Problem,
    activation: str | Activation,
    p: int,
    *,
    eta: float,
    lam: float,
    delta: float,
    after: bool = False,
    form: str = "sharp",
    kernel: MeanKernel | None = None,
) -> AlignmentWidth | None:
    """The best c at one width, over θ; None where none is proved.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ.
    p : int
        Width.
    eta, lam, delta : float
        Step size, λ > 0, and failure probability in (0, 1).
    after : bool, optional
        Whether to bound the cosine after a cutoff.
    form : str, optional
        As in `alignment_width`.
    kernel : MeanKernel, optional
        Of X and ψ, computed if not given.

    Returns
    -------
    AlignmentWidth or None

    Raises
    ------
    ValueError
        If δ is not in (0, 1), or the form is not one of these.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Problem
    >>> problem = Problem(np.eye(2), [1.0, 1.0])
    >>> alignment_level(problem, "tanh", 1000, eta=0.3, lam=1.0, delta=0.1) is None
    True
    """
    psi, p = resolve(activation), as_count("p", p)
    eta, lam = as_number("eta", eta, above=0), as_number("lam", lam, above=0)
    delta = as_number("delta", delta, above=0, below=1)
    if form not in ("sharp", "first-order", "second-order"):
        raise ValueError(f"form: expected sharp, first-order or second-order, got {form!r}")
    bounds = (psi.B0, psi.B1, psi.B2, *(() if form == "first-order" else (psi.B3,)))
    if not (psi.smooth and np.isfinite(bounds).all() and np.linalg.norm(problem.y) > 0):
        return None
    kernel = mean_kernel(problem.X, psi) if kernel is None else kernel
    if after and not kernel.gamma_lower > 0:
        return None
    data = data_of(problem, psi, eta, lam)
    if form == "sharp":
        entries, order = levels.sharp(problem, data, kernel, p, delta, after=after), 0
    else:
        order = 1 if form == "first-order" else 2
        entries = levels.printed(problem, data, kernel, p, delta, order)
    c, t = best_time(data, entries, order, after=after)
    if not c > 0:
        return None
    return AlignmentWidth(
        c=c, theta=t / math.sqrt(p), p=p, delta=delta, after=after, form=form, rigorous=kernel.rigorous
    )


def best_time(
    data: Data, entries: Entries, order: int = 0, *, after: bool = False, longest: int | None = None
) -> tuple[float, int]:
    """The largest lower bound over the steps, and its step; order 0 is Theorem B′ or C′, 1 and 2 are B or C.

    ``longest`` is the last step considered; if not given, twice √p/(ηλ), which is θ = 2/(ηλ).
    """
    last = longest or math.ceil(min(2 * math.sqrt(entries.p) / data.eta / data.lam + 8, LONGEST))
    if order == 0:
        found = majorants(data, entries, last)
        if not after:
            bounds = sharp.cosines(data, entries, last, found)
            t = int(np.argmax(bounds))
            return float(bounds[t]), t
        steps = _spaced(found.valid)
        tried = [(sharp.all_after_cutoff(data, entries, found, t).cosine, t) for t in steps]
    else:
        bound = closed.after_cutoff if after else closed.before_cutoff
        tried = [(bound(data, entries, t, order).cosine, t) for t in _spaced(last)]
    c, t = max(tried)
    return float(c), t


def _spaced(last: int) -> list[int]:
    """About `CUTOFFS` steps, dense where steps are few."""
    return sorted({round(t) for t in np.geomspace(1, max(last, 1), CUTOFFS)})
