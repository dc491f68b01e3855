"""One theorem, one file, one sheet."""
