"""Rows as a user's module takes them: numbers in its precision, all else as skorch would pass it.

scikit-learn's tables are of any type; a module computes in one, mostly single precision. What it
looks up or counts stays whole numbers, and what is no table of numbers is passed on.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix, issparse
from skorch import NeuralNet
from skorch.dataset import Dataset
from skorch.helper import SliceDict

from sktune.nets.sparse import is_small
from sktune.runs.trial import N_ROWS, takes

_PRECISIONS: dict[torch.dtype, npt.DTypeLike] = {torch.float64: np.float64, torch.half: np.float16}


class ArrayDataset(Dataset):
    """skorch's data set for an array or a sparse table, indexed by whole mini-batches.

    skorch's way to index anything takes longer for each row than a whole mini-batch does here.
    """

    def __getitem__(self, i: Any) -> Any:
        if not isinstance(i, list):
            return super().__getitem__(i)
        X = self.X[i].toarray() if issparse(self.X) else self.X[i]
        return self.transform(X, None if self.y is None else self.y[i])


def is_plain(X: Any, y: Any) -> bool:
    """Whether rows and targets can be indexed by whole mini-batches."""
    # Rows to predict have no y; skorch's data set then makes one up.
    return isinstance(y, np.ndarray | None) and (isinstance(X, np.ndarray) or issparse(X))


def whole(dataset: Any) -> Any:
    """Return the data set that a part of one, as a split makes it, is taken from."""
    return getattr(dataset, "dataset", dataset)


def rows_for(net: NeuralNet, X: Any) -> Any:
    """Return rows as the module of an initialised net takes them."""
    if isinstance(X, (torch.Tensor, torch.utils.data.Dataset)):
        return X
    if issparse(X):
        return _sparse(net, X)
    if isinstance(X, Mapping):
        columns = {name: _part(net, part) for name, part in X.items()}
        return SliceDict(**columns) if isinstance(X, SliceDict) else columns
    if _is_frame(X):
        return _frame(net, X)
    if isinstance(X, list | tuple) and any(hasattr(part, "shape") for part in X):
        return type(X)(_part(net, part) for part in X)
    return _numbers(net, np.asarray(X))


def precision(net: NeuralNet) -> npt.DTypeLike:
    """Return the type of floating-point numbers that an initialised net computes in."""
    kinds = (weight.dtype for weight in net.module_.parameters() if weight.is_floating_point())
    # NumPy has no name for bfloat16; a module of these casts its rows itself.
    return _PRECISIONS.get(next(kinds, torch.float32), np.float32)


def _part(net: NeuralNet, part: Any) -> Any:
    """Return one of several inputs; whole numbers are what the module wants them to be."""
    is_float = isinstance(part, np.ndarray) and part.dtype.kind == "f"
    return part.astype(precision(net), copy=False) if is_float else part


def _sparse(net: NeuralNet, X: Any) -> Any:
    # Of sparse arrays skorch cannot take single rows.
    rows = csr_matrix(X)
    rows = rows if rows.dtype.kind == "c" else rows.astype(precision(net), copy=False)
    return rows.toarray() if is_small(rows) else rows


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "to_numpy")


def _frame(net: NeuralNet, X: Any) -> Any:
    if reaches_by_name(net.module_, list(X.columns)):
        return {name: _column(net, X[name]) for name in X.columns}
    return _numbers(net, frame_numbers(X, precision(net)))


def _column(net: NeuralNet, column: Any) -> Any:
    array = column.to_numpy()
    return _part(net, array.reshape(-1, 1))


def frame_numbers(frame: Any, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the numbers of a DataFrame; whole numbers stay whole if all columns are.

    Raises
    ------
    ValueError
        If a column holds texts.
    """
    columns = [_plain(column, dtype) for column in _columns(frame)]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0), dtype)


def _columns(frame: Any) -> list[Any]:
    # Several columns of a pandas frame may have one name, and are given out together by it.
    is_pandas = hasattr(frame, "items")
    return [c for _, c in frame.items()] if is_pandas else [frame[n] for n in frame.columns]


def _plain(column: Any, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    array = np.asarray(column)
    if array.dtype.kind in "iubfc":
        return array
    if hasattr(column, "isna"):
        is_whole = getattr(column.dtype, "kind", "O") in "iu" and not column.isna().any()
        numbers = column.to_numpy(dtype=np.int64 if is_whole else dtype, **_missing(is_whole))
        return np.asarray(numbers)
    return array.astype(dtype)


def _missing(is_whole: bool) -> dict[str, Any]:
    return {} if is_whole else {"na_value": np.nan}


def reaches_by_name(module: torch.nn.Module, columns: list[Any]) -> bool:
    """Whether a module's ``forward`` names the columns of a table, and wants each by its name.

    One column that happens to be named like the one argument is a table of one column.
    """
    parameters = inspect.signature(module.forward).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names, needed = {p.name for p in named}, {p.name for p in named if p.default is p.empty}
    if not (all(isinstance(c, str) for c in columns) and needed <= set(columns)):
        return False
    is_named = takes_any or set(columns) <= names
    return is_named and (len(columns) > 1 or (takes_any and not needed))


def _numbers(net: NeuralNet, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind in "iub":
        return _whole(net, array)
    if array.dtype.kind == "f":
        return array.astype(precision(net), copy=False)
    return _objects(net, array) if array.dtype == object else array


def _objects(net: NeuralNet, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    try:
        return array.astype(precision(net))
    except (TypeError, ValueError):  # names, texts: the net's data set knows what they mean
        return array


def _whole(net: NeuralNet, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole numbers as the module takes them: as they are, as indices, or as numbers.

    It is asked once for each type, so that all rows of a training are of one kind.
    """
    known = vars(net).setdefault("whole_numbers_", {})
    key = array.dtype.str
    if key not in known:
        kinds = (array.dtype, np.dtype(np.int64))
        taken = (kind for kind in kinds if takes(net, array[:N_ROWS].astype(kind)))
        known[key] = np.dtype(next(taken, precision(net))).str
    return array.astype(known[key], copy=False)
