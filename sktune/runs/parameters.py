"""Parameters of ``fit``: those with a value for each row are cut down as the rows are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

Rows = npt.NDArray[np.intp]


def sliced(params: Mapping[str, Any], X: Any, rows: Rows) -> dict[str, Any]:
    """Return parameters, those with a value for each row cut down to some rows."""
    return {
        name: _safe_indexing(value, rows) if is_per_row(value, X) else value
        for name, value in params.items()
    }


def is_per_row(value: Any, X: Any) -> bool:
    """Whether a parameter has a value for each row.

    >>> is_per_row([0.5, 1.0], X=[[1], [2]]), is_per_row("whole", X=[[1], [2]])
    (True, False)
    """
    if isinstance(value, (list, tuple)):
        return bool(len(value) == _num_samples(X))
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return len(shape) > 0 and bool(shape[0] == _num_samples(X))
