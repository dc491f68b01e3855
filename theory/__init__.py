"""The mathematics: what the theorems promise, with every constant a number."""
