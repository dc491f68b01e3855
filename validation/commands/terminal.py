"""The streams as they are found (any encoding, a reader that leaves early), and how a command ends.

Exit status: 0 as claimed; 1 something was violated, or nothing could be judged; 2 bad input, one line on standard
error; 3 a fault of this program, with its traceback; 130 interrupted.
"""

from __future__ import annotations

import codecs
import inspect
import io
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, get_args

import typer
from typer.models import ArgumentInfo

__all__ = [
    "EXIT_FAULT",
    "EXIT_INPUT",
    "EXIT_INTERRUPTED",
    "Interrupted",
    "complain",
    "ending_well",
    "hearing_interrupts",
    "prepare_streams",
]

EXIT_INPUT, EXIT_FAULT, EXIT_INTERRUPTED = 2, 3, 130

#: What a character is called where the terminal's encoding does not have it.
_SPELT = {
    "γ": "gamma", "λ": "lambda", "η": "eta", "ψ": "psi", "Ψ": "Psi", "β": "beta", "δ": "delta", "θ": "theta",
    "Θ": "Theta", "Ω": "Omega", "Λ": "Lambda", "Γ": "Gamma", "ν": "nu", "ξ": "xi", "τ": "tau", "φ": "phi",
    "π": "pi", "§": "Sec. ",
    "≻": ">", "⌊": "[", "⌋": "]", "Π": "prod", "\u0304": "bar", "\u0303": "~", "\u0302": "^",
    "κ": "kappa", "χ": "chi", "ε": "eps", "σ": "sigma", "ρ": "rho", "ω": "omega", "μ": "mu", "Σ": "sum",
    "Ḡ": "Gbar", "Δ": "Delta", "α": "alpha", "ȳ": "ybar", "‖": "||", "√": "sqrt", "∠": "angle", "∞": "inf",
    "≤": "<=", "≥": ">=", "≈": "~", "≡": "=", "≠": "!=", "≪": "<<", "≫": ">>", "×": "x", "·": "*", "−": "-",
    "–": "-", "—": "-", "…": "...", "±": "+/-", "→": "->", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅛": "1/8",
    "′": "'", "″": "''", "²": "^2", "³": "^3", "⁴": "^4", "⁻": "^-", "ᵀ": "^T", "⊥": "perp", "∈": "in", "∘": "o",
    "’": "'", "“": '"', "”": '"', "─": "-",
}  # fmt: skip


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: the ASCII spelling of what cannot be encoded, an escape where there is none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelt, error.object[error.start : error.end])), error.end


def _spelt(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return _SPELT.get(character) or plain or character.encode("ascii", "backslashreplace").decode()


class _Downstream(io.FileIO):
    """A file descriptor whose reader may leave: what is written after that is dropped, and the command goes on.

    Another failure, such as a full disk, is raised once; closing the stream at the end does not raise it again.
    """

    failed = False

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and not self.failed:
                self.failed = True
                raise
            return memoryview(content).nbytes


def prepare_streams() -> None:
    """Make standard output and error take every character, and outlive their reader (``… | head -1``)."""
    codecs.register_error("fa_ref.spell", _spell)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (for good)
        elif stream is getattr(sys, f"__{name}__"):
            stream.flush()
            raw = io.BufferedWriter(_Downstream(number, "wb", closefd=False))
            buffered = stream.line_buffering or number == 2
            setattr(sys, name, io.TextIOWrapper(raw, stream.encoding, "fa_ref.spell", line_buffering=buffered))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="fa_ref.spell")


class Interrupted(KeyboardInterrupt):
    """An interrupt, with a line that says what was kept and how to go on."""


def complain(line: str) -> None:
    """Print one line for a person on standard error."""
    from fa_ref._support.text import printable

    typer.echo("fa-ref: " + printable(" ".join(line.split())), err=True)


def ending_well(command: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a command: a user's mistake, an interrupt and a fault of ours end it with their line and status."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            result = command(*args, **kwargs)
            sys.stdout.flush()
            return result
        except KeyboardInterrupt as interrupt:
            complain(f"interrupted; {str(interrupt) or 'nothing was written'}")
            raise SystemExit(EXIT_INTERRUPTED) from None
        except (ValueError, TypeError, OSError, MemoryError, OverflowError, RecursionError) as error:
            complain(_as_typed(str(error) or type(error).__name__, command))
            raise SystemExit(EXIT_INPUT) from None
        except Exception as error:
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
                raise
            traceback.print_exc()
            complain("this is a fault of the program, not of what you typed")
            raise SystemExit(EXIT_FAULT) from None

    return guarded


def hearing_interrupts(command: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a command: Ctrl-C ends it, and waits while Numba could not pass it on."""

    @wraps(command)
    def listening(*args: Any, **kwargs: Any) -> Any:
        from fa_ref._support.interrupts import interruptible  # loads Numba, which --help does without

        with interruptible():
            return command(*args, **kwargs)

    return listening


#: Names of the library for what an option gives under another name.
_ALSO = {
    "lam": ("ridge",), "T": ("cutoff",), "c_S": ("budget",), "max_steps": ("steps",), "data": ("mnist",),
    "statement": ("only", "number"),
}  # fmt: skip


def _as_typed(line: str, command: Callable[..., Any]) -> str:
    """The line with the option's own spelling, where it begins with the name of one of the command's parameters."""
    name, colon, rest = line.partition(":")
    spellings = _spellings(command)
    spelling = next((spellings[known] for known in (name, *_ALSO.get(name, ())) if known in spellings), None)
    return f"{spelling}:{rest}" if colon and spelling else line


def _spellings(command: Callable[..., Any]) -> dict[str, str]:
    """Names of the parameters, and of the options without dashes, to the options as typed."""
    found: dict[str, str] = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():  # as Typer reads them
        infos = [info for info in get_args(parameter.annotation) if hasattr(info, "param_decls")]
        if infos and isinstance(infos[0], ArgumentInfo):
            found[name] = infos[0].metavar or name.upper()
        elif infos:
            said = [said for said in (infos[0].default, *(infos[0].param_decls or ())) if str(said).startswith("-")]
            typed = str(said[0] if said else f"--{name.replace('_', '-')}").split("/")[0]
            found |= {name: typed, typed.lstrip("-"): typed}
    return found
