"""Which parameters of ``fit`` have a value for each row, and are cut down with the rows."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from sktune.runs.parameters import is_per_row, sliced

X = np.zeros((3, 2))
PER_ROW = [[1, 2, 3], (1, 2, 3), np.arange(3), pd.Series([1, 2, 3]), csr_matrix(np.eye(3))]
WHOLE = ["abc", 3, None, [1, 2], np.arange(2), np.float64(3), {"a": 1, "b": 2, "c": 3}]


@pytest.mark.parametrize("value", PER_ROW)
def test_values_for_each_row(value):
    assert is_per_row(value, X)
    cut = sliced({"name": value}, X, np.array([2, 0]))["name"]
    assert type(cut) is (list if isinstance(value, tuple) else type(value))
    assert np.shape(cut)[0] == 2


@pytest.mark.parametrize("value", WHOLE)
def test_other_values_stay(value):
    assert not is_per_row(value, X)
    assert sliced({"name": value}, X, np.array([2, 0]))["name"] is value


def test_the_rows_that_are_asked_for():
    cut = sliced({"weight": [1, 2, 3], "index": np.arange(3)}, X, np.array([2, 0]))
    assert cut["weight"] == [3, 1]
    assert cut["index"].tolist() == [2, 0]
