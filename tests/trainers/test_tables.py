"""The arrays of data sets."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from skorch.dataset import Dataset
from torch.utils.data import Subset

from sktune.nets.batches import TableDataset
from sktune.nets.sparse import SparseRows
from sktune.runs.kinds import plain_rows
from sktune.runs.rows import ArrayDataset
from sktune.trainers.tables import table_of

X, Y = np.arange(8.0).reshape(4, 2), np.arange(4)


def test_of_our_nets():
    dataset = TableDataset(X, Y, np.ones(4))
    assert len(table_of(dataset, 0).targets) == 2
    part = table_of(Subset(dataset, [0, 2]), 7)
    assert part.source == 7
    assert len(part) == 2
    assert part.X is X


def test_of_a_users_net():
    table = table_of(ArrayDataset(X, Y), 0)
    assert table.X is X
    assert np.array_equal(table.targets[0], Y)
    assert isinstance(plain_rows(ArrayDataset(csr_matrix(X), Y)), SparseRows)


@pytest.mark.parametrize(
    "dataset",
    [Dataset(X, Y), ArrayDataset({"a": X}, Y), ArrayDataset(X, [0, 1, 2, 3]), [1, 2, 3]],
)
def test_only_plain_arrays_are_tables(dataset):
    assert table_of(dataset, 0) is None
