"""A-posteriori certificates: convergence and alignment proved for the weights at hand; an independent checker."""

from typing import Any

from theory.certificates.from_state import from_state
from theory.certificates.record import StateCertificate
from theory.certificates.search import Certification, certify

__all__ = ["Certification", "Check", "StateCertificate", "certify", "check", "from_state"]


def __getattr__(name: str) -> Any:
    """Import the checker on first use: it needs python-flint, an extra."""
    if name not in ("Check", "check"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from theory.certificates import checker

    return getattr(checker, name)
