"""Text that came from outside (names of files, of data, of activations), made safe to print."""

from __future__ import annotations

import unicodedata

__all__ = ["one_line", "printable"]

#: Unicode's classes of what moves the cursor, reorders a line or stands for undecodable bytes; tabs and ends of
#: lines are the caller's.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str, *, keep: str = "") -> str:
    r"""Return ``text`` with control characters, direction marks and undecodable bytes as escapes.

    A terminal obeys escape sequences in whatever is printed, a file name included; and bytes that are not UTF-8,
    which Python holds as lone surrogates, cannot be written to a report.

    Parameters
    ----------
    text : str
        Any text.
    keep : str, optional
        Characters to leave as they are.

    Examples
    --------
    >>> printable("γ of X\x1b[31m.csv")
    'γ of X\\x1b[31m.csv'
    >>> printable("caf\udce9.csv")
    'caf\\xe9.csv'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if c not in keep and unicodedata.category(c) in _UNPRINTABLE else c for c in text)


def one_line(error: object, limit: int = 200) -> str:
    r"""What an error says, or a name in a file, for a message of ours: on one line, printable, and not too long.

    Parameters
    ----------
    error : object
        An exception, or anything else with a text.
    limit : int, optional
        Characters of it that are kept.

    Examples
    --------
    >>> one_line(ValueError("format '<9\x1d' is\nnot recognised"))
    "format '<9 ' is not recognised"
    """
    return printable(" ".join(str(error).split())[:limit])


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte, as os.fsdecode holds it
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
