"""Sparse rows: to the bit what dense ones give, in a fraction of the memory."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_array, csr_matrix, random

from sktune import ConvNetClassifier, MLPClassifier, MLPRegressor
from sktune.nets import sparse
from sktune.nets.sparse import SparseRows, sparse_or_dense

TABLE = random(60, 16, density=0.2, format="csr", random_state=0)
DENSE = TABLE.toarray()
Y = (DENSE.sum(axis=1) > 1.5).astype(int)

SMALL_IN_MEMORY = """
import resource, sys
import numpy as np
from scipy.sparse import csr_matrix
from sktune import MLPClassifier, SuccessiveHalvingSearchCV

rng = np.random.default_rng(0)
n_rows, n_columns = 3000, 40_000  # 480 MB as float32
columns = rng.integers(0, n_columns, n_rows * 20)
X = csr_matrix((np.ones(n_rows * 20, np.float32), columns, np.arange(0, n_rows * 20 + 1, 20)),
               (n_rows, n_columns))
y = rng.integers(0, 2, n_rows)
net = MLPClassifier(depth=1, width=4, max_epochs=1, random_state=0)
net.fit(X[:100], y[:100])

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = used()
if sys.argv[1] == "alone":
    net.fit(X, y).predict(X)
else:
    stacking = {"stacked": "auto", "solo": False}[sys.argv[1]]
    settings = {"max_resources": 1, "cv": 2, "random_state": 0, "stacking": stacking}
    SuccessiveHalvingSearchCV(net, {"lr": [0.01, 0.02]}, **settings).fit(X, y)
assert used() - before < float(sys.argv[2]), used() - before
"""


@pytest.fixture
def keep_sparse(monkeypatch):
    """Have small tables stay sparse too."""
    monkeypatch.setattr(sparse, "_SMALL", 0)


@pytest.mark.usefixtures("keep_sparse")
@pytest.mark.parametrize("kind", [csr_matrix, csr_array, csc_matrix])
@pytest.mark.parametrize("batch_size", [16, 64])
def test_nets_are_to_the_bit_those_of_dense_rows(kind, batch_size):
    shared = {"max_epochs": 3, "batch_size": batch_size, "random_state": 0}
    for net in (
        MLPClassifier(dropout=0.2, **shared),
        MLPRegressor(**shared),
        ConvNetClassifier(filters=2, image_shape=(4, 4), **shared),
    ):
        method = "predict" if isinstance(net, MLPRegressor) else "predict_proba"
        weight = np.linspace(0, 1, 60)
        found = net.fit(kind(TABLE), Y, sample_weight=weight)
        answers = [getattr(found, method)(rows) for rows in (kind(TABLE), DENSE)]
        oracle = getattr(net.fit(DENSE, Y, sample_weight=weight), method)(DENSE)
        assert np.array_equal(answers[0], oracle)
        assert np.array_equal(answers[1], oracle)


# A stack has the mini-batches of all its networks at once.
@pytest.mark.parametrize(("how", "megabytes"), [("alone", 150), ("solo", 150), ("stacked", 400)])
def test_memory(how, megabytes):
    subprocess.run([sys.executable, "-c", SMALL_IN_MEMORY, how, str(megabytes)], check=True)


def test_a_table_is_indexed_like_an_array():
    rows = SparseRows(TABLE)
    for part in ([3, 0], np.array([5]), slice(10, 70), slice(None)):
        assert np.array_equal(rows[part], DENSE[part])
    images = rows.reshape(60, 1, 4, 4)
    assert images.shape == (60, 1, 4, 4)
    assert np.array_equal(images[2:4], DENSE[2:4].reshape(2, 1, 4, 4))
    both = SparseRows.joined([images, DENSE.reshape(60, 1, 4, 4)])
    assert np.array_equal(both[[1, 61]], images[[1, 1]])


def test_what_is_small_is_made_dense_at_once(monkeypatch):
    assert isinstance(sparse_or_dense(TABLE), np.ndarray)
    monkeypatch.setattr(sparse, "_SMALL", 60 * 16 * 8)
    assert isinstance(sparse_or_dense(TABLE), SparseRows)
