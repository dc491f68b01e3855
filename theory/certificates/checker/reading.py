"""The file: read without guessing, and every field of it understood or refused."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from theory.certificates.checker.functions import ACTIVATIONS

__all__ = ["OPTIONAL", "REQUIRED", "Record", "read", "understand"]

FORMAT = "fa-ref a-posteriori certificate, version 2"
THEOREM = "a-posteriori"

#: The constants that the theorem uses, and those that are checked if they are there.
REQUIRED = ("residual_norm", "lambda_min", "lambda_max", "lambda_max_K", "sigma", "drift")
OPTIONAL = (
    *("b_norm", "beta_norm", "step", "drift_psi", "drift_beta", "tube_radius"),
    *("alignment_low", "alignment_high", "final_low", "final_high"),
)

_FIELDS = {
    "format", "theorem", "rate", "eta", "activation", "network", "problem", "rigorous", "constants", "margins"
}  # fmt: skip

Claims = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, kw_only=True)
class Record:
    """The fields of a certificate, each of the type that it should have."""

    rate: float
    eta: float
    activation: str
    network: str
    problem: str
    rigorous: bool
    constants: dict[str, float]
    margins: tuple[tuple[str, float, float, str], ...]


def read(path: str | PathLike[str]) -> Any:
    """Read a JSON file in which no name is given twice and every number is finite.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"{path}: expected a certificate in JSON, got one nested too deeply") from None
    except ValueError as error:  # of which UnicodeDecodeError and JSONDecodeError are kinds
        raise ValueError(
            f"{path}: expected a certificate in JSON, got other content ({ascii(str(error))[1:-1][:200]})"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a name is given twice")
    return record


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def understand(record: Any) -> tuple[Record | None, Claims]:
    """The certificate's fields, None if one is not what it should be; and what was found about them.

    Examples
    --------
    >>> understand({"format": "a poem"})
    (None, (('the format is known', False),))
    """
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return None, (("the format is known", False),)
    constants, margins = _constants(record.get("constants")), _margins(record.get("margins"))
    rate, eta = _positive(record.get("rate")), _positive(record.get("eta"))
    claims = (
        ("the format is known", True),
        ("the fields are those of a certificate, and no others", set(record) == _FIELDS),
        ("the theorem is known", record.get("theorem") == THEOREM),
        ("ψ is known", isinstance(record.get("activation"), str) and record["activation"] in ACTIVATIONS),
        ("the rate and η are positive numbers", rate is not None and eta is not None),
        ("rigorous is true or false", isinstance(record.get("rigorous"), bool)),
        ("the hashes are text", all(isinstance(record.get(key), str) for key in ("network", "problem"))),
        ("the constants are numbers, complete, and no others", constants is not None),
        ("the margins are conditions with numbers", margins is not None),
    )
    if rate is None or eta is None or constants is None or margins is None or not all(fine for _, fine in claims):
        return None, claims
    return Record(
        rate=rate, eta=eta, activation=record["activation"], network=record["network"], problem=record["problem"],
        rigorous=record["rigorous"], constants=constants, margins=margins,
    ), claims  # fmt: skip


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0 < number < math.inf else None


def _number(value: Any) -> float | None:
    """A float that is exactly the number given; infinities are written as text."""
    if value in ("inf", "-inf") and isinstance(value, str):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number == value else None


def _constants(given: Any) -> dict[str, float] | None:
    if not isinstance(given, dict) or not set(REQUIRED) <= set(given) <= {*REQUIRED, *OPTIONAL}:
        return None
    found = {}
    for name, value in given.items():
        number = _number(value)
        if number is None:
            return None
        found[name] = number
    return found


def _margins(given: Any) -> tuple[tuple[str, float, float, str], ...] | None:
    if not isinstance(given, list | tuple):
        return None
    found = []
    for entry in given:
        if not isinstance(entry, list | tuple) or len(entry) != 4:
            return None
        name, value, threshold, relation = entry[0], _number(entry[1]), _number(entry[2]), entry[3]
        if not (isinstance(name, str) and isinstance(relation, str)) or value is None or threshold is None:
            return None
        found.append((name, value, threshold, relation))
    return tuple(found)
