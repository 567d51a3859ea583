"""What a storage shows of the things that a search was given."""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.stats import loguniform

from sktune.search.fingerprint import mark
from tests.test_fingerprint import frame


def test_data_are_not_shown():
    assert mark(np.array([[1.5, 2.5]])).shown == "1 x 2 float64"
    assert mark(frame()).shown == "2 x 4 DataFrame"
    assert mark(csr_matrix(np.eye(3))).shown == "3 x 3 float64"
    assert mark(loguniform(0.001, 1)).shown == "loguniform(0.001, 1)"
    assert len(mark(list(range(1000))).shown) == 200
