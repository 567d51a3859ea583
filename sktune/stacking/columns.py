"""What a stack loads its mini-batches from: all rows or targets of its networks, on their device.

Sparse rows stay where they are, and become dense as they are loaded.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from sktune.nets.sparse import AnyRows, SparseRows


class Column(Protocol):
    """Rows, or one of the targets, of several tables one after the other."""

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        """Return some rows."""

    def room(self, n_networks: int, n_rows: int) -> torch.Tensor:
        """Return a tensor to load a mini-batch of some networks into."""

    def load(self, rows: torch.Tensor, place: torch.Tensor) -> None:
        """Put rows into such a tensor."""


class DenseColumn:
    """Rows as one tensor."""

    def __init__(self, arrays: Sequence[npt.NDArray[Any]], device: torch.device) -> None:
        self._values = torch.from_numpy(np.concatenate(arrays)).to(device)

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        """Return some rows."""
        return self._values[rows]

    def room(self, n_networks: int, n_rows: int) -> torch.Tensor:
        """Return a tensor to load a mini-batch of some networks into."""
        return self._values.new_empty((n_networks, n_rows, *self._values.shape[1:]))

    def load(self, rows: torch.Tensor, place: torch.Tensor) -> None:
        """Put rows into such a tensor."""
        torch.index_select(self._values, 0, rows, out=place.view(-1, *self._values.shape[1:]))


class SparseColumn:
    """Rows that are made dense as they are loaded."""

    def __init__(self, tables: Sequence[AnyRows], device: torch.device) -> None:
        self._rows, self._device = SparseRows.joined(tables), device

    def take(self, rows: torch.Tensor) -> torch.Tensor:
        """Return some rows."""
        return torch.from_numpy(self._rows[rows.cpu().numpy()]).to(self._device)

    def room(self, n_networks: int, n_rows: int) -> torch.Tensor:
        """Return a tensor to load a mini-batch of some networks into."""
        few = self.take(torch.arange(1))
        return few.new_empty((n_networks, n_rows, *few.shape[1:]))

    def load(self, rows: torch.Tensor, place: torch.Tensor) -> None:
        """Put rows into such a tensor."""
        place.copy_(self.take(rows).view_as(place))


def column(tables: Sequence[AnyRows], device: torch.device) -> Column:
    """Return the rows of several tables; they are sparse if some are."""
    dense = [table for table in tables if isinstance(table, np.ndarray)]
    is_dense = len(dense) == len(tables)
    return DenseColumn(dense, device) if is_dense else SparseColumn(tables, device)
