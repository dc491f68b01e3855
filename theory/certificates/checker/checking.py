"""`check`: examine a certificate claim by claim, and say what has been proved."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from flint import arb, ctx

from theory.certificates.checker.formulas import alignment, enclose, moved
from theory.certificates.checker.functions import BOUNDS, norm, positive_definite
from theory.certificates.checker.reading import Record, read, understand

__all__ = ["Check", "check", "digest"]

BITS = 80

Ball = Any
Claims = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Check:
    """What the checker found: each claim, and whether it was proved.

    Attributes
    ----------
    claims : tuple of (str, bool)
        In the order in which they were examined. A claim that cannot be understood counts as not proved.
    statement : str
        The sentence that is proved, with the numbers that were proved; empty if a claim was refused.
    unexamined : str
        What the file says and no proof can decide: how it was made. Nothing that is proved depends on it.
    """

    claims: Claims
    statement: str = ""
    unexamined: str = ""

    @property
    def valid(self) -> bool:
        """Whether every claim was proved."""
        return bool(self.claims) and all(proved for _, proved in self.claims)

    @property
    def refused(self) -> tuple[str, ...]:
        """The claims that were not proved."""
        return tuple(claim for claim, proved in self.claims if not proved)

    def __bool__(self) -> bool:
        """Whether the certificate is proved."""
        return self.valid


def check(certificate: str | PathLike[str] | dict[str, Any], problem: Any, network: Any) -> Check:
    """Verify a certificate that convergence is proved from these weights.

    Parameters
    ----------
    certificate : path or dict
        What ``StateCertificate.save`` wrote, or the same as a dictionary.
    problem : object with arrays X (n, d) and y (n,)
    network : object with arrays W (p, d), beta (p,) and b (p,)

    Returns
    -------
    Check
        True as a boolean if every claim was proved.

    Raises
    ------
    ValueError
        If the file is not JSON, or gives a name twice.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> check({"format": "a poem"}, SimpleNamespace(), SimpleNamespace()).refused
    ('the format is known',)
    """
    record, claims = understand(certificate if isinstance(certificate, dict) else read(certificate))
    if record is None:
        return Check(claims)
    X, y, W, beta, b = (
        np.array(values, dtype=np.float64) for values in (problem.X, problem.y, network.W, network.beta, network.b)
    )
    claims += (
        ("the network is the one certified", record.network == digest(W, beta, b)),
        ("the problem is the one certified", record.problem == digest(X, y)),
        ("the shapes of data and weights fit", _fit(X, y, W, beta, b)),
        ("data and weights are finite", all(np.isfinite(array).all() for array in (X, y, W, beta, b))),
    )
    if not all(proved for _, proved in claims):
        return Check(claims)
    with ctx.workprec(BITS):
        claims += _examine(record, X, y, W, beta, b)
    found = Check(claims)
    if not found:
        return found
    return Check(claims, _statement(record, X.shape[0], X.shape[1], beta.size), _unexamined(record))


def digest(*arrays: np.ndarray) -> str:
    """SHA-256 of shapes and bytes."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(repr(array.shape).encode() + np.ascontiguousarray(array, dtype="<f8").tobytes())
    return sha.hexdigest()


def _fit(X: Any, y: Any, W: Any, beta: Any, b: Any) -> bool:
    if not (X.ndim == W.ndim == 2 and y.ndim == beta.ndim == b.ndim == 1 and X.size and W.size):
        return False
    return bool(X.shape[0] == y.size and X.shape[1] == W.shape[1] and W.shape[0] == beta.size == b.size)


def _examine(record: Record, X: Any, y: Any, W: Any, beta: Any, b: Any) -> Claims:
    """Every number in ``constants`` against its definition, then the theorem's two conditions."""
    said = {name: arb(value) for name, value in record.constants.items()}
    E, low, high, top = (said[name] for name in ("residual_norm", "lambda_min", "lambda_max", "lambda_max_K"))
    a, eta, sigma, tau = arb(record.rate), arb(record.eta), said["sigma"], said["drift"]
    now, U = enclose(record.activation, X, y, W, beta, b), E / a
    true = moved(record.activation, now, top, sigma, U)
    kink = true.pop("kink")
    proved = {
        "sigma": bool(sigma > 0) and positive_definite(-now.G, -sigma * sigma),
        "lambda_max_K": positive_definite(-now.K, -top),
        "lambda_min": positive_definite(now.A, low),
        "lambda_max": positive_definite(-now.A, -high),
        "step": "step" in said and bool(said["step"] >= eta * high * (1 - arb(2) ** -50)),
    }
    upper = {"residual_norm": norm(now.e.entries()), "b_norm": norm(now.b), "beta_norm": norm(now.beta), **true}
    proved |= {name: bool(said[name] >= bound) for name, bound in upper.items() if name in said}
    cosines = alignment(now, low, sigma, U, true) if low > 0 else {}
    for name, bound in cosines.items():
        if name in said:
            proved[name] = bool(said[name] <= bound) if name.endswith("low") else bool(said[name] >= bound)
    return (
        *((f"{name} {_side(name)} {record.constants[name]!r}", proved.get(name, False)) for name in said),
        ("no margin claims more than the constants", _agree(record, low, high, kink)),
        ("a + drift ≤ λ_min(A)", bool(a + tau <= low)),
        ("η (λ_max(A) + drift + a) ≤ 2", bool(eta * (high + tau + a) <= 2)),
    )


def _side(name: str) -> str:
    """Which bound a constant is: of what it is named after, from below or from above."""
    return "≥" if name == "lambda_min" or name.endswith("_low") else "≤"


def _agree(record: Record, low: Ball, high: Ball, kink: Ball) -> bool:
    """Whether the margins are those of the theorem, each once, and none claims more than is known.

    They were rounded when they were computed from the constants, by less than 10⁻¹² of what they are made of.
    """
    a, eta, tau = arb(record.rate), arb(record.eta), arb(record.constants["drift"])
    B1, B2, _ = BOUNDS[record.activation]()
    most = arb(float(np.finfo(float).max))
    expected = {
        ("sup |ψ′|", "≤"): (B1, most, B1),
        ("sup |ψ″|", "≤"): (B2, most, B2),
        ("λ_min(A)", ">"): (low, arb(0), low),
        ("η λ_max(A)", "≤"): (eta * high, arb(2), eta * high),
        ("λ_min(A) − drift", "≥"): (low - tau, a, low),
        ("η (λ_max(A) + drift + a)", "≤"): (eta * (high + tau + a), arb(2), arb(2)),
    }
    if record.activation == "relu":
        expected["distance from the kink / radius of the tube", ">"] = (kink, arb(1), kink)
    if sorted((name, relation) for name, *_, relation in record.margins) != sorted(expected):
        return False
    for name, value, threshold, relation in record.margins:
        known, asked, size = expected[name, relation]
        excess = known - value if relation == "≤" else value - known
        if not (excess <= abs(size) * 1e-12 and abs(asked - threshold) <= abs(asked) * 1e-12):
            return False
    return True


def _statement(record: Record, n: int, d: int, p: int) -> str:
    """The sentence that is proved; numbers are rounded to the safe side."""
    said = record.constants
    text = (
        f"Proved: started at these weights (n = {n}, d = {d}, p = {p}), feedback alignment with ψ = "
        f"{record.activation}, η = {record.eta!r} and no ridge satisfies ‖e(t+1)‖ ≤ (1 − ηa) ‖e(t)‖ at every step "
        f"t = 0, 1, 2, … counted from there, with a = {_down(record.rate)}, so that ‖e(t)‖ → 0"
    )
    if {"alignment_low", "alignment_high"} <= set(said):
        text += f"; cos∠(b, β(t)) stays in [{_floor(said['alignment_low'])}, {_ceil(said['alignment_high'])}]"
    if {"final_low", "final_high"} <= set(said):
        text += f" and tends to a limit in [{_floor(said['final_low'])}, {_ceil(said['final_high'])}]"
    return text + "."


def _unexamined(record: Record) -> str:
    how = "in balls" if record.rigorous else "in floating point"
    return (
        f"Not examined: that the certificate was made {how} (rigorous: {str(record.rigorous).lower()}), which the "
        "file says of itself. This check was made in balls, whichever it was."
    )


def _down(x: float) -> str:
    """A positive number to seven digits, rounded down."""
    scale = 10.0 ** (math.floor(math.log10(x)) - 6) if x > 1e-290 else 0.0
    short = f"{math.floor(x / scale) * scale:.7g}" if scale > 0 else repr(x)
    return short if float(short) <= x else repr(x)


def _floor(x: float) -> str:
    short = f"{math.floor(x * 1e6) / 1e6:.6f}"
    return short if float(short) <= x else repr(x)


def _ceil(x: float) -> str:
    short = f"{math.ceil(x * 1e6) / 1e6:.6f}"
    return short if float(short) >= x else repr(x)
