"""The measures of units, whose squares may over- and underflow, against arithmetic that knows no such ends."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fa_ref.measures import MEASURES, summarise

SQUARES = st.one_of(st.just(0.0), st.floats(1e-307, 1e307))
ENTRIES = st.one_of(st.just(0.0), st.floats(1e-300, 1e300), st.floats(-1e300, -1e-300), st.floats(-3.0, 3.0))


def measured(moved, b):
    """The measures of units that moved so far, by name; β = b, and ‖wᵣ‖ = 1."""
    row, one = np.empty(len(MEASURES)), np.ones(len(b))
    with np.errstate(all="ignore"):
        summarise(np.array(moved), one, np.array(b), np.array(b), np.array(b), 1.0, row)
    return dict(zip(MEASURES, row, strict=True))


@given(st.lists(st.tuples(SQUARES, ENTRIES), min_size=1, max_size=9))
def test_the_largest_movement_and_its_share_of_b(units):
    moved, b = zip(*units, strict=True)
    found = measured(moved, b)
    assert found["weight_movement"] == math.sqrt(max(moved))
    shares = [Fraction(m) / Fraction(x) ** 2 for m, x in units if x != 0.0]
    share = max(shares, default=Fraction(0))
    at = shares.index(share) if shares else 0
    live = [(m, x) for m, x in units if x != 0.0]
    exact = math.sqrt(live[at][0]) / abs(live[at][1]) if live else 0.0  # two roundings; and the code's two or three
    if math.isinf(exact):
        assert found["scaled_weight_movement"] == math.inf
    else:
        assert found["scaled_weight_movement"] == pytest.approx(exact, rel=4 * np.finfo(float).eps, abs=1e-307)


@pytest.mark.parametrize(
    ("moved", "b", "share"),
    [
        ([4.0, 1.0], [2.0, 0.25], 4.0),
        ([1e-30, 1.0], [1e-200, 1.0], 1e185),  # 1e-400 is no float
        ([1e300, 1e-200], [1e200, 1.0], 1e-50),  # nor is 1e400
        ([1e-300], [1e100], 1e-250),  # nor the quotient 1e-500
        ([1e-30, 1.0], [1e-160, 1.0], 1e145),  # 1e-320 is one, of three digits
        ([1e300, 1e300], [0.0, 1e-20], 1e170),
        ([math.nan, 4.0], [1.0, 1.0], 2.0),
        ([1.0], [0.0], 0.0),
    ],
)  # fmt: skip
def test_a_share_beyond_the_squares(moved, b, share):
    assert measured(moved, b)["scaled_weight_movement"] == pytest.approx(share, rel=1e-15, abs=0.0)
