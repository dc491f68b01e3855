"""Hypothesis strategies for problems, networks, schedules and activations, and assertions for property tests.

Everything shrinks to a small readable case: X towards a multiple of the identity, y towards ones, a network towards
few units and the first seeds, a schedule towards zero. Only this module and `validation.search.targeting` need
Hypothesis (the ``test`` extra).

An assertion on a case that a claim says nothing about rejects the example inside a Hypothesis test, and fails
outside one: nothing that was not judged ever passes.
"""

from __future__ import annotations

import math

import hypothesis
import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from fa_ref import Network, Problem
from fa_ref import schedules as penalties
from fa_ref.activations import ACTIVATIONS
from fa_ref.schedules import Schedule
from validation.judge.claims import HOLDS, UNDECIDED, VIOLATED, Claim, Evidence, Verdict
from validation.judge.fits import Fit, contraction_rate, fit_exponent
from validation.search.cases import DISTANCE, PENALTY, SIZE, STEP, Case, small_case

__all__ = [
    "KINDS",
    "activations",
    "assert_contracts",
    "assert_holds",
    "assert_scaling",
    "cases",
    "networks",
    "problems",
    "schedules",
    "small_cases",
]

Array = NDArray[np.float64]
Draw = st.DrawFn

#: The kinds of problems; "ill-conditioned" has λ_max/λ_min of XXᵀ from 10⁴ to 10¹², "tall" has n > d.
KINDS = ("isometric", "well-conditioned", "ill-conditioned", "tall", "tiny", "huge")


@st.composite
def _rotations(draw: Draw, d: int) -> Array:
    """A reflection I − 2vvᵀ/‖v‖² with small integers in v; the identity at v = 0."""
    v = np.array(draw(st.lists(st.integers(-3, 3), min_size=d, max_size=d)), dtype=float)
    norm = float(v @ v)
    return np.eye(d) - (2.0 / norm * np.outer(v, v) if norm > 0 else 0.0)


@st.composite
def problems(draw: Draw, kind: str | None = None, *, max_n: int = 4, max_d: int = 6) -> Problem:
    """Problems of one kind, or of any.

    Parameters
    ----------
    kind : str, optional
        One of `KINDS`.
    max_n, max_d : int, optional
        Largest sizes; "tall" needs ``max_n`` ≥ 2.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(problems("isometric"), lambda problem: problem.n == 2).X
    array([[1., 0.],
           [0., 1.]])
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    kind = draw(st.sampled_from(KINDS)) if kind is None else kind
    if kind == "tall":
        d = draw(st.integers(1, min(max_d, max_n - 1)))
        n = draw(st.integers(d + 1, max_n))
        entries = draw(st.lists(st.integers(-4, 4), min_size=n * d, max_size=n * d))
        X = np.array(entries, dtype=float).reshape(n, d) / 2.0
        X[0, 0] += 1.0 if not X.any() else 0.0
    else:
        n = draw(st.integers(1, min(max_n, max_d)))
        d = draw(st.integers(n, max_d))
        sigma = np.array(draw(_spectra(kind, n)))
        X = draw(_rotations(n)) @ np.diag(sigma) @ draw(_rotations(d))[:n]
    signs = draw(st.lists(st.sampled_from([1.0, -1.0, 0.5, 2.0, 0.0]), min_size=X.shape[0], max_size=X.shape[0]))
    scale = float(np.linalg.norm(X, 2)) if kind in ("tiny", "huge") else 1.0
    return Problem(X, scale * np.array(signs))


def _spectra(kind: str, n: int) -> st.SearchStrategy[list[float]]:
    """Singular values of X."""
    if kind == "isometric":
        return st.sampled_from([1.0, 2.0, 0.5]).map(lambda scale: [scale] * n)
    if kind == "ill-conditioned":
        return st.integers(2, 6).map(lambda k: [10.0 ** (-k * (i > 0)) for i in range(n)])
    plain = st.lists(st.sampled_from([1.0, 1.5, 2.0]), min_size=n, max_size=n)
    if kind == "well-conditioned":
        return plain
    exponents = st.integers(3, 8).map(lambda k: 10.0 ** (-k if kind == "tiny" else k))
    return st.tuples(exponents, plain).map(lambda drawn: [drawn[0] * value for value in drawn[1]])


@st.composite
def networks(draw: Draw, d: int, *, p: st.SearchStrategy[int] | None = None) -> Network:
    """Gaussian networks with d inputs, of a drawn width (1 to 50) and a drawn seed.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(networks(2), lambda network: network.p > 10).p
    11
    """
    width = draw(st.integers(1, 50) if p is None else p)
    return Network.gaussian(width, d, np.random.default_rng(draw(st.integers(0, 2**16))))


def schedules(maximum: float = 1.0) -> st.SearchStrategy[Schedule]:
    """Every kind of λ(t), at most ``maximum``, which should keep η·maximum < 1.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(schedules(0.5), lambda schedule: schedule.total > 0)
    constant(0.0625)
    """
    lam = st.integers(1, 8).map(lambda k: maximum * k / 8.0)
    tau = st.sampled_from([1.0, 3.0, 10.0])
    lists = st.lists(st.integers(0, 8).map(lambda k: maximum * k / 8.0), min_size=1, max_size=6)
    return st.one_of(
        st.just(penalties.zero()),
        st.builds(penalties.constant, lam),
        st.builds(penalties.cutoff, lam, st.integers(0, 20)),
        st.builds(penalties.inverse_square, lam, tau),
        st.builds(penalties.exponential, lam, tau),
        st.builds(penalties.explicit, lists),
    )


def activations(*, bounded: bool = False, smooth: bool = False) -> st.SearchStrategy[str]:
    """Names of activations, the identity first.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(activations(), lambda name: True), find(activations(bounded=True), lambda name: True)
    ('identity', 'tanh')
    """
    return st.sampled_from(
        [
            name
            for name, psi in ACTIVATIONS.items()
            if (math.isfinite(psi.B0) or not bounded) and (psi.smooth or not smooth)
        ]
    )


@st.composite
def cases(
    draw: Draw,
    *,
    kind: str | None = None,
    activation: st.SearchStrategy[str] | None = None,
    p: st.SearchStrategy[int] | None = None,
    safety: float = 0.5,
    steps: int = 20,
) -> Case:
    """Whole cases, at a step size of ``safety``/λ_max(G(0)), with a penalty or without.

    Parameters
    ----------
    kind, p :
        As in `problems` and `networks`.
    activation : strategy, optional
        Of names; any if not given.
    safety : float, optional
        η λ_max(G(0)), before the penalty's share.
    steps : int, optional
        Number of steps.

    Examples
    --------
    >>> from hypothesis import find
    >>> print(find(cases(kind="isometric"), lambda case: case.network.p > 3))  # doctest: +ELLIPSIS
    identity, n = 1, d = 1, p = 4, η = ..., 20 steps
    """
    from theory.kernels import empirical_G

    problem = draw(problems(kind))
    name = draw(activations() if activation is None else activation)
    network = draw(networks(problem.d, p=p))
    top = float(np.linalg.eigvalsh(empirical_G(problem.X, network, name))[-1])
    hypothesis.assume(1e-100 < top < 1e100)
    eta = safety / top
    lam = draw(st.lists(st.integers(0, 4).map(lambda k: k * (1.0 - safety) / 5.0 / eta), max_size=5))
    return Case(problem, network, name, eta, np.array(lam), steps)


@st.composite
def small_cases(draw: Draw, activation: str = "tanh", *, steps: int = 20) -> Case:
    """The cases of `validation.search.cases.small_cases`: what `validation.falsify` searches.

    Examples
    --------
    >>> from hypothesis import find
    >>> print(find(small_cases("identity"), lambda case: case.eta > 1))
    identity, n = 1, d = 1, p = 20, η = 10, 20 steps
    """
    n = draw(st.integers(1, 3))
    d, p, seed = draw(st.integers(n, 3)), draw(st.integers(20, 400)), draw(st.integers(0, 2**16))
    scales = {
        "size": draw(st.floats(*SIZE)),
        "distance": draw(st.floats(*DISTANCE)),
        "step": draw(st.floats(*STEP)),
    }
    lasts = draw(st.integers(0, 5))
    penalty = draw(st.floats(*PENALTY)) if lasts else 0.0
    return small_case(activation, n, d, p, seed, **scales, penalty=penalty, lasts=lasts, steps=steps)


def assert_holds(claim: Claim, evidence: Evidence) -> Verdict:
    """Fail unless the claim holds on this evidence.

    Raises
    ------
    AssertionError
        If an inequality fails (violated or undecided); outside a Hypothesis test also where it says nothing.

    Examples
    --------
    >>> from validation.theorems import theorem_3_2
    >>> network = Network.gaussian(2000, 2, np.random.default_rng(0))
    >>> case = Case(Problem(np.eye(2), [1.0, 1.0]), network, "tanh", 0.1)
    >>> assert_holds(theorem_3_2.CLAIM, case.evidence()).status
    'holds'
    """
    verdict = claim.judge(evidence)
    if verdict.status in (VIOLATED, UNDECIDED):
        raise AssertionError(f"{verdict.claim}: {verdict.status}: {verdict.worst_words}")
    if verdict.status != HOLDS:
        _says_nothing(f"{verdict.claim}: {verdict.status}: {verdict.failing or 'no step could be judged'}")
    return verdict


def _says_nothing(reason: str) -> None:
    if hypothesis.currently_in_test_context():
        hypothesis.reject()
    raise AssertionError(reason)


def assert_contracts(
    times: ArrayLike, norms: ArrayLike, eta: float, *, rate: float, floor: float = 0.0, last: float = 0.5
) -> Fit:
    """Fail unless ‖e(t)‖ falls at the end of the record at least as fast as (1 − ηa)^t with a = ``rate``.

    Parameters
    ----------
    times, norms, eta, floor, last :
        As in `validation.judge.fits.contraction_rate`.
    rate : float
        The a that is claimed.

    Raises
    ------
    AssertionError
        If the upper limit of the fitted rate is below it.

    Examples
    --------
    >>> t = np.arange(50)
    >>> assert_contracts(t, 0.9**t, 0.5, rate=0.19).points
    25
    """
    fit = contraction_rate(times, norms, eta, floor=floor, last=last)
    if not fit.high >= rate * (1.0 - 1e-9):
        raise AssertionError(f"rate: expected at least {rate:.6g}, got {fit.slope:.6g} (at most {fit.high:.6g})")
    return fit


def assert_scaling(sizes: ArrayLike, values: ArrayLike, exponent: float, *, confidence: float = 1 - 1e-6) -> Fit:
    """Fail unless ``exponent`` lies within the confidence limits of a in values ~ sizes^a.

    Raises
    ------
    AssertionError
        If it does not, or if the limits are wider than 1 and so say little.

    Examples
    --------
    >>> p = np.repeat([100.0, 400.0, 1600.0, 6400.0], 3)
    >>> noise = 1 + 0.05 * np.random.default_rng(0).standard_normal(12)
    >>> round(assert_scaling(p, noise * p**-0.5, -0.5).slope, 1)
    -0.5
    """
    fit = fit_exponent(sizes, values, confidence=confidence)
    if fit.high - fit.low > 1.0:
        raise AssertionError(
            f"exponent: limits {fit.low:.3g} to {fit.high:.3g} decide nothing; more sizes are needed"
        )
    if exponent not in fit:
        raise AssertionError(
            f"exponent: expected {exponent:g}, got {fit.slope:.4g} in [{fit.low:.4g}, {fit.high:.4g}]"
        )
    return fit
