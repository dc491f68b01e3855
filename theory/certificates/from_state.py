"""A-posteriori certificates: a proof, from the weights at hand, that training converges from here on.

`from_state` proves, or says why it cannot, that Algorithm 1 started at a given network satisfies
‖e(t + 1)‖ ≤ (1 − ηa) ‖e(t)‖ for all t ≥ 0, with the largest a > 0 that the argument of ``docs/certificates.md``
yields. `theory.certificates.search` trains until that succeeds; `theory.certificates.checker` re-verifies what was
saved.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_number
from fa_ref._support.storage import write_atomically
from fa_ref.activations import Activation, relu, resolve
from fa_ref.network import Network
from fa_ref.problem import Problem
from theory.certificates import balls
from theory.certificates.balls import Enclosure
from theory.certificates.tubes import UPWARD, Drift, State, curvature_formula, drift
from theory.kernels import empirical_G, empirical_H
from theory.kernels.empirical import preactivations
from theory.margins import Certificate, Margin

__all__ = ["StateCertificate", "from_state"]

Array = NDArray[np.float64]

THEOREM = "a-posteriori"
FORMAT = "fa-ref a-posteriori certificate, version 1"

#: Steps of the descent on the largest rate; only where a certificate barely exists are so many needed.
DESCENTS = 50

#: Floating-point measurements are moved to the unfavourable side by this much, relative to what they are made of.
_ALLOWANCE = 1e-13


@dataclass(frozen=True, kw_only=True)
class StateCertificate(Certificate):
    """A `Certificate` for one network on one problem, that can be saved and checked again.

    Attributes
    ----------
    eta : float
        Step size.
    activation : str
        Name of ψ.
    network, problem : str
        SHA-256 of the weights and of the data.
    rigorous : bool
        Whether rounding is accounted for. If not, the numbers are right up to floating-point error, which was
        allowed for but not bounded; the checker decides.
    """

    eta: float
    activation: str
    network: str
    problem: str
    rigorous: bool

    def save(self, path: str | PathLike[str]) -> None:
        """Write the certificate as JSON, complete or not at all; floats read back as they are."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(path, lambda file: file.write(text.encode("utf-8")))

    def to_dict(self) -> dict[str, Any]:
        """The certificate in JSON's types; infinities as strings."""
        return {
            "format": FORMAT,
            "theorem": self.theorem,
            "rate": self.rate,
            "eta": self.eta,
            "activation": self.activation,
            "network": self.network,
            "problem": self.problem,
            "rigorous": self.rigorous,
            "constants": {name: _plain(value) for name, value in self.constants.items()},
            "margins": [[m.name, _plain(m.value), _plain(m.threshold), m.relation] for m in self.margins],
        }

    @classmethod
    def load(cls, path: str | PathLike[str]) -> StateCertificate:
        """Read what `save` wrote. Reading proves nothing: see `theory.certificates.checker.check`.

        Raises
        ------
        ValueError
            If the file is not such a certificate.
        """
        try:
            record = json.loads(Path(path).read_text("utf-8"))
            if record.pop("format") != FORMAT:
                raise ValueError("another format")
            record["constants"] = {name: float(value) for name, value in record["constants"].items()}
            record["margins"] = tuple(
                Margin(name, float(value), None if threshold is None else float(threshold), relation)
                for name, value, threshold, relation in record["margins"]
            )
            return cls(**record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: expected a certificate written by StateCertificate.save ({error})") from None


def _plain(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def problem_digest(problem: Problem) -> str:
    """SHA-256 of the bytes and shapes of X and y."""
    sha = hashlib.sha256()
    for array in (problem.X, problem.y):
        sha.update(repr(array.shape).encode())
        sha.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return sha.hexdigest()


def from_state(
    problem: Problem, network: Network, activation: str | Activation, eta: float, *, rigorous: bool = False
) -> StateCertificate:
    """Prove that Algorithm 1 (λ = 0) from this network contracts the residual at every step, and how fast.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    network : Network
        The weights now, from which the exact iteration starts.
    activation : str or Activation
        ψ. Smooth with finite ``B1`` and ``B2``, or ReLU (if no unit can cross its kink any more).
    eta : float
        Step size η > 0.
    rigorous : bool, optional
        Take weights, data and η as the exact floating-point numbers that they are, and enclose everything computed
        from them in balls: then a certificate is a theorem about the iteration in real arithmetic. For the
        named activations.

    Returns
    -------
    StateCertificate
        ``rate`` is a with ‖e(t + 1)‖ ≤ (1 − ηa) ‖e(t)‖ for all t ≥ 0; None if no a can be proved, with the failing
        condition and its factor among the margins (`why`).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.
    ModuleNotFoundError
        If ``rigorous`` without python-flint.

    Examples
    --------
    >>> problem = Problem(np.eye(2), [0.5, -0.5])
    >>> network = Network.gaussian(100, 2, np.random.default_rng(0))
    >>> from fa_ref import train
    >>> trained = train(problem, network, "tanh", eta=0.5, steps=200).network
    >>> certificate = from_state(problem, trained, "tanh", 0.5)
    >>> bool(certificate), bool(from_state(problem, network, "tanh", 0.5))
    (True, False)
    >>> bool(from_state(problem, trained, "tanh", 8.0))  # the same weights, beyond the edge of stability
    False
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    if network.d != problem.d:
        raise ValueError(f"network: expected input dimension {problem.d}, that of the problem, got {network.d}")
    facts: dict[str, Any] = {
        "eta": eta, "activation": psi.name, "network": network.digest(), "problem": problem_digest(problem),
        "rigorous": bool(rigorous),
    }  # fmt: skip
    bounded = tuple(
        Margin(f"sup |{name}|", bound, sys.float_info.max, "≤")
        for name, bound in (("ψ′", psi.B1), ("ψ″", 0.0 if _piecewise_linear(psi) else psi.B2))
    )
    if not all(margin.met for margin in bounded):
        return StateCertificate(THEOREM, None, bounded, **facts)
    with np.errstate(over="ignore", invalid="ignore"):  # weights that exploded are refused, not warned of
        now = (balls.enclose if rigorous else _measure)(problem, network, psi)
        rate, margins, found = _decide(now, eta)
        return StateCertificate(THEOREM, rate, bounded + margins, _constants(now, found, eta), **facts)


def _piecewise_linear(activation: Activation) -> bool:
    return activation == relu


def _measure(problem: Problem, network: Network, activation: Activation) -> Enclosure:
    """What `theory.certificates.balls.enclose` encloses, in floating point with an allowance for rounding."""
    Z = preactivations(problem.X, network)
    Psi, slope, formula = activation(Z), activation.derivative(Z), curvature_formula(activation)
    G, H = (kernel(problem.X, network, activation) for kernel in (empirical_G, empirical_H))
    low, high, scale = *_extreme_eigenvalues(G + H), float(np.trace(G) + np.linalg.norm(H))
    e = Psi @ network.beta / math.sqrt(network.p) - problem.y
    terms = np.abs(Psi) @ np.abs(network.beta) / math.sqrt(network.p) + np.abs(problem.y)
    linear = _piecewise_linear(activation)
    state = State(
        slope=np.abs(slope),
        curvature=np.abs(formula(Z, Psi, slope)) if formula is not None else np.full(Z.shape, activation.B2),
        kink=np.maximum(np.abs(Z) - _ALLOWANCE * np.abs(problem.X) @ np.abs(network.W.T), 0.0) if linear else None,
        B1=activation.B1,
        B2=0.0 if linear else activation.B2,
        B3=0.0 if linear or formula is None else activation.B3,
        K=np.abs(problem.K),
        lambda_max_K=problem.lambda_max * (1 + _ALLOWANCE),
        sigma=math.sqrt(_extreme_eigenvalues(G)[1] + _ALLOWANCE * scale),
        b=np.abs(network.b),
        beta=np.abs(network.beta),
    )
    norm = float(np.linalg.norm(e) + _ALLOWANCE * np.linalg.norm(terms))
    return Enclosure(state, norm, low - _ALLOWANCE * scale, high + _ALLOWANCE * scale)


def _extreme_eigenvalues(A: Array) -> tuple[float, float]:
    if not np.isfinite(A).all():
        return -math.inf, math.inf
    values = np.linalg.eigvalsh(A)
    return float(values[0]), float(values[-1])


def _constants(now: Enclosure, found: Drift, eta: float) -> dict[str, float]:
    state = now.state
    return {
        "residual_norm": now.residual_norm,
        "lambda_min": now.lambda_min,
        "lambda_max": now.lambda_max,
        "lambda_max_K": state.lambda_max_K,
        "sigma": state.sigma,
        "b_norm": float(np.linalg.norm(state.b)) * UPWARD,
        "beta_norm": float(np.linalg.norm(state.beta)) * UPWARD,
        "step": eta * now.lambda_max,
        "drift": found.map,
        "drift_psi": found.psi,
        "drift_beta": found.beta,
        "tube_radius": found.radius,
    }


def _decide(now: Enclosure, eta: float) -> tuple[float | None, tuple[Margin, ...], Drift]:
    """The largest rate, the conditions, and the drift at that rate, or at half the budget where there is none."""
    margins: tuple[Margin, ...] = (
        Margin("λ_min(A)", now.lambda_min, 0.0, ">"),
        Margin("η λ_max(A)", eta * now.lambda_max, 2.0, "≤"),
    )
    budget = min(now.lambda_min, 2.0 / eta - now.lambda_max)
    rate = largest_rate(now, eta, budget) if budget > 0 else None
    at = rate if rate is not None else budget / 2
    found = drift(now.state, now.residual_norm / at if at > 0 else math.inf)
    if now.state.kink is not None:
        margins += (Margin("distance from the kink / radius of the tube", found.kink, 1.0, ">"),)
    if not budget > 0:
        return None, margins, found
    if rate is None:
        return None, (*margins, Margin("drift at half the budget", found.map, budget / 2, "≤")), found
    left = now.lambda_min - found.map
    clause = eta * (now.lambda_max + found.map + rate)
    margins += (Margin("λ_min(A) − drift", left, rate), Margin("η (λ_max(A) + drift + a)", clause, 2.0, "≤"))
    return rate, margins, found


def proves(now: Enclosure, eta: float, rate: float) -> bool:
    """Whether a = ``rate`` satisfies both conditions of the theorem, decided without rounding."""
    if not rate > 0:
        return False
    moved = drift(now.state, now.residual_norm / rate).map
    if not math.isfinite(moved):
        return False
    a, tau, low, high = map(Fraction, (rate, moved, now.lambda_min, now.lambda_max))
    return a + tau <= low and Fraction(eta) * (high + tau + a) <= 2


def largest_rate(now: Enclosure, eta: float, budget: float) -> float | None:
    """The largest a with a + τ(‖e‖/a) ≤ budget, to a relative 10⁻⁶ or so; None if there is none.

    c(a) = a·τ(‖e‖/a) does not increase with a. So a solution x below a satisfies x(budget − x) ≥ c(x) ≥ c(a) and is
    at most the larger root of that parabola: from a = budget, these roots descend to the largest solution and
    never past it; and there is none where the parabola has no root (Lemma 6).
    """
    a, step = budget, math.inf
    for _ in range(DESCENTS):
        if step <= 1e-7 * a:
            break
        discriminant = budget**2 - 4 * a * drift(now.state, now.residual_norm / a).map
        if not discriminant >= 0:
            return None
        root = (budget + math.sqrt(discriminant)) / 2
        a, step = root, abs(a - root)
    for shave in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        if proves(now, eta, a * (1 - shave)):
            return a * (1 - shave)
    return None
