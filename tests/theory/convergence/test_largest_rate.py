"""The search for the largest rate against closed forms, and what is read off it: budgets and bounds."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fa_ref import Network, Problem, Setting, schedules
from theory.convergence import theorem_3_2, theorem_4_3
from theory.convergence.closing import bounds_at, budget, close, largest_rate

pytestmark = pytest.mark.usefixtures("one_thread")


# --- the search


@pytest.mark.parametrize("excess", [1e-1, 1e-3, 1e-5, 1e-7])
def test_the_rate_is_the_larger_root_however_near_the_roots_are(excess):
    """a ≤ B − C/a between the roots of a² − Ba + C, which are ±√excess of each other at B²/4C = 1 + excess."""
    for B in (1e-3, 1.0, 37.0):
        C = B**2 / 4 / (1 + excess)
        expected = B / 2 * (1 + math.sqrt(excess / (1 + excess)))
        for top in (B, 3 * B, 1e3 * B):
            rate, ratio = largest_rate(lambda a, B=B, C=C: B - C / a, top)
            assert rate == pytest.approx(expected, rel=1e-12 / math.sqrt(excess), abs=0.0)
            assert ratio == pytest.approx(1 + excess, rel=1e-10, abs=0.0)


def test_a_ratio_below_one_says_by_how_much_the_argument_misses():
    for lack in (1e-6, 0.01, 0.5):
        rate, ratio = largest_rate(lambda a, C=1 / (1 - lack): 2.0 - C / a, 2.0)
        assert rate is None
        assert ratio == pytest.approx(1 - lack, rel=1e-10, abs=0.0)


@pytest.mark.parametrize("top", [0.02, 0.5, 0.9, 0.999])
def test_no_rate_beyond_the_top_is_taken(top):
    """3 − 2/a sustains [1, 2] and nothing below; λ_min at the start of training does not allow that much."""
    assert largest_rate(lambda a: 3.0 - 2.0 / a, top)[0] is None


def test_of_two_windows_the_larger_one_counts():
    """a ≤ 0.3 is sustained, and so is every a from the jump on, to what is sustained there."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        jump, top = float(rng.uniform(0.4, 2.0)), float(10 ** rng.uniform(1, 4))
        after = jump * float(rng.uniform(1.7, 1.95))  # more than a step of the search's grid in log a
        rate, ratio = largest_rate(lambda a, jump=jump, after=after: 0.3 if a < jump else after, top)
        assert rate == pytest.approx(after, rel=1e-12, abs=0.0)
        assert ratio >= after / jump * 0.6


# --- budgets


def a_setting(activation, eta=1e-3, p=10_000, scale=1e-3):
    network = Network.gaussian(p, 2, np.random.default_rng(0))
    network = Network(network.W, scale * network.beta, network.b)
    return Setting(Problem(np.eye(2), [0.6, -0.8]), network, activation, eta=eta)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e5])
def test_a_budget_is_sharp_to_nine_digits(size):
    """Λ enters as Λ‖y‖: with targets 10⁵ times as large it is as much smaller, and known as well."""
    lemmas = theorem_4_3.drifts(a_setting("identity"), form="explicit")
    lemmas = replace(lemmas, instance=replace(lemmas.instance, y_norm=size, e_norm=1e-3))
    total = budget(lemmas) * lemmas.instance.eta

    def closes(total):
        return bool(close(replace(lemmas, instance=lemmas.instance.with_total(total))))

    assert closes(total * (1 - 1e-12))
    assert not closes(total * (1 + 2e-9))


def test_without_targets_every_budget_is_kept():
    """E = ‖e(0)‖ + Λ‖y‖ does not depend on Λ at y = 0; at ‖y‖ = 1 it does."""
    lemmas = theorem_4_3.drifts(a_setting("identity"), form="explicit")
    assert budget(replace(lemmas, instance=replace(lemmas.instance, y_norm=0.0))) == math.inf
    assert 0 < budget(replace(lemmas, instance=replace(lemmas.instance, y_norm=1.0))) < 1e9


def test_bounds_of_the_cosine_are_for_runs_without_a_penalty():
    for ridge, known in ((schedules.zero(), True), (schedules.cutoff(1e-3, 2), False)):
        setting = a_setting("tanh", scale=1.0).replace(ridge=ridge)
        lemmas = theorem_3_2.drifts(setting, form="first-order")
        bounds = bounds_at(lemmas, 4.0)
        assert math.isfinite(bounds["alignment"]) == known
        moved = bounds["beta_movement"]
        cosine = (lemmas.instance.overlap + moved) / (lemmas.instance.beta_norm - moved)
        assert not known or bounds["alignment"] == pytest.approx(cosine, rel=1e-12, abs=0.0)
        assert bounds["omega"] == lemmas.remainder(4.0, lemmas.instance.largest)
