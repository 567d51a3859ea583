"""The arrays of a data set, which a stack loads its mini-batches from."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from torch.utils.data import Subset

from sktune.nets.batches import TableDataset
from sktune.nets.sparse import AnyRows, SparseRows
from sktune.runs.rows import ArrayDataset
from sktune.stacking.batches import Table


def table_of(dataset: Any, source: int) -> Table | None:
    """Return the arrays of a data set, None if it is not one of plain arrays."""
    if isinstance(dataset, Subset):
        whole = table_of(dataset.dataset, source)
        rows = np.asarray(dataset.indices)
        return whole and Table(source, whole.X, whole.targets, rows)
    if type(dataset) is TableDataset:
        weight = () if dataset.weight is None else (dataset.weight,)
        return Table(source, dataset.X, (dataset.y, *weight))
    if type(dataset) is ArrayDataset:
        X = rows_of(dataset)
        if X is not None and isinstance(dataset.y, np.ndarray):
            return Table(source, X, (dataset.y,))
    return None


def rows_of(dataset: ArrayDataset) -> AnyRows | None:
    """Return the rows of a user's net, None if they are no plain ones."""
    if issparse(dataset.X):
        return SparseRows(dataset.X)
    return dataset.X if isinstance(dataset.X, np.ndarray) else None
