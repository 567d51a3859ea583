"""Hyperparameters come back from JSON as they were, and reading runs nobody's code."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from sktune.exceptions import StorageError
from sktune.journal.values import decoded, encoded, readable

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.floats(width=32, allow_nan=False).map(np.float32),
    st.floats(allow_nan=False).map(np.float64),
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.booleans().map(np.bool_),
)
VALUES = st.recursive(SCALARS, lambda part: st.lists(part) | st.lists(part).map(tuple))


def same(one, other):
    assert type(one) is type(other)
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other


@given(VALUES)
def test_values_come_back_with_their_types(value):
    line = json.dumps(encoded(value), allow_nan=False)
    same(decoded(json.loads(line)), value)
    same(readable(json.loads(line)), value)


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_numbers_that_are_not_finite(kind):
    for number in (math.nan, math.inf, -math.inf):
        found = decoded(json.loads(json.dumps(encoded(kind(number)), allow_nan=False)))
        assert type(found) is kind
        assert repr(found) == repr(kind(number))


@pytest.mark.parametrize("value", [StandardScaler, StandardScaler(with_std=False), {1: "a"}, 1j])
def test_what_json_has_no_word_for(value):
    line = json.loads(json.dumps(encoded(value)))
    assert repr(decoded(line)) == repr(value)
    assert readable(line) == repr(value)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("reading has run somebody's code",)


def test_reading_unpickles_nothing():
    line = encoded(Bomb())
    assert "Bomb" in readable(line)
    with pytest.raises(pytest.fail.Exception, match="somebody's code"):
        decoded(line)


def test_what_cannot_be_pickled_is_refused_by_name():
    with pytest.raises(StorageError, match=r"(?s)lambda.*top level of a module"):
        encoded(lambda x: x)
