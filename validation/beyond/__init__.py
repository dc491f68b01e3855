"""Sheets of statements that the paper does not make."""
