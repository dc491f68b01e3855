"""Hypothesis strategies for problems, networks, schedules, activations and whole settings.

Everything shrinks to a small readable setting: X towards a multiple of the identity, y towards ones, a network
towards few units and the first seeds, a schedule towards zero. Only this module and `validation.search.targeting`
need Hypothesis (the ``test`` extra). For assertions see `validation.judge.assertions`.
"""

from __future__ import annotations

import math

import hypothesis
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting
from fa_ref import schedules as penalties
from fa_ref._support.checks import one_of
from fa_ref.activations import ACTIVATIONS, Activation
from fa_ref.schedules import Schedule
from validation.search.laws import DISTANCE, PENALTY, SIZE, STEP, small_setting

__all__ = [
    "KINDS",
    "activations",
    "networks",
    "problems",
    "schedules",
    "small_settings",
    "training_settings",
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
    kind = draw(st.sampled_from(KINDS)) if kind is None else one_of("kind", kind, KINDS)
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
def training_settings(
    draw: Draw,
    *,
    kind: str | None = None,
    activation: st.SearchStrategy[str] | None = None,
    p: st.SearchStrategy[int] | None = None,
    safety: float = 0.5,
) -> Setting:
    """Whole settings, at a step size of ``safety``/λ_max(G(0)), with a penalty or without.

    Parameters
    ----------
    kind, p :
        As in `problems` and `networks`.
    activation : strategy, optional
        Of names; any if not given.
    safety : float, optional
        η λ_max(G(0)), before the penalty's share.

    Examples
    --------
    >>> from hypothesis import find
    >>> print(find(training_settings(kind="isometric"), lambda s: s.p > 3))  # doctest: +ELLIPSIS
    identity, n = 1, d = 1, p = 4, η = ..., rule fa
    """
    from theory.kernels import empirical_G

    problem = draw(problems(kind))
    name = draw(activations() if activation is None else activation)
    network = draw(networks(problem.d, p=p))
    top = float(np.linalg.eigvalsh(empirical_G(problem.X, network, name))[-1])
    hypothesis.assume(1e-100 < top < 1e100)
    eta = safety / top
    lam = draw(st.lists(st.integers(0, 4).map(lambda k: k * (1.0 - safety) / 5.0 / eta), max_size=5))
    ridge = penalties.explicit(lam) if lam else penalties.zero()
    return Setting(problem, network, name, eta=eta, ridge=ridge)


@st.composite
def small_settings(draw: Draw, activation: str | Activation = "tanh") -> Setting:
    """The settings of `validation.search.laws.small_settings`: what `validation.falsify` searches.

    Examples
    --------
    >>> from hypothesis import find
    >>> print(find(small_settings("identity"), lambda setting: setting.eta > 1))
    identity, n = 1, d = 1, p = 20, η = 10, rule fa
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
    return small_setting(activation, n, d, p, seed, **scales, penalty=penalty, lasts=lasts)
