"""Forecasts agree with the laws they quote and with networks, and give no number where those do not apply."""

import math

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules, train
from fa_ref.data import gaussian_inputs
from fa_ref.engines.reduced import sample_in_law
from theory.alignment import no_alignment_coefficient
from theory.alignment.after_cutoff import after_cutoff
from theory.alignment.forecast import with_ridge, without_ridge
from theory.limits import wide_prediction
from theory.limits.fixed_time import early_law, follow

PROBLEM = Problem(gaussian_inputs(4, 8, np.random.default_rng(3), scale=8**-0.5), [1.0, -1.0, 1.0, 1.0])
TWINS = Problem(np.repeat(PROBLEM.X[:2], 2, axis=0), [1.0, 1.0, -1.0, -1.0])


def test_without_ridge_each_width_has_the_law_over_p():
    rows = without_ridge(PROBLEM, "tanh", [40, math.inf], [400, 6400], eta=0.3)
    assert [(row.t, row.p) for row in rows] == [(40, None), (40, 400), (40, 6400)] + [
        (math.inf, p) for p in (None, 400, 6400)
    ]
    for row, steps in zip(rows, (40, 40, 40, None, None, None), strict=True):
        law = no_alignment_coefficient(PROBLEM, "tanh", eta=0.3, steps=steps)
        assert row.scaled == pytest.approx(law, rel=1e-13)  # the same sums
        assert row.p is None or row.alignment == row.scaled / row.p
        assert row.error < 1e-6  # quadrature at small inputs


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_growth_of_beta_is_that_of_networks(activation):
    """The condition on ‖β‖ is the measured one: so E‖Δβ‖² by simulation, over 40 networks at p = 6400."""
    p, eta, steps = 6400, 0.3, 40
    growth = early_law(PROBLEM, activation, [steps], eta=eta).growth[0]
    moved = []
    for seed in range(40):
        start = Network.gaussian(p, PROBLEM.d, np.random.default_rng(seed))
        end = train(PROBLEM, start, activation, eta=eta, steps=steps, record_every=steps).network
        moved.append(float(np.sum((end.beta - start.beta) ** 2)))
    # five standard errors of the mean over draws; 1/√p = 1 % of the value for the finite width
    assert np.mean(moved) == pytest.approx(growth, abs=5 * np.std(moved) / math.sqrt(40) + 0.05 * growth)


@pytest.mark.parametrize("activation", ["identity", "tanh", "relu"])
def test_a_network_is_followed_from_its_start(activation):
    """cos errs by O(p^{-3/2}): a factor 64 from p = 400 to 6400, while cos itself falls by 4."""
    eta, times, off = 0.3, np.arange(61), {}
    for p in (400, 6400):
        for seed in range(6):
            start = Network.gaussian(p, PROBLEM.d, np.random.default_rng(seed))
            run = train(PROBLEM, start, activation, eta=eta, steps=60)
            said = follow(Setting(PROBLEM, start, activation, eta=eta), times)
            off.setdefault(p, []).append([
                np.abs(said.alignment - run.alignment).max(),
                np.abs(said.residual_norms - run.residual_norms).max(),
            ])  # fmt: skip
            assert said.alignment[0] == pytest.approx(run.alignment[0], abs=1e-12)  # rounding of sums of p terms
            assert said.residual_norms[0] == pytest.approx(run.residual_norms[0], abs=1e-12)
    narrow, wide = (np.sqrt(np.mean(np.square(off[p]), axis=0)) for p in (400, 6400))
    # root mean squares of 6 draws; a quarter of the exponent is left for their scatter
    assert wide[0] < narrow[0] / 64**0.75
    assert wide[1] < narrow[1] / 4**0.75
    assert wide[0] < 0.1 / 6400**0.5  # a tenth of what a network's cosine is by chance: the overlay says something


def test_no_number_where_the_law_without_ridge_does_not_apply():
    unstable = without_ridge(PROBLEM, "identity", [math.inf], [800], eta=2.1 / PROBLEM.lambda_max)
    assert all(math.isnan(row.alignment) and math.isnan(row.scaled) for row in unstable)
    assert unstable[0].why.startswith("η λ_max(Ḡ) = 2.1")
    finite, at_800, forever, _ = without_ridge(TWINS, "tanh", [20, math.inf], [800], eta=0.3)
    assert finite.scaled > 0
    assert at_800.alignment == finite.scaled / 800
    assert math.isnan(forever.scaled)
    assert "γ" in forever.why
    limit, narrow = without_ridge(PROBLEM, "tanh", [math.inf], [20], eta=0.3)
    assert limit.scaled > 0
    assert math.isnan(narrow.alignment)
    assert "movement of W" in narrow.why


def test_with_ridge_quotes_the_wide_prediction():
    ridge = schedules.constant(0.2)
    rows = with_ridge(PROBLEM, "tanh", [5.0, 50.0], [900], eta=0.3, ridge=ridge)
    limit = wide_prediction(PROBLEM, "tanh", [5.0, 50.0], eta=0.3, ridge=ridge)
    assert [row.alignment for row in rows[:2]] == limit.alignment.tolist()
    assert [row.t for row in rows[2:]] == [150, 1500]
    # the initialisation, decayed at the second time only, adds to the error of the first
    run = wide_prediction(PROBLEM, "tanh", [5.0, 50.0], eta=0.3, ridge=ridge, p=900)
    assert rows[2].error > run.error[0]
    assert rows[3].error == pytest.approx(run.error[1], abs=1e-6)  # c = e^{-90}


def test_no_number_where_the_kernel_outgrows_the_step_and_networks_diverge_there():
    eta, lam, p = 0.9 / PROBLEM.lambda_max, 0.5, 3200
    early, late = with_ridge(PROBLEM, "identity", [1.0, 30.0], [], eta=eta, ridge=schedules.constant(lam))
    assert early.why == ""
    assert early.alignment > 0
    assert math.isnan(late.alignment)
    assert late.why.startswith("η(λ + λ_max(G(θ)))")
    start = Network.gaussian(p, PROBLEM.d, np.random.default_rng(0))
    run = train(PROBLEM, start, "identity", eta=eta, steps=round(30 * p**0.5), ridge=schedules.constant(lam))
    assert run.status == "diverged"
    assert run.diverged_at > p**0.5
    assert all(
        "ηλ" in row.why
        for row in with_ridge(PROBLEM, "identity", [1.0], [100], eta=0.5, ridge=schedules.constant(2.5))
    )


def test_the_share_of_the_initialisation_is_that_of_a_network():
    theta, p = np.array([2.0, 10.0]), 2500
    ridge = schedules.constant(0.1)
    for activation in ("identity", "tanh"):
        said = wide_prediction(PROBLEM, activation, theta, eta=0.2, ridge=ridge, p=p)
        start = Network.gaussian(p, PROBLEM.d, np.random.default_rng(1))
        run = train(PROBLEM, start, activation, eta=0.2, steps=500, ridge=ridge, record_every=100)
        decay = np.array([0.98**100, 0.98**500])
        share = decay * np.linalg.norm(start.beta) / run.measures["beta_norm"][[1, 5]]
        np.testing.assert_allclose(said.initial_share, share, atol=4 / p**0.5)  # O(1/√p), constants of order one


@pytest.mark.parametrize("c_S", [8.0, 60.0])
def test_after_the_cutoff_networks_are_where_the_forecast_says(c_S):
    p, lam, eta = 10**8, 0.6, 0.1
    forecast = after_cutoff(PROBLEM, [p], eta=eta, lam=lam, c_S=c_S)
    assert forecast.bracket.lower < forecast.alignment < forecast.bracket.upper
    assert math.isnan(forecast.constant)
    T = forecast.cutoffs[p]
    start = sample_in_law(PROBLEM, p, np.random.default_rng(0))
    steps, ridge = T + int(40 / (eta * forecast.gamma)), schedules.cutoff(lam, T)
    run = train(PROBLEM, start, "identity", eta=eta, steps=steps, ridge=ridge, record_every=steps)
    # a network of this width is O(1/√p) = 1e-4 away; ten times that
    assert run.alignment[-1] == pytest.approx(forecast.alignment, abs=1e-3)
    misread = after_cutoff(
        PROBLEM, [p], eta=eta, lam=lam, c_S=1.05 * c_S
    )  # control: a budget misread by 5 % is seen
    assert abs(run.alignment[-1] - misread.alignment) > 1e-3


def test_the_theorem_does_not_apply_to_twins_and_zero_targets():
    for problem, reason in ((TWINS, "λ_min(K)"), (Problem(np.eye(2), [0.0, 0.0]), "‖y‖")):
        forecast = after_cutoff(problem, [100], eta=0.1, lam=1.0, c_S=1.0)
        assert reason in forecast.why
        assert math.isnan(forecast.alignment)
        assert not forecast.cutoffs


def test_the_bracket_of_badly_conditioned_inputs_is_wide_and_no_error():
    forecast = after_cutoff(Problem(np.diag([1.0, 1e-3]), [1.0, 1.0]), [], eta=0.1, lam=1.0, c_S=30.0)
    assert 0 <= forecast.bracket.lower <= forecast.alignment <= forecast.bracket.upper < 1
