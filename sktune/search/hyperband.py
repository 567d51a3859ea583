"""Hyperband: halving with several trade-offs between many candidates and long training."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sktune.samplers import learns
from sktune.schedules import (
    BracketPatience,
    InTurn,
    Schedule,
    SideBySide,
    TargetScore,
    hyperband_brackets,
)
from sktune.search.base import BaseSearch
from sktune.search.checks import bracket_mistakes, fold_mistakes, stopping_mistakes
from sktune.search.docstrings import described_as
from sktune.search.halving import FOLD_RULES, SuccessiveHalvingSearchCV
from sktune.search.resources import Limits
from sktune.space import Space
from sktune.synonyms import says_what_is_meant


@described_as(SuccessiveHalvingSearchCV)
class HyperbandSearchCV(BaseSearch):
    """Tune by cross-validated Hyperband, continuing the survivors of each bracket.

    Halving needs to know how early scores can be trusted. Hyperband (Li et al., JMLR 2018) hedges:
    it runs a bracket for every starting resource, from many candidates trained a little to a few
    trained in full. The counts are the paper's: a bracket that cuts s times, of ``s_max``, starts
    with ``(s_max + 1) * factor**s / (s + 1)`` candidates, rounded up, and its rungs keep ``n /
    factor**i``, rounded down; with 81 epochs and factor 3 that is the table of the paper.
    (:class:`SuccessiveHalvingSearchCV` rounds up, as scikit-learn does.) Resources are
    ``max_resources`` divided by powers of ``factor``, rounded down, so every bracket ends at
    ``max_resources`` exactly.

    Brackets run side by side, so that one's long trainings and another's short ones share the
    cores; with a sampler that learns, a target or patience they run in turn. Either way the answer
    is the same for any ``n_jobs``.

    Parameters
    ----------
    estimator : estimator
        As there.
    param_distributions : dict, list of dict, or "auto", default="auto"
        As there.
    sampler : {"random", "sobol", "tpe", "gp", "cma"} or object, default="random"
        As there. With "tpe" this is BOHB (Falkner, Klein and Hutter, ICML 2018) in spirit: every
        bracket's candidates are those that a model of the highest rung with enough results
        prefers.
    n_iterations : int, default=1
        How often all brackets are gone through.
    factor, resource, min_resources, max_resources
        As there.
    target_score : float or None, default=None
        End the search when a candidate with all resources has this mean score.
    patience : int or None, default=None
        End the search when so many brackets in a row have not improved the best score.
    cv, scoring, refit, ensemble, error_score, return_train_score, random_state, n_jobs, verbose, \
stacking, fold_schedule, time_budget, storage, run_timeout, max_retries
        As there.

    Attributes
    ----------
    best_estimator_ and more
        As there. ``n_resources_`` and ``n_candidates_`` go through
        the rungs of one bracket after the other.
    stop_reason_ : str
        "finished", "target_score", "patience", "time_budget", "interrupted", or "callback".

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sktune import HyperbandSearchCV, MLPClassifier
    >>> search = HyperbandSearchCV(
    ...     MLPClassifier(random_state=0), {"lr": loguniform(1e-2, 1e-1)},
    ...     max_resources=9, cv=3, random_state=0)
    >>> search.plan()
    bracket  rung  n_candidates  n_resources  epochs
          0     0             9            1       9
          0     1             3            3       6
          0     2             1            9       6
          1     0             5            3      15
          1     1             1            9       6
          2     0             3            9      27
    69 epochs per fold
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
        n_iterations: int = 1,
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
        fold_schedule: str = "all",
        time_budget: float | None = None,
        storage: str | os.PathLike[str] | None = None,
        run_timeout: float | None = None,
        max_retries: int = 2,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.sampler = sampler
        self.n_iterations = n_iterations
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
        self.fold_schedule = fold_schedule
        self.time_budget = time_budget
        self.storage = storage
        self.run_timeout = run_timeout
        self.max_retries = max_retries

    def _mistakes(self) -> Iterator[str]:
        yield from bracket_mistakes(self)
        yield from stopping_mistakes(self)
        yield from fold_mistakes(self)

    def _schedule(self, space: Space, limits: Limits, n_splits: int) -> Schedule:
        brackets = hyperband_brackets(
            factor=int(self.factor),
            min_resources=limits.low,
            max_resources=limits.high,
            n_folds=n_splits,
            n_iterations=int(self.n_iterations),
            n_available=space.size,
            fold_rule=FOLD_RULES[self.fold_schedule],
        )
        if self.patience is not None:
            schedule: Schedule = BracketPatience(brackets, int(self.patience))
        elif self.target_score is not None or learns(self.sampler):
            schedule = InTurn(brackets)
        else:
            schedule = SideBySide(brackets)
        if self.target_score is None:
            return schedule
        return TargetScore(schedule, float(self.target_score))
