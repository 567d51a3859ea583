"""Checks of a search's settings: every mistake in one message, before anything is trained."""

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

from sktune.nets import SEEDS, is_seed
from sktune.space import Space, final_step
from sktune.trainers import trains_in_epochs

_SAMPLERS = ("random", "grid")


def setting_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each setting of a halving search that cannot work."""
    yield from _schedule_mistakes(search)
    yield from _resource_mistakes(search)
    yield from _refit_mistakes(search)
    score = search.error_score
    if not (score == "raise" if isinstance(score, str) else isinstance(score, Real)):
        yield f"`error_score`={score!r} must be a number or 'raise'."
    if not is_seed(search.random_state):
        yield f"`random_state`={search.random_state!r} must be {SEEDS}."
    if isinstance(search.cv, Integral) and int(search.cv) < 2:
        yield f"`cv`={search.cv!r} must be at least 2 folds, a splitter, or an iterable of splits."
    if not (search.stacking == "auto" or search.stacking is False or _is_count(search.stacking)):
        yield (
            f"`stacking`={search.stacking!r} must be 'auto', False, or the largest number of "
            "networks to train as one."
        )
    if not (search.n_jobs is None or (isinstance(search.n_jobs, Integral) and search.n_jobs != 0)):
        yield f"`n_jobs`={search.n_jobs!r} must be None or a whole number other than 0; -1 is all."


def _is_count(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Integral) and int(value) >= 1


def _schedule_mistakes(search: Any) -> Iterator[str]:
    if not (_is_count(search.factor) and search.factor >= 2):
        yield f"`factor`={search.factor!r} must be a whole number, at least 2."
    is_sampler = search.sampler in _SAMPLERS if isinstance(search.sampler, str) else False
    if not (is_sampler or hasattr(search.sampler, "propose")):
        yield (
            f"`sampler`={search.sampler!r} must be one of {', '.join(map(repr, _SAMPLERS))}, "
            "or an object with the method `propose(n_candidates, history)`."
        )
    if not (search.n_candidates == "exhaust" or _is_count(search.n_candidates)):
        yield f"`n_candidates`={search.n_candidates!r} must be 'exhaust' or a whole number above 0."
    elif is_sampler and search.sampler == "grid" and search.n_candidates != "exhaust":
        yield (
            f"`n_candidates`={search.n_candidates!r} means nothing to sampler='grid', which takes "
            "every point once: leave it at 'exhaust'."
        )


def _resource_mistakes(search: Any) -> Iterator[str]:
    low, high = search.min_resources, search.max_resources
    if search.resource not in ("auto", "epochs"):
        yield f"`resource`={search.resource!r} must be 'auto' or 'epochs'."
    if not (low in ("smallest", "exhaust") or _is_count(low)):
        yield f"`min_resources`={low!r} must be 'smallest', 'exhaust' or a positive whole number."
    if not (high == "auto" or _is_count(high)):
        yield f"`max_resources`={high!r} must be 'auto' or a positive whole number of epochs."
    net = final_step(search.estimator)[1]
    reached = getattr(net, "max_epochs", None) if high == "auto" else high
    if _is_count(low) and _is_count(reached) and low > reached:
        yield f"`min_resources`={low!r} must not be above `max_resources`={reached!r} epochs."
    if not trains_in_epochs(net):
        yield (
            f"`estimator` must be a skorch net or a pipeline that ends in one, not "
            f"{type(net).__name__}: use sktune.MLPClassifier, sktune.MLPRegressor, or your "
            "module in skorch.NeuralNetClassifier(...) or skorch.NeuralNetRegressor(...)."
        )


def _refit_mistakes(search: Any) -> Iterator[str]:
    refit, names = search.refit, metric_names(search.scoring)
    if not (isinstance(refit, (bool, str)) or callable(refit)):
        yield f"`refit`={refit!r} must be True, False, the name of a metric, or a callable."
    elif names and refit is True:
        yield f"`refit`=True must name the metric to choose by, one of {names}, or be False."
    elif names and isinstance(refit, str) and refit not in names:
        yield f"`refit`={refit!r} must be one of the metrics of `scoring`, {names}."
    if search.ensemble and refit is False:
        yield "`ensemble`=True needs `refit`=True: it takes the place of the refitted network."


def metric_names(scoring: Any) -> list[str]:
    """Return the names of the metrics, none if there is one metric only or a callable tells."""
    if isinstance(scoring, set):
        return sorted(scoring)
    return list(scoring) if isinstance(scoring, (list, tuple, dict)) else []


def space_mistakes(space: Space, path: str) -> Iterator[str]:
    """Yield a line if the resource is among the hyperparameters."""
    resource = f"{path}__max_epochs" if path else "max_epochs"
    if resource in space.names:
        yield (
            f"`{resource}` is the resource that the search itself allots: take it out of "
            "`param_distributions` and set `max_resources`."
        )
