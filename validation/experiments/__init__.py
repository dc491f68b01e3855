"""The paper's experiments, and the runner of their sweeps."""
