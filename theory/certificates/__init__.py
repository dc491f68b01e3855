"""Proofs that one given network converges, and an independent checker of them."""
