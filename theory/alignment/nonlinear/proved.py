"""What is proved of the alignment of one given network before training it: Theorems B′ and C′, or B and C."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count, one_of
from fa_ref.setting import Setting
from theory.alignment.nonlinear import closed, sharp
from theory.alignment.nonlinear.closed import Bound
from theory.alignment.nonlinear.entries import Entries, penalty_of
from theory.alignment.nonlinear.majorants import majorants
from theory.alignment.nonlinear.measuring import measure

__all__ = ["ProvedAlignment", "proved_alignment"]

Array = NDArray[np.float64]
#: Steps considered at most where there is no cutoff.
LONGEST = 10**6
ORDERS = {"sharp": 0, "first-order": 1, "second-order": 2}


@dataclass(frozen=True, kw_only=True)
class ProvedAlignment:
    """Lower bounds of cos∠(b, β(t)) for one network, proved from its weights at the step called 0.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Steps up to the cutoff, or up to the last one asked for.
    bounds : ndarray, shape (m,)
        cos∠(b, β(t)) ≥ bounds; −inf where nothing is proved.
    before : Bound
        The bound at the step where it is best, with the margins of the hypotheses.
    after : Bound or None
        For all t from the cutoff on, in the limit ‖e‖ → 0, with E_T and the rate at which ‖e‖ goes there; None
        without a cutoff.
    cutoff : int or None
        The first step without penalty.
    eta : float
        η.
    entries : Entries
        What was measured.
    form : str
        Which bounds.
    """

    times: NDArray[np.int64]
    bounds: Array
    before: Bound
    after: Bound | None
    cutoff: int | None
    eta: float
    entries: Entries
    form: str

    def __bool__(self) -> bool:
        return bool(self.after) if self.after is not None else bool(self.before)

    @property
    def best(self) -> int:
        """The step at which the bound before the cutoff is best."""
        return int(self.times[np.argmax(self.bounds)])

    def settled(self, share: float = 0.5) -> int | None:
        """T_c of Definition 4.1: a step from which on cos∠(b, β(t)) ≥ ``share`` times ``after.cosine``, proved.

        None where nothing is proved after a cutoff.
        """
        if self.cutoff is None or not self.after:
            return None
        after, root = self.after, math.sqrt(self.entries.b2)
        # the bound is (A − s‖e‖)/(B + f‖e‖): the ‖e‖ at which it is this share of A/B
        numerator = after.cosine * (after.S + after.X)
        allowed = (1 - share) * numerator / (after.steepness / root + share * after.cosine * after.flatness)
        if allowed >= after.residual:
            return self.cutoff
        return self.cutoff + math.ceil(math.log(allowed / after.residual) / math.log1p(-self.eta * after.rate))


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def proved_alignment(setting: Setting, *, steps: int | None = None, form: str = "sharp") -> ProvedAlignment:
    """Prove alignment of this network under this λ, before training it; any weights, trained ones too.

    Parameters
    ----------
    setting : Setting
        Feedback alignment with a λ > 0 that is constant, or constant up to a cutoff; ψ with bounded ψ′ and ψ″.
    steps : int, optional
        Last step considered without a cutoff; if not given, θ = 2/(ηλ).
    form : {"sharp", "first-order", "second-order"}, optional
        Theorems B′ and C′, or B and C in closed form.

    Returns
    -------
    ProvedAlignment
        True where a positive bound is proved, after the cutoff if there is one.

    Raises
    ------
    ValueError
        If the setting is another one, or the form is not one of these.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem, schedules
    >>> network = Network.gaussian(10_000, 2, np.random.default_rng(0))
    >>> setting = Setting(Problem(np.eye(2), [1.0, 1.0]), network, "tanh", eta=0.3, ridge=schedules.cutoff(1.0, 25))
    >>> proved = proved_alignment(setting)
    >>> bool(proved), proved.before.cosine > 0.03, proved.after.cosine > 0.01
    (True, True, True)
    """
    one_of("form", form, ORDERS)
    if setting.rule != "fa" or not math.isfinite(setting.activation.B2):
        raise ValueError(f"setting: expected feedback alignment with a bounded ψ″, got {setting}")
    T = penalty_of(setting.ridge)[1]
    data, entries = measure(setting)
    order, cutoff = ORDERS[form], int(T) if math.isfinite(T) else None
    asked = as_count("steps", steps) if steps is not None else 2 * math.sqrt(entries.p) / data.eta / data.lam
    last = cutoff if cutoff is not None else math.ceil(min(asked, LONGEST))
    if order == 0:
        found = majorants(data, entries, last)
        times, bounds = np.arange(last + 1), sharp.cosines(data, entries, last, found)
        before = sharp.before_cutoff(data, entries, int(np.argmax(bounds)))
        after = sharp.all_after_cutoff(data, entries, found, last) if cutoff is not None else None
    else:
        times = np.unique(np.round(np.geomspace(1, last, 400)).astype(np.int64))
        each = [closed.before_cutoff(data, entries, int(t), order) for t in times]
        bounds = np.array([bound.cosine for bound in each])
        before = each[int(np.argmax(bounds))]
        after = closed.after_cutoff(data, entries, last, order) if cutoff is not None else None
    return ProvedAlignment(
        times=times, bounds=bounds, before=before, after=after, cutoff=cutoff, eta=setting.eta, entries=entries,
        form=form,
    )  # fmt: skip
