"""Estimators other than networks: those with ``partial_fit`` are continued, others fitted anew.

What a network's trainer does by epochs is done here by passes over the data, by numbers of rows,
or by any integer parameter, with scikit-learn's own methods only.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from sktune.candidates import attempt
from sktune.nets.randomness import Randomness
from sktune.runs.anatomy import assembled
from sktune.runs.fold import FoldJob, Part, PreparedFold, prepare, split
from sktune.runs.parameters import sliced
from sktune.runs.resampling import fit_whole
from sktune.runs.run import Advanced, AdvanceJob, Outcome, measure
from sktune.runs.scoring import scores_of
from sktune.runs.setup import Setup
from sktune.runs.snapshot import packed, unpacked
from sktune.trainers.grouping import Planned


class _OneByOne:
    """What both trainers share: each run is a job of its own, and its failure a value."""

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[Planned]:
        """Return each job alone."""
        return [Planned(job.n_resources, [number]) for number, job in enumerate(jobs)]

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score one after the other."""
        return [attempt(self.refit, job) for job in jobs]

    def refit(self, job: AdvanceJob) -> Advanced:
        """Train and score a run."""
        raise NotImplementedError


@dataclass(frozen=True)
class PassTrainer(_OneByOne):
    """Continues an estimator by ``partial_fit``; the resource is passes over the training rows."""

    keeps_rows = False

    def prepare(self, job: FoldJob) -> PreparedFold:
        """Fit the transformers once per fold, as for networks."""
        return prepare(job)

    def refit(self, job: AdvanceJob) -> Advanced:
        """Make the passes that are missing, and score."""
        setup, fold = job.setup, job.fold
        with setup.at_work():
            start = time.perf_counter()
            if job.snapshot is None:
                estimator, randomness, done = setup.last(job.params), Randomness(job.seed), 0
            else:
                estimator, randomness, done = unpacked(job.snapshot)
            with randomness.turn():
                for _ in range(job.n_resources - done):
                    estimator.partial_fit(fold.train.X, fold.train.y, **self._given(job))
                randomness.hold()
            state = estimator, randomness, job.n_resources
            snapshot, trained = packed(state), time.perf_counter()
            with randomness.turn():
                measured = measure(job, partial(_scored, job, estimator))
        return Advanced(
            snapshot,
            *measured,
            fit_time=trained - start,
            score_time=time.perf_counter() - trained,
            solo_reason="it is no network",
        )

    def _given(self, job: AdvanceJob) -> dict[str, Any]:
        classes = job.setup.classes
        return {**({} if classes is None else {"classes": classes}), **job.fold.fit_params}

    def whole(
        self, setup: Setup, params: Mapping[str, Any], fold: PreparedFold, snapshot: bytes
    ) -> Any:
        """Return the fitted estimator."""
        estimator, _, _ = unpacked(snapshot)
        return assembled(setup.whole(params), fold.heads, estimator)


@dataclass(frozen=True)
class RefitTrainer(_OneByOne):
    """Fits the whole estimator anew at each rung; the resource is one of its parameters.

    Parameters
    ----------
    resource : str
        The name of an integer parameter.
    """

    resource: str
    keeps_rows = True

    def prepare(self, job: FoldJob) -> PreparedFold:
        """Return the rows as they came: transformers are fitted with the rest."""
        return split(job)

    def refit(self, job: AdvanceJob) -> Advanced:
        """Fit and score."""
        with job.setup.at_work(), Randomness(job.seed).turn():
            start = time.perf_counter()
            estimator = self._estimator(job.setup.whole(job.params), job.n_resources)
            part, params = self._rows(job.fold, job.n_resources)
            routing = job.setup.config["enable_metadata_routing"]
            estimator = fit_whole(estimator, part.X, part.y, params, routing)
            trained = time.perf_counter()
            snapshot = packed(estimator) if job.fold.valid is None else b""
            scored = replace(job, fold=replace(job.fold, train=part))
            measured = measure(scored, partial(_scored, scored, estimator))
        return Advanced(
            snapshot,
            *measured,
            fit_time=trained - start,
            score_time=time.perf_counter() - trained,
            solo_reason="it is fitted anew at each rung",
        )

    def _estimator(self, estimator: Any, n_resources: int) -> Any:
        return estimator.set_params(**{self.resource: n_resources})

    def _rows(self, fold: PreparedFold, n_resources: int) -> tuple[Part, Mapping[str, Any]]:
        return fold.train, fold.fit_params

    def whole(
        self, setup: Setup, params: Mapping[str, Any], fold: PreparedFold, snapshot: bytes
    ) -> Any:
        """Return the fitted estimator."""
        return unpacked(snapshot)


@dataclass(frozen=True)
class SampleTrainer(RefitTrainer):
    """Fits the whole estimator anew at each rung; the resource is the number of rows.

    Each rung's rows contain those of the rung before, and have the classes in proportion. All of
    the validation rows are scored at every rung.

    Parameters
    ----------
    n_samples : int
        Rows in all, training and validation together: the resource that means all of a fold.
    """

    resource: str = "n_samples"
    n_samples: int = 0

    def prepare(self, job: FoldJob) -> PreparedFold:
        """Return the rows as they came, in the order in which rungs take them."""
        y = None if job.y is None else _safe_indexing(job.y, job.train)
        order = nested_order(y, len(job.train), job.seed)
        return split(replace(job, train=job.train[order]))

    def _estimator(self, estimator: Any, n_resources: int) -> Any:
        return estimator

    def _rows(self, fold: PreparedFold, n_resources: int) -> tuple[Part, Mapping[str, Any]]:
        part, n_rows = fold.train, _num_samples(fold.train.X)
        if fold.valid is None:
            # The refit is given all there is.
            return part, fold.fit_params
        rows = np.arange(max(1, n_rows * n_resources // self.n_samples))
        y = None if part.y is None else _safe_indexing(part.y, rows)
        weights = sliced(part.score_params, part.X, rows)
        cut = replace(part, X=_safe_indexing(part.X, rows), y=y, score_params=weights)
        return cut, sliced(fold.fit_params, part.X, rows)


def nested_order(y: Any, n_rows: int, seed: int) -> npt.NDArray[np.intp]:
    """Return an order of rows of which every beginning has the classes in proportion.

    >>> y = np.array(["a"] * 8 + ["b"] * 4)
    >>> [int((y[nested_order(y, 12, seed=0)[:n]] == "a").sum()) for n in (3, 6, 9)]
    [2, 4, 6]
    """
    order = np.random.default_rng(seed).permutation(n_rows)
    if y is None or type_of_target(y) not in ("binary", "multiclass"):
        return order
    labels = np.asarray(y).ravel()[order]
    place = np.empty(n_rows)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return order[np.argsort(place, kind="stable")]


def _scored(job: AdvanceJob, estimator: Any, name: str) -> dict[str, float]:
    setup, part = job.setup, getattr(job.fold, name)
    X = part.X
    if part.raw is not None:
        estimator, X = assembled(setup.whole(job.params), job.fold.heads, estimator), part.raw
    return scores_of(setup.scorer, estimator, X, part.y, part.score_params)
