"""Sparse rows for networks, which take dense ones: made dense as they are asked for."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack

# Rows that take less than this when they are dense are made dense once.
_SMALL = 1 << 25  # bytes


class SparseRows:
    """A sparse table that is indexed like an array, and whose parts are arrays.

    Parameters
    ----------
    table : sparse matrix or array of shape (n_rows, n_features)
        The rows.
    row_shape : tuple of int, default=None
        The shape of a row, that of the table's by default.

    Examples
    --------
    >>> rows = SparseRows(csr_matrix([[0, 1], [2, 0], [0, 0]]))
    >>> len(rows), rows.shape
    (3, (3, 2))
    >>> rows[[2, 1]]
    array([[0, 0],
           [2, 0]])
    """

    def __init__(self, table: Any, row_shape: tuple[int, ...] | None = None) -> None:
        self._table = csr_matrix(table)
        self.dtype = self._table.dtype
        n_rows, n_features = self._table.shape
        self.shape: tuple[int, ...] = (n_rows, *(row_shape or (n_features,)))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        part: npt.NDArray[Any] = self._table[rows].toarray()
        return part.reshape(len(part), *self.shape[1:])

    def reshape(self, n_rows: int, *row_shape: int) -> "SparseRows":
        """Return the same rows, each in another shape."""
        return SparseRows(self._table, row_shape)

    @staticmethod
    def joined(tables: "Sequence[SparseRows | npt.NDArray[Any]]") -> "SparseRows":
        """Return the rows of several tables, one after the other."""
        parts = [t._table if isinstance(t, SparseRows) else _flat(t) for t in tables]
        return SparseRows(vstack(parts), tables[0].shape[1:])


AnyRows = npt.NDArray[Any] | SparseRows


def sparse_or_dense(table: Any) -> AnyRows:
    """Return sparse rows as an array if that is small."""
    if is_small(table):
        dense: npt.NDArray[Any] = table.toarray()
        return dense
    return SparseRows(table)


def is_small(table: Any) -> bool:
    """Whether a sparse table takes so little as an array that it can be made dense once."""
    return bool(math.prod(table.shape) * table.dtype.itemsize < _SMALL)


def parts_of(rows: AnyRows, n_rows: int, n_numbers: int) -> Iterator[slice]:
    """Yield parts of the rows that have no more rows and numbers than these, as far as possible.

    >>> import numpy as np
    >>> list(parts_of(np.ones((5, 3)), n_rows=4, n_numbers=8))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    size = max(1, math.prod(rows.shape[1:]))
    step = max(1, min(n_rows, n_numbers // size))
    yield from (slice(start, start + step) for start in range(0, len(rows), step))


def _flat(rows: npt.NDArray[Any]) -> Any:
    return csr_matrix(rows.reshape(len(rows), -1))
