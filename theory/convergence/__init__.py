"""Theorems 3.2, 4.2 and 4.3 with every constant explicit, lemma by lemma."""
