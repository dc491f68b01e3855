"""What to do where a hypothesis fails, or a run leaves the wide regime, for a reason in the data.

Each sentence names the reason and a remedy; a remedy that can be tried is tried before it is given.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fa_ref import Problem
from fa_ref.activations import Activation, resolve
from fa_ref.data import standardised
from theory.kernels import MeanKernel, eigenvalue_floor, kernel_of
from theory.precision import power

__all__ = ["advise", "not_wide", "relative_movement"]

Array = NDArray[np.float64]

#: No more samples than this are tried: a kernel takes time that grows with n².
MOST = 1500

#: Beyond this movement, relative to the weights' own size, the linearised description is not to be expected.
TOO_FAR, ENOUGH = 1.0, 0.5


def advise(
    problem: Problem,
    activation: str | Activation,
    *,
    p: int | None = None,
    lines: NDArray[np.int64] | None = None,
    kernel: MeanKernel | None = None,
) -> list[str]:
    """Say in sentences what in the data keeps the theorems from speaking, and what would help.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ.
    p : int, optional
        Width; without it nothing is said about targets.
    lines : ndarray of int, shape (n,), optional
        Lines of the file that hold the rows; rows are named X[0], X[1], … without.
    kernel : MeanKernel, optional
        Of X and ψ, computed if not given.

    Returns
    -------
    list of str
        Empty where nothing in the data stands in the way.

    Examples
    --------
    >>> advise(Problem([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 1.0, 0.0]), "tanh")
    ['X[0] and X[1] are equal: γ = 0 whatever ψ is; keep one of them']
    >>> advise(Problem(np.eye(3), [1.0, -1.0, 1.0]), "tanh", p=800)
    []
    """
    psi = resolve(activation)
    if problem.n > MOST:
        return [f"n = {problem.n}: reasons in the data are looked for among at most {MOST} samples"]
    kernel = kernel_of(problem, psi) if kernel is None else kernel
    singular = problem.rank < problem.n if psi.linear else not kernel.certified
    if singular:
        if psi.linear and problem.n > problem.d:
            return _rank(problem) + _targets(problem, psi, kernel, p)
        found = _equal_rows(problem, lines) or _parallel_rows(problem, psi, kernel, lines)
        found = found or (_rank(problem) if psi.linear else _uncertified(problem, psi, kernel))
        return found + (_targets(problem, psi, kernel, p) if psi.linear else [])
    return _targets(problem, psi, kernel, p)


def _named(rows: tuple[int, ...], lines: NDArray[np.int64] | None) -> str:
    if lines is None:
        return " and ".join(f"X[{row}]" for row in rows)
    return "lines " + " and ".join(str(int(lines[row])) for row in rows)


def _more(pairs: list[tuple[int, int]]) -> str:
    return f" (and {len(pairs) - 1} more pairs)" if len(pairs) > 1 else ""


def _equal_rows(problem: Problem, lines: NDArray[np.int64] | None) -> list[str]:
    zero = np.flatnonzero(~problem.X.any(axis=1))
    found = []
    if zero.size:
        found.append(
            f"{_named((int(zero[0]),), lines)} is zero ({zero.size} in all): leave it out, or add a column of ones"
        )
    groups = defaultdict(list)
    for row in np.flatnonzero(problem.X.any(axis=1)):
        groups[(problem.X[row] + 0.0).tobytes()].append(int(row))
    pairs = [pair for rows in groups.values() for pair in combinations(rows, 2)]
    if pairs:
        i, j = next(((i, j) for i, j in pairs if problem.y[i] != problem.y[j]), pairs[0])
        differ = problem.y[i] != problem.y[j]
        targets = (
            f"with targets {problem.y[i]:g} and {problem.y[j]:g}, of which no network fits both; " if differ else ""
        )
        are = f"{_named((i, j), lines)} are equal{_more(pairs)}: γ = 0 whatever ψ is; "
        found.append(are + targets + ("take their mean as one sample" if differ else "keep one of them"))
    return found


def _parallel_rows(
    problem: Problem, psi: Activation, kernel: MeanKernel, lines: NDArray[np.int64] | None
) -> list[str]:
    """Rows that are parallel and dependent under ψ: of some ψ (tanh) only rows x and −x are."""
    G = problem.K if psi.linear else kernel.G
    pairs = [(i, j) for i, j in kernel.parallel if G[i, j] ** 2 >= (1 - 1e-9) * G[i, i] * G[j, j]]
    if not pairs:
        return []
    return [f"{_named(pairs[0], lines)} are parallel{_more(pairs)}: γ = 0 for {psi.name}; keep one of them"]


def _rank(problem: Problem) -> list[str]:
    constant = np.flatnonzero(np.ptp(problem.X, axis=0) == 0) + 1
    columns = (
        f"; column {', '.join(map(str, constant[:5]))} of X is constant" if constant.size and problem.n > 1 else ""
    )
    scale = float(np.abs(problem.X).max())
    if not columns and problem.n <= problem.d and np.abs(problem.X.sum(axis=0)).max() <= 1e-12 * problem.n * scale:
        columns = ", since columns of mean 0 make the rows add up to 0"
    fits = "a linear network fits the projection of y on the columns of X, of which Theorem 4.3 speaks"
    return [f"{problem.n} samples have rank {problem.rank}{columns}: {fits} (Problem.projected)"]


def _uncertified(problem: Problem, psi: Activation, kernel: MeanKernel) -> list[str]:
    if not kernel.rigorous:
        return [f"{psi.name} states no bounds of itself, so that γ ≈ {kernel.gamma:.3g} has no error bound"]
    seen = f"γ is not certified: computed {kernel.gamma:.2g}, the inputs' norms {_norms(problem)}"
    scaled = standardised(problem)[0]
    if not np.allclose(scaled.X, problem.X):
        other = kernel_of(scaled, psi)
        if other.certified:
            return [f"{seen}; standardised columns (--standardise) have γ ≥ {other.gamma_lower:.2g}"]
        fewer = _fewer(other)
        if fewer:
            return [f"{seen}; standardised columns (--standardise), and of them the first {fewer}"]
    fewer = _fewer(kernel)
    return [f"{seen}; the first {fewer}" if fewer else f"{seen}; rows too alike for {psi.name} to tell apart"]


def _norms(problem: Problem) -> str:
    norms = np.linalg.norm(problem.X, axis=1)
    return f"from {norms.min():.3g} to {norms.max():.3g}"


def _fewer(kernel: MeanKernel) -> str:
    """The largest half, quarter, … of the rows for which γ > 0 is certain."""
    m = len(kernel.G) // 2
    while m >= 2:
        low = eigenvalue_floor(kernel.G[:m, :m]) - 1.001 * float(np.linalg.norm(kernel.error[:m, :m]))
        if low > 0:
            return f"{m} rows have γ ≥ {low:.2g}"
        m //= 2
    return ""


def relative_movement(problem: Problem, activation: str | Activation, p: int, kernel: MeanKernel) -> float:
    """How far weights move to fit y, relative to their own size, as the linearised dynamics has it.

    With Ḡ c = y, β moves by √(cᵀḠc) and W by √(cᵀΘ̄c), against √p; of a linear network both are √(yᵀK⁺y).

    Examples
    --------
    >>> problem = Problem(np.eye(4), [3.0, 0.0, 0.0, 4.0])
    >>> relative_movement(problem, "identity", 100, kernel_of(problem, resolve("identity")))
    0.5
    """
    G = problem.K if resolve(activation).linear else kernel.G
    values, vectors = np.linalg.eigh(G)
    kept = values > len(values) * np.finfo(float).eps * values[-1]
    size = float(np.abs(problem.y).max()) or 1.0
    weights = vectors[:, kept] / values[kept] @ (vectors[:, kept].T @ (problem.y / size))
    moved = float(weights @ G @ weights)
    if not resolve(activation).linear:
        moved = max(moved, float(weights @ kernel.Theta @ weights))
    return size * math.sqrt(max(0.0, moved) / p)


def not_wide(problem: Problem, activation: str | Activation, p: int, kernel: MeanKernel) -> str:
    """Say that networks of width p are too narrow for these targets; empty where they are not.

    Examples
    --------
    >>> problem = Problem(np.eye(2), [300.0, 400.0])
    >>> not_wide(problem, "identity", 100, kernel_of(problem, resolve("identity")))
    'to fit y the weights move by 50 times their size at p = 100: these networks are not wide'
    """
    movement = relative_movement(problem, activation, p, kernel)
    if not movement > TOO_FAR:
        return ""
    return f"to fit y the weights move by {movement:.2g} times their size at p = {p}: these networks are not wide"


def _targets(problem: Problem, psi: Activation, kernel: MeanKernel, p: int | None) -> list[str]:
    ratio = 0.0 if p is None else relative_movement(problem, psi, p, kernel)
    if p is None or not ratio > TOO_FAR:
        return []
    width = p * power(ratio / ENOUGH, 2)
    width = math.ceil(width) if width < 2.0**53 else width
    size, less = float(np.abs(problem.y).max()), ratio / ENOUGH
    moves = f"to fit targets up to {size:.3g} the weights must move by {ratio:.2g} times their own size at p = {p}"
    remedy = f"a width of {width:.2g}, or targets divided by {less:.2g}, makes that {ENOUGH:g}"
    scaled = standardised(problem)[0]
    if not (np.allclose(scaled.X, problem.X) and np.allclose(scaled.y, problem.y)):
        then = relative_movement(scaled, psi, p, kernel_of(scaled, psi))
        remedy += f"; standardised data (--standardise) make it {then:.2g}" if then < ratio / 2 else ""
    return [f"{moves}; {remedy}"]
