"""Checks of a search's settings: every mistake in one message, before anything is trained."""

import os
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import get_scorer_names
from sklearn.pipeline import Pipeline

from sktune.nets import SEEDS, is_seed
from sktune.samplers import SAMPLERS, is_sampler
from sktune.search.resources import (
    CONTINUED,
    known_limit_mistakes,
    resource_mistakes,
    resource_names,
    resource_of,
)
from sktune.space import Space
from sktune.synonyms import did_you_mean, meant


def setting_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each setting of a halving search that cannot work."""
    yield from _schedule_mistakes(search)
    yield from _limit_mistakes(search)
    yield from resource_mistakes(search)
    yield from scoring_mistakes(search.scoring)
    yield from _refit_mistakes(search)
    yield from _fault_mistakes(search)
    score = search.error_score
    if not (score == "raise" if isinstance(score, str) else isinstance(score, Real)):
        yield f"`error_score`={score!r} must be a number or 'raise'."
    if not is_seed(search.random_state):
        yield f"`random_state`={search.random_state!r} must be {SEEDS}."
    if isinstance(search.cv, str) or (isinstance(search.cv, Integral) and int(search.cv) < 2):
        yield f"`cv`={search.cv!r} must be at least 2 folds, a splitter, or an iterable of splits."
    if not (search.stacking == "auto" or search.stacking is False or _is_count(search.stacking)):
        yield (
            f"`stacking`={search.stacking!r} must be 'auto', False, or the largest number of "
            "networks to train as one."
        )
    if not (search.n_jobs is None or (isinstance(search.n_jobs, Integral) and search.n_jobs != 0)):
        yield f"`n_jobs`={search.n_jobs!r} must be None or a whole number other than 0; -1 is all."


def class_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each class that stands where an object of it is meant."""
    for name, value in search.get_params(deep=False).items():
        if isinstance(value, type):
            yield f"`{name}`={value.__name__} is a class: write {value.__name__}()."
    for name, step in _steps(search.estimator):
        if isinstance(step, type):
            yield f"The step {name!r} of `estimator` is a class: write {step.__name__}()."


def _steps(estimator: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(estimator, Pipeline):
        for name, step in estimator.steps:
            yield name, step
            yield from _steps(step)


def scoring_mistakes(scoring: Any) -> Iterator[str]:
    """Yield a line for each name of a metric that scikit-learn does not know."""
    given = list(scoring.values()) if isinstance(scoring, Mapping) else scoring
    known = get_scorer_names()
    for name in [given] if isinstance(given, str) else given if _is_listed(given) else []:
        if isinstance(name, str) and name not in known:
            yield (
                f"`scoring`={name!r} is no metric of scikit-learn's: "
                f"{did_you_mean(meant(name, known))}sklearn.metrics.get_scorer_names() has all."
            )


def _is_listed(scoring: Any) -> bool:
    return isinstance(scoring, list | tuple | set)


def _fault_mistakes(search: Any) -> Iterator[str]:
    storage, seconds, retries = search.storage, search.run_timeout, search.max_retries
    if not (storage is None or isinstance(storage, str | os.PathLike)) or storage == "":
        yield f"`storage`={storage!r} must be None or the path of a directory."
    if not (seconds is None or (isinstance(seconds, Real) and float(seconds) > 0)):
        yield f"`run_timeout`={seconds!r} must be None or a positive number of seconds."
    if not (_is_count(retries) or (retries == 0 and not isinstance(retries, bool))):
        yield f"`max_retries`={retries!r} must be a whole number, at least 0."


def worker_mistakes(search: Any, has_processes: bool) -> Iterator[str]:
    """Yield a line for settings that need worker processes if there are none."""
    if search.run_timeout is not None and not has_processes:
        yield (
            f"`run_timeout`={search.run_timeout!r} ends the process that a run hangs in, so it "
            "must be another: set n_jobs=2 or more, with joblib's backend 'loky' or a cluster, or "
            "set run_timeout=None."
        )


def _is_count(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral) and int(value) >= 1


def _schedule_mistakes(search: Any) -> Iterator[str]:
    if not (_is_count(search.factor) and search.factor >= 2):
        yield f"`factor`={search.factor!r} must be a whole number, at least 2."
    if not is_sampler(search.sampler):
        yield (
            f"`sampler`={search.sampler!r} must be one of {', '.join(map(repr, SAMPLERS))}, an "
            "Optuna sampler, or an object with the method `propose(n_candidates, history)`."
        )


def candidate_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each setting of how many candidates are tried that cannot work."""
    wanted, is_grid = search.n_candidates, _is_grid(search)
    if not (wanted == "exhaust" or _is_count(wanted)):
        yield f"`n_candidates`={wanted!r} must be 'exhaust' or a whole number above 0."
    elif is_grid and wanted != "exhaust":
        yield (
            f"`n_candidates`={wanted!r} means nothing to sampler='grid', which takes every point "
            "once: leave it at 'exhaust'."
        )
    elif wanted == search.min_resources == "exhaust" and not is_grid:
        yield (
            "`n_candidates` and `min_resources` cannot be both set to 'exhaust': each is derived "
            "from the other, so write one of them as a number."
        )


def async_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each setting of asynchronous halving's own that cannot work."""
    if search.n_candidates is not None:
        yield from candidate_mistakes(search)
    elif search.time_budget is search.target_score is search.patience is None:
        yield (
            "`n_candidates`=None would never end: set `time_budget`, `target_score` or `patience`, "
            "or write a number of candidates."
        )


def bracket_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each setting of Hyperband's own that cannot work."""
    if not _is_count(search.n_iterations):
        yield f"`n_iterations`={search.n_iterations!r} must be a whole number above 0."
    if _is_grid(search):
        yield (
            "`sampler`='grid' takes every point once, but Hyperband's brackets fix the number of "
            "candidates: use 'random', which draws from lists without repetition, or "
            "SuccessiveHalvingSearchCV."
        )


def stopping_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each reason to stop early that cannot work."""
    target, patience = search.target_score, search.patience
    if not (target is None or (isinstance(target, Real))):
        yield f"`target_score`={target!r} must be None or a number."
    if not (patience is None or _is_count(patience)):
        yield f"`patience`={patience!r} must be None or a whole number above 0."


def fold_mistakes(search: Any) -> Iterator[str]:
    """Yield a line if the folds of the rungs cannot be told."""
    if search.fold_schedule not in ("all", "grow"):
        yield f"`fold_schedule`={search.fold_schedule!r} must be 'all' or 'grow'."


def _is_grid(search: Any) -> bool:
    return isinstance(search.sampler, str) and search.sampler == "grid"


def _limit_mistakes(search: Any) -> Iterator[str]:
    low, high = search.min_resources, search.max_resources
    if not (low in ("smallest", "exhaust") or _is_count(low)):
        yield f"`min_resources`={low!r} must be 'smallest', 'exhaust' or a positive whole number."
    if not (high == "auto" or _is_count(high)):
        yield f"`max_resources`={high!r} must be 'auto' or a positive whole number."
    elif low in ("smallest", "exhaust") or _is_count(low):
        yield from known_limit_mistakes(search)
    budget = search.time_budget
    if not (budget is None or (isinstance(budget, Real) and float(budget) > 0)):
        yield f"`time_budget`={budget!r} must be None or a positive number of seconds."


def _refit_mistakes(search: Any) -> Iterator[str]:
    refit, names = search.refit, metric_names(search.scoring)
    if not (isinstance(refit, (bool, str)) or callable(refit)):
        yield f"`refit`={refit!r} must be True, False, the name of a metric, or a callable."
    elif names and refit is True:
        yield f"`refit`=True must name the metric to choose by, one of {names}, or be False."
    elif names and isinstance(refit, str) and refit not in names:
        yield f"`refit`={refit!r} must be one of the metrics of `scoring`, {names}."
    if search.ensemble:
        yield from _ensemble_mistakes(search)


def _ensemble_mistakes(search: Any) -> Iterator[str]:
    kind, estimator = type(search.estimator).__name__, search.estimator
    if search.refit is False:
        yield "`ensemble`=True needs `refit`=True: it takes the place of the refitted network."
    if resource_of(search) not in CONTINUED:
        yield (
            "`ensemble`=True averages estimators that are continued, by epochs or passes; with "
            f"resource={resource_of(search)!r} set ensemble=False."
        )
    elif is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        yield (
            f"`ensemble`=True averages probabilities, and this {kind} has no `predict_proba`: set "
            "ensemble=False, or give an estimator that has it."
        )
    elif not (is_classifier(estimator) or is_regressor(estimator)):
        yield (
            f"`ensemble`=True averages the predictions of classifiers and regressors, and {kind} "
            "is neither: set ensemble=False."
        )


def metric_names(scoring: Any) -> list[str]:
    """Return the names of the metrics, none if there is one metric only or a callable tells."""
    if isinstance(scoring, set):
        return sorted(scoring)
    return list(scoring) if isinstance(scoring, (list, tuple, dict)) else []


def space_mistakes(space: Space, search: Any) -> Iterator[str]:
    """Yield a line if the resource is among the hyperparameters."""
    for name in sorted({*resource_names(search)} & {*space.names}):
        yield (
            f"Cannot use parameter {name} as the resource since it is part of the searched "
            f"parameters.: `{name}` is the resource that the search itself allots. Take it out of "
            "`param_distributions` and set `max_resources`."
        )
