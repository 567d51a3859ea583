"""Asynchronous halving: no worker ever waits for a rung to be complete."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sktune.engine import Observer
from sktune.schedules import AsyncHalving, Patience, Plan, Schedule, TargetScore, rung_levels
from sktune.search.base import BaseSearch
from sktune.search.checks import async_mistakes, stopping_mistakes
from sktune.search.docstrings import described_as
from sktune.search.halving import SuccessiveHalvingSearchCV, n_candidates
from sktune.search.printing import RecordPrinter
from sktune.search.resources import Limits, resource_of
from sktune.space import Space
from sktune.synonyms import says_what_is_meant


@described_as(SuccessiveHalvingSearchCV)
class AsyncHalvingSearchCV(BaseSearch):
    """Tune by cross-validated asynchronous halving (ASHA), continuing whoever is promoted.

    Whenever a worker is free, it trains the best candidate that is among the best 1/``factor`` of
    its rung so far, the highest rung first; if there is none, it begins a new candidate (Li et al.,
    *A system for massively parallel hyperparameter tuning*, MLSys 2020). No worker waits, which
    pays with many workers; with a few, :class:`SuccessiveHalvingSearchCV` trains fewer epochs and
    larger stacks for the same answer.

    What each candidate scores at each rung does not depend on the workers, but who is promoted
    depends on the order in which results come in: the search is deterministic with one worker only.

    Parameters
    ----------
    estimator : estimator
        As there.
    param_distributions : dict, list of dict, or "auto", default="auto"
        As there.
    sampler : {"random", "grid", "sobol", "tpe", "gp", "cma"} or object, default="random"
        As there. It is asked for one candidate at a time.
    n_candidates : int, "exhaust" or None, default="exhaust"
        How many candidates are begun; None for as many as ``time_budget``, ``target_score`` or
        ``patience`` allow.
    factor, resource, min_resources, max_resources
        As there.
    target_score : float or None, default=None
        End the search when a candidate with all resources has this mean score.
    patience : int or None, default=None
        End the search when so many candidates in a row have begun without an improvement of the
        best score with all resources.
    cv, scoring, refit, ensemble, error_score, return_train_score, random_state, n_jobs, verbose, \
stacking, time_budget, storage, run_timeout, max_retries
        As there. A line is printed for each candidate that takes the lead.

    Attributes
    ----------
    best_estimator_ and more
        As there. ``plan_`` has the candidates of each rung if
        nobody is promoted too early, ``n_candidates_`` those that there were.
    stop_reason_ : str
        "finished", "target_score", "patience", "time_budget", "interrupted", or "callback".

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sktune import AsyncHalvingSearchCV, MLPClassifier
    >>> search = AsyncHalvingSearchCV(
    ...     MLPClassifier(random_state=0), {"lr": loguniform(1e-2, 1e-1)},
    ...     n_candidates=9, max_resources=9, cv=3, random_state=0)
    >>> bool(search.fit(*load_iris(return_X_y=True)).best_score_ > 0.8)
    True
    """

    @says_what_is_meant
    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str = "auto",
        *,
        sampler: Any = "random",
        n_candidates: int | str | None = "exhaust",
        factor: int = 3,
        resource: str = "auto",
        min_resources: int | str = "smallest",
        max_resources: int | str = "auto",
        target_score: float | None = None,
        patience: int | None = None,
        cv: Any = 5,
        scoring: Any = None,
        refit: bool | str | Callable[[Mapping[str, Any]], int] = True,
        ensemble: bool = False,
        error_score: float | str = float("nan"),
        return_train_score: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        stacking: Any = "auto",
        time_budget: float | None = None,
        storage: str | os.PathLike[str] | None = None,
        run_timeout: float | None = None,
        max_retries: int = 2,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.sampler = sampler
        self.n_candidates = n_candidates
        self.factor = factor
        self.resource = resource
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.target_score = target_score
        self.patience = patience
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.ensemble = ensemble
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.stacking = stacking
        self.time_budget = time_budget
        self.storage = storage
        self.run_timeout = run_timeout
        self.max_retries = max_retries

    def _mistakes(self) -> Iterator[str]:
        yield from async_mistakes(self)
        yield from stopping_mistakes(self)

    def _schedule(self, space: Space, limits: Limits, n_splits: int) -> Schedule:
        schedule: Schedule = AsyncHalving(
            rung_levels(int(self.factor), limits.low, limits.high),
            int(self.factor),
            None if self.n_candidates is None else n_candidates(self, space, limits),
            n_splits,
        )
        if self.patience is not None:
            schedule = Patience(schedule, int(self.patience))
        if self.target_score is not None:
            schedule = TargetScore(schedule, float(self.target_score))
        return schedule

    def _printer(self, plan: Plan) -> Observer:
        return RecordPrinter(resource_of(self))

    def _n_waves(self, plan: Plan) -> None:
        return None
