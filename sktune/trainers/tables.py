"""The arrays of a data set, which a stack loads its mini-batches from."""

from typing import Any

import numpy as np
from torch.utils.data import Subset

from sktune.nets.batches import TableDataset
from sktune.runs.kinds import plain_rows
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
        X = plain_rows(dataset)
        if X is not None and isinstance(dataset.y, np.ndarray):
            return Table(source, X, (dataset.y,))
    return None
