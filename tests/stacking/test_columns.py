"""Stacks load sparse rows as they load dense ones."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from sktune.nets import sparse
from sktune.nets.sparse import SparseRows
from sktune.stacking.columns import DenseColumn, SparseColumn, column
from tests.user_nets import classifier

TABLE = random(90, 12, density=0.3, format="csr", dtype=np.float32, random_state=0)
DENSE = TABLE.toarray()
Y = (DENSE.sum(axis=1) > 1.8).astype(np.int64)
CPU = torch.device("cpu")


@pytest.mark.parametrize("net", ["ours", "users"])
def test_a_stack_is_to_the_bit_that_of_dense_rows(net, monkeypatch):
    users = classifier(module__n_in=12, module__n_out=2)
    net = MLPClassifier(max_epochs=4, random_state=0) if net == "ours" else users
    found = []
    for X in (DENSE, TABLE):
        search = SuccessiveHalvingSearchCV(
            net,
            {"lr": [0.01, 0.03]},
            max_resources=4,
            scoring="neg_log_loss",
            return_train_score=True,
            error_score="raise",
            random_state=0,
        )
        found.append(search.fit(X, Y))
        assert search.stacking_["solo"] == 0
        # the second time they stay sparse, small as they are
        monkeypatch.setattr(sparse, "_SMALL", 0)
    for name in ("mean_test_score", "mean_train_score"):
        assert np.array_equal(*(search.cv_results_[name] for search in found))
    assert np.array_equal(found[0].predict_proba(DENSE), found[1].predict_proba(TABLE))


@pytest.mark.parametrize(
    "tables",
    [[SparseRows(TABLE), SparseRows(TABLE)], [DENSE, SparseRows(TABLE)], [DENSE, DENSE]],
)
def test_columns(tables):
    found, oracle = column(tables, CPU), torch.from_numpy(np.concatenate([DENSE, DENSE]))
    kind = DenseColumn if tables[1] is DENSE else SparseColumn
    assert type(found) is kind
    numbers = torch.tensor([3, 100, 179, 3])
    assert torch.equal(found.take(numbers), oracle[numbers])
    room = found.room(2, 2)
    assert room.shape == (2, 2, 12)
    assert room.dtype == torch.float32
    found.load(numbers, room)
    assert torch.equal(room.view(4, 12), oracle[numbers])


def test_rows_of_any_shape():
    images = SparseRows(csr_matrix(DENSE), (1, 3, 4))
    found = column([images], CPU)
    place = found.room(1, 2)
    found.load(torch.tensor([1, 2]), place)
    assert torch.equal(place[0], torch.from_numpy(DENSE[1:3].reshape(2, 1, 3, 4)))
