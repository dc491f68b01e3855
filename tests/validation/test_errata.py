"""Each erratum shows the printed reading failing and the corrected one holding, and a demonstration can fail."""

from dataclasses import replace

import numpy as np
import pytest

from validation.errata import demonstrations as errata


@pytest.fixture(scope="module")
def found():
    return errata.demonstrate(seed=1)


def test_all_nine_are_shown(found):
    assert [erratum.number for erratum in found] == list(range(1, 10))
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


def test_demonstrations_that_are_given_the_right_reading_do_not_fire(monkeypatch):
    """Negative control: with the printed reading replaced by the corrected one nothing is shown."""
    monkeypatch.setattr(errata, "ascend", errata.descend)
    assert errata.residual_sign(np.random.default_rng(0)).printed_holds
    monkeypatch.setattr(errata, "eta_from_mean_squared_step", lambda step, n: step)
    assert not errata.published_step_sizes(np.random.default_rng(0)).corrected_holds
    monkeypatch.setattr(errata, "printed_dimension", errata.sufficient_dimension)
    assert errata.isometry_rate(np.random.default_rng(0)).printed_holds
