"""Mini-batches fetched whole: a data set indexed once per batch, not once per row."""

from typing import Any

import numpy.typing as npt
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
)

from sktune.nets.sparse import AnyRows


def batches(
    dataset: Any, batch_size: int, shuffle: bool = False, drop_last: bool = False
) -> DataLoader[Any]:
    """Return a loader with the same batches, in the same order, as torch's own.

    ``DataLoader(dataset, batch_size, shuffle)`` fetches and collates row by row, which takes
    longer than training a small network; this asks the data set for all rows of a batch.

    Parameters
    ----------
    dataset : torch Dataset
        Its ``__getitem__`` takes a list of row numbers.
    batch_size : int
        Rows in a batch; the last batch has what is left.
    shuffle : bool, default=False
        Draw a new order each epoch, from torch's generator, as torch's loader does.
    drop_last : bool, default=False
        Leave a last batch that is not full out.
    """
    order: Sampler[Any] = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
    return DataLoader(dataset, batch_size=None, sampler=BatchSampler(order, batch_size, drop_last))


class TableDataset(Dataset[Any]):
    """Rows of a table with targets, and weights if there are any.

    A row is ``(X, y)``, or ``(X, (y, weight))``, the pair being skorch's target.
    """

    def __init__(
        self,
        X: AnyRows,
        y: npt.NDArray[Any],
        weight: npt.NDArray[Any] | None = None,
    ) -> None:
        self.X, self.y, self.weight = X, y, weight

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: Any) -> Any:
        target = self.y[rows]
        return self.X[rows], target if self.weight is None else (target, self.weight[rows])
