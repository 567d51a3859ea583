"""What a storage shows of the things that a search was given."""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.stats import loguniform

from sktune.search.described import described
from tests.test_fingerprint import frame


def test_data_are_not_shown():
    assert described(np.array([[1.5, 2.5]])) == "1 x 2 float64"
    assert described(frame()) == "2 x 4 DataFrame"
    assert described(csr_matrix(np.eye(3))) == "3 x 3 float64"
    assert described(loguniform(0.001, 1)) == "loguniform(0.001, 1)"
    assert len(described(list(range(1000)))) == 200
