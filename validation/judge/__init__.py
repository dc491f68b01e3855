"""Claims, the evidence they are judged on, and verdicts."""
