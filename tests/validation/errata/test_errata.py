"""Each erratum shows the printed reading failing and the corrected one holding, and a demonstration can fail."""

from dataclasses import replace

import numpy as np
import pytest

from validation.errata import algorithm, convergence, inputs, open_questions
from validation.errata.catalogue import DEMONSTRATIONS, demonstrate


@pytest.fixture(scope="module")
def found():
    return demonstrate(seed=1)


def test_all_thirteen_are_shown(found):
    assert len(found) == 13
    assert [erratum.number for erratum in found] == list(range(1, len(DEMONSTRATIONS) + 1))
    assert [erratum.number for erratum in found if not erratum.shown] == []


def test_each_names_its_counterexample_and_what_was_measured(found):
    for erratum in found:
        record = erratum.to_dict()
        assert record["shown"] is True
        assert all(record[key] for key in ("place", "printed", "corrected", "setting", "finding"))
        assert any(character.isdigit() for character in erratum.finding)


def test_a_demonstration_of_nothing_is_not_shown(found):
    """Negative control: where both readings hold, or neither, there is no erratum."""
    assert not replace(found[0], printed_holds=True).shown
    assert not replace(found[0], corrected_holds=False).shown
    assert found[0]
    assert not replace(found[0], corrected_holds=False)


def test_demonstrations_that_are_given_the_right_reading_do_not_fire(monkeypatch):
    """Negative control: with the printed reading replaced by the corrected one nothing is shown."""
    monkeypatch.setattr(algorithm, "ascend", algorithm.descend)
    assert algorithm.residual_sign(np.random.default_rng(0)).printed_holds
    monkeypatch.setattr(convergence, "eta_from_mean_squared_step", lambda step, n: step)
    assert not convergence.published_step_sizes(np.random.default_rng(0)).corrected_holds
    monkeypatch.setattr(inputs, "printed_dimension", inputs.sufficient_dimension)
    assert inputs.isometry_rate(np.random.default_rng(0)).printed_holds


def test_a_wrong_theory_is_not_a_correction(monkeypatch):
    """Negative control: an edge of stability or a budget that is misread is found not to hold."""
    true_edge, true_budget = open_questions.edge_time, open_questions.unit_of_budget
    monkeypatch.setattr(open_questions, "edge_time", lambda *a, **k: 0.97 * true_edge(*a, **k))
    assert not open_questions.constant_penalty(np.random.default_rng(0)).corrected_holds
    monkeypatch.setattr(open_questions, "unit_of_budget", lambda *a: 1e-3 * true_budget(*a))
    assert open_questions.fixed_schedules(np.random.default_rng(0)).printed_holds
