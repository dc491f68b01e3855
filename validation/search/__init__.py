"""Where counterexamples are looked for: cases, strategies, falsification, shrinking."""
