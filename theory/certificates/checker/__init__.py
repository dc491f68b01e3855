"""An independent check of a saved certificate: from the JSON, the data and the weights alone.

Nothing of this project but the modules of this folder is imported, so no error of the prover can repeat itself.
Every number of the certificate is a claim, and each claim is proved again in python-flint's ball arithmetic, one
ball a number, whether or not the certificate was made rigorously: what passes is a theorem about the exact
iteration, by the proof in ``docs/certificates.md``.
"""

from theory.certificates.checker.checking import Check, check

__all__ = ["Check", "check"]
