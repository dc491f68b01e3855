"""Sheets of statements that the paper does not make; `validation.theorems` has those that it makes."""
