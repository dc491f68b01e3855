"""Every lemma at every step of certified networks: the theorems' own claim, over many random initialisations."""

import pytest

from studies.lemmas import cases, verify


@pytest.mark.parametrize("case", ["3.2-second", "4.3", "4.3-sharper", "4.3-uneven"])
def test_a_few_certified_networks_violate_nothing(case):
    result = verify(case, networks=4, seed=1, steps=25)
    assert result["certified"] == 4
    assert result["entries"] > 4 * 25 * 8
    assert result["violations"] == 0


@pytest.mark.nightly
@pytest.mark.parametrize("case", sorted(cases()))
def test_two_hundred_certified_networks_violate_nothing(case):
    result = verify(case, networks=200, seed=0)
    assert result["certified"] == 200
    assert result["violations"] == 0
