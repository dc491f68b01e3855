"""Statements for a terminal: the LaTeX that they use, as readable Unicode."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["in_unicode"]

_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
    " omega"
)
#: Letters and signs that stand for themselves.
_SIGNS = {
    name: unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda')}") for name in _NAMES.split()
}
_SIGNS |= {
    "varepsilon": "ε", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω", "sum": "Σ", "prod": "Π", "|": "‖", "cdot": "·", "angle": "∠", "infty": "∞", "top": "ᵀ",
    "lfloor": "⌊", "rfloor": "⌋", "partial": "∂", "nabla": "∇", "dots": "…",
    ",": " ", ";": " ", " ": " ", "!": "", "bigl": "", "bigr": "", "Bigl": "", "Bigr": "", "left": "", "right": "",
}  # fmt: skip

#: Relations, and operations with a space on both sides.
_RELATIONS = {
    "le": "≤", "ge": "≥", "to": "→", "equiv": "≡", "approx": "≈", "sim": "~", "succ": "≻", "in": "∈", "ne": "≠",
    "pm": "±", "times": "×", "ll": "≪", "gg": "≫",
}  # fmt: skip
_FUNCTIONS = ("cos", "log", "ln", "exp", "max", "min", "sup", "det")
_ACCENTS = {"bar": "\u0304", "tilde": "\u0303", "hat": "\u0302"}
_RAISED = dict(zip("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", strict=True))
_LOWERED = dict(zip("0123456789", "₀₁₂₃₄₅₆₇₈₉", strict=True))
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\s+|[^\\\s]")


def in_unicode(text: str) -> str:
    r"""Return text with LaTeX between dollar signs as text without.

    Raises
    ------
    ValueError
        If a command is not among those that statements use.

    Examples
    --------
    >>> in_unicode(r"$\|e(t+1)\| \le (1-\eta\gamma/4)\,\|e(t)\|$, $\bar G^{-1}$, $\tfrac n{\sqrt p}$")
    '‖e(t + 1)‖ ≤ (1 − ηγ/4) ‖e(t)‖, Ḡ⁻¹, (n/√p)'
    >>> in_unicode(r"$\lambda_{\min}$ of $X$")
    'λ_min of X'
    >>> in_unicode(r"$\oint$")
    Traceback (most recent call last):
    ...
    ValueError: text: expected a command of LaTeX that statements use, got '\\oint'
    """
    parts = re.split(r"\$([^$]*)\$", text)
    return "".join(_formula(part) if k % 2 else part.replace('\\"', '"') for k, part in enumerate(parts))


def _formula(source: str) -> str:
    tokens = (token for token in _TOKEN.findall(source) if not token.isspace())
    text = re.sub(r" +", " ", "".join(_pieces(tokens))).strip()
    text = re.sub(r"([(⌊]) ", r"\1", text).replace("′′", "″")
    return re.sub(r" ([)⌋,;])", r"\1", text)


def _pieces(tokens: Iterator[str], end: str = "") -> Iterator[str]:
    """The tokens up to ``end``, or to the end, as text."""
    before = ""
    for token in tokens:
        if token == end:
            return
        piece = _piece(token, tokens, before)
        yield " " * _apart(before, piece) + piece
        before = piece if piece.strip() else before


def _apart(before: str, piece: str) -> bool:
    """Whether a space keeps two pieces from being read as one: around cos, and behind an index or a power."""
    starts = piece[:1].isalnum() or piece[:1] in ("√", "‖")
    if before in _FUNCTIONS:
        return starts or (piece[:1] == "(" and piece != "(")  # a fraction, and not what the function is of
    if before[:1] in ("_", "^"):
        return starts
    return piece in _FUNCTIONS and (before[-1:].isalnum() or before[-1:] in (")", "⁻", "¹"))


def _piece(token: str, tokens: Iterator[str], before: str) -> str:
    name = token[1:] if token.startswith("\\") else ""
    if token == "{":
        return "".join(_pieces(tokens, "}"))
    if token == "_":
        index = _argument(tokens)
        return "".join(_LOWERED[c] for c in index) if all(c in _LOWERED for c in index) else f"_{index}"
    if token == "^":
        return _raised(_argument(tokens))
    if token in "=<>+":
        return f" {token} "
    if token == "-":
        return " − " if before.strip() and before.strip()[-1] not in "(=<>≤≥,→" else "−"
    if token == ",":
        return ", "
    if token == "'":
        return "′"
    if not name:
        return token
    return _command(name, tokens)


def _command(name: str, tokens: Iterator[str]) -> str:
    if name in _SIGNS:
        return _SIGNS[name]
    if name in _RELATIONS:
        return f" {_RELATIONS[name]} "
    if name in _FUNCTIONS:
        return name
    if name in _ACCENTS:
        return unicodedata.normalize("NFC", _argument(tokens) + _ACCENTS[name])
    if name in ("mathbb", "mathrm", "mathcal", "text"):
        return _argument(tokens)
    if name == "sqrt":
        return f"√{_grouped(_argument(tokens))}"
    if name in ("frac", "tfrac", "dfrac"):
        above, below = _argument(tokens), _argument(tokens)
        return "½" if (above, below) == ("1", "2") else f"({_grouped(above)}/{_grouped(below)})"
    raise ValueError(f"text: expected a command of LaTeX that statements use, got {chr(92) + name!r}")


def _argument(tokens: Iterator[str]) -> str:
    """What a command, a subscript or a power is applied to: one token, or a group."""
    token = next(tokens)
    return _piece(token, tokens, "")


def _grouped(text: str) -> str:
    """In parentheses, unless it is one letter or number with its accents and indices, or a root."""
    return text if re.fullmatch(r"√?\w\W?(_\w+)?|\d+", text) else f"({text})"


def _raised(text: str) -> str:
    text = text.replace("−", "-").replace(" ", "")
    if text in ("*", "ᵀ"):
        return text
    return "".join(_RAISED[c] for c in text) if all(c in _RAISED for c in text) else f"^{_grouped(text)}"
