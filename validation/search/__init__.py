"""Where counterexamples are looked for: laws, strategies, falsification, shrinking."""
