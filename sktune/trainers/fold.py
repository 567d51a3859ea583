"""A fold made ready: transformers fitted on its training rows, once, and their output."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from sktune.candidates import Params
from sktune.nets.randomness import Randomness
from sktune.trainers.anatomy import heads, routed
from sktune.trainers.setup import Setup

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class FoldJob:
    """Fit one setting of the transformers on one fold; without validation rows to refit."""

    setup: Setup
    params: Params
    X: Any
    y: Any
    train: Rows
    valid: Rows | None
    seed: int
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PreparedFold:
    """The rows as the net gets them, and what else training and scoring are given.

    ``raw_valid`` holds the validation rows as they came, for scorers that want the whole
    pipeline, and ``heads`` the fitted transformers.
    """

    X_train: Any
    y_train: Any
    X_valid: Any = None
    y_valid: Any = None
    raw_valid: Any = None
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)
    heads: list[Pipeline] = field(default_factory=list)

    def for_net(self) -> "PreparedFold":
        """Return only what a net and a scorer of predictions need: the least to send around."""
        return replace(self, heads=[], raw_valid=None)


def prepare(job: FoldJob) -> PreparedFold:
    """Fit the transformers on the training rows, and transform all rows with them."""
    with job.setup.at_work(), Randomness(job.seed).turn():
        estimator = job.setup.whole(job.params)
        params = _sliced(job.fit_params, job.X, job.train)
        of_heads, of_net = routed(estimator, params, job.setup.config["enable_metadata_routing"])
        X, y = _safe_indexing(job.X, job.train), _safe_indexing(job.y, job.train)
        fitted = heads(estimator)
        for head, head_params in zip(fitted, of_heads, strict=True):
            X = head.fit_transform(X, y, **head_params)
        fold = PreparedFold(X, y, fit_params=of_net, heads=fitted)
        return fold if job.valid is None else _with_valid(fold, job, job.valid)


def _with_valid(fold: PreparedFold, job: FoldJob, valid: Rows) -> PreparedFold:
    raw = X = _safe_indexing(job.X, valid)
    for head in fold.heads:
        X = head.transform(X)
    return replace(
        fold,
        X_valid=X,
        y_valid=_safe_indexing(job.y, valid),
        raw_valid=raw,
        score_params=_sliced(job.score_params, job.X, valid),
    )


def _sliced(params: Mapping[str, Any], X: Any, rows: Rows) -> dict[str, Any]:
    """Return the parameters, those with a value for each row cut down to some rows."""
    return {
        name: _safe_indexing(value, rows) if _is_per_row(value, X) else value
        for name, value in params.items()
    }


def _is_per_row(value: Any, X: Any) -> bool:
    if isinstance(value, (str, bytes)) or not (
        hasattr(value, "__len__") or hasattr(value, "shape")
    ):
        return False
    return np.ndim(value) > 0 and bool(_num_samples(value) == _num_samples(X))
