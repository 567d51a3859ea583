"""Where values stand on an axis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktune.report.axes_of_values import ValueAxis, is_missing, word


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_numbers_stand_in_their_order_between_0_and_1(values):
    axis = ValueAxis.of(values)
    shares = axis.shares(values)
    assert not axis.words
    assert np.all((shares >= -1e-9) & (shares <= 1 + 1e-9))
    order = np.argsort(values, kind="stable")
    assert np.all(np.diff(shares[order]) >= -1e-9)


@pytest.mark.parametrize("values", [[True, False], ["a", 1], [(1, 2), (3,)], [{}, []]])
def test_what_are_not_all_numbers_are_words(values):
    axis = ValueAxis.of(values)
    assert axis.words == sorted({str(value) for value in values})
    assert sorted(axis.places(values)) == list(range(len(axis.words)))


def test_what_is_missing_stands_nowhere():
    for values in ([1.0, None, 3.0], ["a", float("nan"), "b"]):
        axis = ValueAxis.of(values)
        assert [is_missing(value) for value in values] == [False, True, False]
        assert list(np.isnan(axis.shares(values))) == [False, True, False]


def test_a_constant_stands_in_the_middle():
    assert list(ValueAxis.of([3, 3]).shares([3, 3])) == [0.5, 0.5]


def test_long_words_are_cut():
    assert len(word("x" * 1000)) == 18
