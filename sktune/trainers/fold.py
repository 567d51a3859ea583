"""A fold made ready: transformers fitted on its training rows, once, and their output."""

from collections.abc import Callable, Mapping
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
class Part:
    """Training or validation rows: as a net gets them, as they came, and what scorers are given."""

    X: Any
    y: Any
    raw: Any = None
    score_params: Mapping[str, Any] = field(default_factory=dict)

    def with_arrays(self, function: Callable[[Any], Any]) -> "Part":
        """Return the part with a function applied to rows and targets."""
        return replace(self, X=function(self.X), y=function(self.y), raw=function(self.raw))


@dataclass(frozen=True)
class PreparedFold:
    """The rows of a fold, the parameters of the net's ``fit``, and the fitted transformers."""

    train: Part
    valid: Part | None = None
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    heads: list[Pipeline] = field(default_factory=list)

    def with_arrays(self, function: Callable[[Any], Any]) -> "PreparedFold":
        """Return the fold with a function applied to rows and targets."""
        valid = self.valid and self.valid.with_arrays(function)
        return replace(self, train=self.train.with_arrays(function), valid=valid)

    def for_net(self) -> "PreparedFold":
        """Return only what a net and a scorer of predictions need: the least to send around."""
        valid = self.valid and replace(self.valid, raw=None)
        return replace(self, train=replace(self.train, raw=None), valid=valid, heads=[])


def prepare(job: FoldJob) -> PreparedFold:
    """Fit the transformers on the training rows, and transform all rows with them."""
    with job.setup.at_work(), Randomness(job.seed).turn():
        estimator = job.setup.whole(job.params)
        params = sliced(job.fit_params, job.X, job.train)
        routing = job.setup.config["enable_metadata_routing"]
        of_heads, of_net = routed(estimator, params, routing)
        train = _part(job, job.train)
        X, fitted = train.raw, heads(estimator)
        for head, head_params in zip(fitted, of_heads, strict=True):
            X = head.fit_transform(X, train.y, **head_params)
        fold = PreparedFold(replace(train, X=X), None, of_net, fitted)
        return fold if job.valid is None else replace(fold, valid=_valid(job, job.valid, fitted))


def split(job: FoldJob) -> PreparedFold:
    """Return training and validation rows as they came, and their part of the parameters."""
    train = replace(_part(job, job.train), raw=None)
    valid = None if job.valid is None else replace(_part(job, job.valid), raw=None)
    return PreparedFold(train, valid, sliced(job.fit_params, job.X, job.train))


def _valid(job: FoldJob, rows: Rows, fitted: list[Pipeline]) -> Part:
    part = _part(job, rows)
    X = part.raw
    for head in fitted:
        X = head.transform(X)
    return replace(part, X=X)


def _part(job: FoldJob, rows: Rows) -> Part:
    y = None if job.y is None else _safe_indexing(job.y, rows)
    raw = _safe_indexing(job.X, rows)
    return Part(raw, y, raw, sliced(job.score_params, job.X, rows))


def sliced(params: Mapping[str, Any], X: Any, rows: Rows) -> dict[str, Any]:
    """Return parameters, those with a value for each row cut down to some rows."""
    return {
        name: _safe_indexing(value, rows) if _is_per_row(value, X) else value
        for name, value in params.items()
    }


def _is_per_row(value: Any, X: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(len(value) == _num_samples(X))
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return len(shape) > 0 and bool(shape[0] == _num_samples(X))
