"""A fold made ready: the steps in front of the net fitted on its training rows, once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.utils import _safe_indexing

from sktune.candidates import Params
from sktune.nets.randomness import Randomness
from sktune.runs.parameters import Rows, sliced
from sktune.runs.resampling import fit_heads
from sktune.runs.setup import Setup


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
    """The rows of a fold, the parameters of the net's ``fit``, and the fitted transformers.

    ``original`` are the training rows as they are predicted, for the training score; None if
    these are those that are trained on. Targets of ``valid`` and ``original`` are the user's, those
    of ``train`` may be transformed for the net.
    """

    train: Part
    valid: Part | None = None
    original: Part | None = None
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    heads: list[Any] = field(default_factory=list)

    def with_arrays(self, function: Callable[[Any], Any]) -> "PreparedFold":
        """Return the fold with a function applied to rows and targets."""
        return self._with_parts(lambda part: part.with_arrays(function))

    def for_net(self) -> "PreparedFold":
        """Return only what a net and a scorer of predictions need: the least to send around."""
        return replace(self._with_parts(lambda part: replace(part, raw=None)), heads=[])

    def _with_parts(self, function: Callable[[Part], Part]) -> "PreparedFold":
        valid, original = self.valid and function(self.valid), self.original
        original = original and function(original)
        return replace(self, train=function(self.train), valid=valid, original=original)


def prepare(job: FoldJob) -> PreparedFold:
    """Fit the transformers on the training rows, and transform all rows with them."""
    with job.setup.at_work(), Randomness(job.seed).turn():
        estimator = job.setup.whole(job.params)
        params = sliced(job.fit_params, job.X, job.train)
        routing = job.setup.config["enable_metadata_routing"]
        part = _part(job, job.train)
        fitted = fit_heads(estimator, part.X, part.y, params, routing)
        train = replace(part, X=fitted.X, y=fitted.y, raw=None)
        fold = PreparedFold(train, fit_params=fitted.params, heads=fitted.heads)
        if job.valid is None:
            return fold
        valid = _transformed(_part(job, job.valid), fitted.heads)
        # Samplers change the rows that are trained on, and some transformers encode them otherwise.
        original = _transformed(part, fitted.heads) if job.setup.return_train_score else None
        return replace(fold, valid=valid, original=original)


def split(job: FoldJob) -> PreparedFold:
    """Return training and validation rows as they came, and their part of the parameters."""
    train = replace(_part(job, job.train), raw=None)
    valid = None if job.valid is None else replace(_part(job, job.valid), raw=None)
    return PreparedFold(train, valid, fit_params=sliced(job.fit_params, job.X, job.train))


def _transformed(part: Part, fitted: list[Any]) -> Part:
    X = part.raw
    for head in fitted:
        X = head.transform(X)
    return replace(part, X=X)


def _part(job: FoldJob, rows: Rows) -> Part:
    y = None if job.y is None else _safe_indexing(job.y, rows)
    raw = _safe_indexing(job.X, rows)
    return Part(raw, y, raw, sliced(job.score_params, job.X, rows))
