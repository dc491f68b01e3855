"""Exponents of the width: those of the theory are found with their limits, and others are told apart."""

import numpy as np
import pytest

from fa_ref import Problem
from validation.judge.scaling import QUANTITIES, Quantity, scalings

#: One fit in ten million misses by chance; eight are made: false alarm < 1e-6.
CONFIDENCE = 1 - 1e-7

#: Measured only, to be told apart: ‖β‖ ~ p^½, and a movement per unit that is not divided by √p stays of order 1.
CONTROLS = {
    "‖β(T)‖": Quantity("control", 0.5, lambda run: float(np.linalg.norm(run.end.beta))),
    "‖W(T) − W(0)‖": Quantity("control", 0.0, lambda run: float(np.linalg.norm(run.end.W - run.start.W))),
}


@pytest.fixture(scope="module")
def fits():
    problem, rng = Problem(np.eye(5), (-1.0) ** np.arange(5)), np.random.default_rng(0)
    return scalings(
        problem, [100, 200, 400, 800, 1600, 3200], rng, eta=0.2, steps=40, runs=12, confidence=CONFIDENCE,
        quantities=QUANTITIES | CONTROLS,
    )  # fmt: skip


#: The kernels fall like 1/p: the signs of b_r average the units' p^−½ out.
EXPONENTS = {name: -1.0 if name.startswith(("‖G", "‖H")) else -0.5 for name in QUANTITIES}


@pytest.mark.parametrize("name", QUANTITIES)
def test_no_quantity_falls_more_slowly_than_its_bound(fits, name):
    assert fits[name].low <= QUANTITIES[name].bound
    assert EXPONENTS[name] in fits[name]
    assert fits[name].window == (100.0, 3200.0)
    assert fits[name].points == 72


def test_what_scales_differently_is_told_apart(fits):
    for name, control in CONTROLS.items():
        assert control.bound in fits[name]
        assert -0.5 not in fits[name]
    for name, exponent in EXPONENTS.items():
        wrong = -0.5 if exponent == -1.0 else -1.0
        assert wrong not in fits[name]
        assert 0.0 not in fits[name]


def test_widths_outside_the_window_are_not_run():
    run_at = []
    counting = {"p": Quantity("", 1.0, lambda run: run_at.append(run.start.p) or float(run.start.p))}
    problem, widths = Problem(np.eye(2), [1.0, 1.0]), [10, 20, 40, 10**9]
    fit = scalings(
        problem, widths, np.random.default_rng(0), eta=0.1, steps=2, runs=2, window=(15, 100), quantities=counting
    )["p"]
    assert run_at == [20, 20, 40, 40]
    assert fit.slope == pytest.approx(1.0, abs=1e-12)
    assert fit.window == (20.0, 40.0)


def test_runs_that_diverge_are_refused():
    problem = Problem(np.eye(2), [1.0, 1.0])
    with pytest.raises(ValueError, match="eta: expected a step that converges, got 50, which diverged at p = 20"):
        scalings(problem, [20, 40], np.random.default_rng(0), activation="identity", eta=50.0, steps=60)
