"""`StateCertificate`: what an a-posteriori certificate says, saved as JSON and read back."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from fa_ref._support.storage import write_atomically
from fa_ref._support.text import one_line
from fa_ref.problem import Problem
from theory.margins import Certificate, Margin

__all__ = ["StateCertificate", "problem_digest"]

THEOREM = "a-posteriori"
FORMAT = "fa-ref a-posteriori certificate, version 2"


@dataclass(frozen=True, kw_only=True, repr=False)
class StateCertificate(Certificate):
    """A `Certificate` for one network on one problem, that can be saved and checked again.

    Attributes
    ----------
    eta : float
        Step size.
    activation : str
        What ψ is: one of the named kinds, or the fingerprint of a user's own.
    network, problem : str
        SHA-256 of the weights and of the data.
    rigorous : bool
        Whether every rounding is enclosed. If not, rounding was bounded by floating-point formulas; the checker
        decides.
    theorem, rate, margins, constants : str, float or None, tuple of Margin, dict
        As in `Certificate`.

    Raises
    ------
    ValueError
        If a rate is claimed although a condition fails.
    """

    eta: float
    activation: str
    network: str
    problem: str
    rigorous: bool

    @property
    def alignment(self) -> tuple[float, float] | None:
        """Between which cos∠(b, β(t)) lies for all t ≥ 0; None if no rate is proved or b = 0."""
        return self._interval("alignment")

    @property
    def final_alignment(self) -> tuple[float, float] | None:
        """Between which lim cos∠(b, β(t)) lies; None if no rate is proved or b = 0."""
        return self._interval("final")

    def _interval(self, name: str) -> tuple[float, float] | None:
        low, high = (self.constants.get(f"{name}_{end}") for end in ("low", "high"))
        return None if low is None or high is None else (low, high)

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
            If the file is not such a certificate, or says something twice.
        """
        try:
            record = json.loads(Path(path).read_text("utf-8"), object_pairs_hook=_once)
            if record.pop("format") != FORMAT or record["theorem"] != THEOREM:
                raise ValueError("another format")
            record["rate"] = None if record["rate"] is None else float(record["rate"])
            record["eta"] = float(record["eta"])
            record["constants"] = {name: float(value) for name, value in record["constants"].items()}
            record["margins"] = tuple(
                Margin(name, float(value), None if threshold is None else float(threshold), relation)
                for name, value, threshold, relation in record["margins"]
            )
            return cls(**record)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            reason = one_line(error)
            raise ValueError(
                f"{path}: expected a certificate written by StateCertificate.save, got another file ({reason})"
            ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, whose names may not repeat."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name is given twice")
    return record


def _plain(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def problem_digest(problem: Problem) -> str:
    """SHA-256 of the bytes and shapes of X and y."""
    sha = hashlib.sha256()
    for array in (problem.X, problem.y):
        sha.update(repr(array.shape).encode())
        sha.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return sha.hexdigest()
