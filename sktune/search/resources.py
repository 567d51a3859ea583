"""What a search allots: epochs, passes over the data, rows, or an integer parameter."""

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

from sklearn.base import clone

from sktune.exceptions import refuse
from sktune.runs import refusal, trains_in_epochs
from sktune.space import final_step, inner_net
from sktune.trainers import (
    PassTrainer,
    RefitTrainer,
    SampleTrainer,
    SoloTrainer,
    StackedTrainer,
    Trainer,
)

CONTINUED = ("epochs", "passes")
# Where a net or an estimator says how long it trains when it is fitted alone.
_OWN_LENGTH = {"epochs": "max_epochs", "passes": "max_iter"}

_SWITCHES = (str, bool, type(None), Mapping)


class Extent(NamedTuple):
    """What is known of the data: numbers of rows, folds and classes; None if not yet."""

    n_splits: int
    n_samples: int | None = None
    n_classes: int | None = None


class Limits(NamedTuple):
    """The least and the most resources of a candidate."""

    low: int
    high: int


def known_splits(cv: Any) -> int | None:
    """Return the number of folds, None if only data can tell.

    >>> known_splits(None), known_splits(3)
    (5, 3)
    """
    if cv is None:
        return 5
    n_splits = len(cv) if isinstance(cv, (list, tuple)) else getattr(cv, "n_splits", None)
    return int(cv) if isinstance(cv, Integral) else n_splits


def resource_of(search: Any) -> str:
    """Return the name of the resource; that of "auto" is what the final step can be given."""
    if search.resource != "auto":
        return str(search.resource)
    net = final_step(search.estimator)[1]
    if trains_in_epochs(net):
        return "epochs"
    path, inner = inner_net(search.estimator)
    if trains_in_epochs(inner):
        # Another estimator fits the net: it can be told for how long, not to go on.
        return f"{path}__{_OWN_LENGTH['epochs']}"
    return "passes" if hasattr(net, "partial_fit") and not refused(search) else "n_samples"


def refused(search: Any) -> str:
    """Return why ``partial_fit`` refuses the final step or an option searched for it, if it does.

    Of the options those are tried that are words or switches, and whole steps: numbers are not
    what ``partial_fit`` is particular about.
    """
    path, net = final_step(search.estimator)
    return next(filter(None, map(refusal, _variants(search.param_distributions, path, net))), "")


def _variants(space: Any, path: str, net: Any) -> Iterator[Any]:
    yield net
    prefix = f"{path}__" if path else ""
    for name, value in _options(space):
        own, is_own = name.removeprefix(prefix), name.startswith(prefix)
        if path and name == path:
            yield value
        elif is_own and own in net.get_params() and isinstance(value, _SWITCHES):
            yield clone(net).set_params(**{own: value})


def _options(space: Any) -> Iterator[tuple[str, Any]]:
    """Yield (parameter, value) for every value that is listed in a space, as a user wrote it."""
    for part in space if isinstance(space, (list, tuple)) else [space]:
        for name, given in part.items() if isinstance(part, Mapping) else ():
            values = getattr(given, "options", given)
            if isinstance(name, str) and isinstance(values, (list, tuple)):
                yield from ((name, value) for value in values)


def continued_path(search: Any) -> str:
    """Return the path to the step that is continued, none if the whole is fitted anew."""
    return final_step(search.estimator)[0] if resource_of(search) in CONTINUED else ""


def trainer_for(search: Any, extent: Extent) -> Trainer:
    """Return what advances the runs."""
    resource = resource_of(search)
    if resource == "epochs" and search.stacking is False:
        return SoloTrainer()
    if resource == "epochs":
        return StackedTrainer(None if search.stacking == "auto" else int(search.stacking))
    if resource == "passes":
        return PassTrainer()
    if resource == "n_samples":
        return SampleTrainer(n_samples=int(extent.n_samples or 0))
    return RefitTrainer(resource)


def limits(search: Any, extent: Extent) -> Limits:
    """Return the limits of the resource, as the settings and the data have them.

    Raises
    ------
    InvalidSettingsError
        If they cannot be told, or the least is above the most.
    """
    resource = resource_of(search)
    low, high = _low(search, resource, extent), _high(search, resource, extent)
    refuse(_limit_mistakes(search, resource, low, high))
    assert low is not None
    assert high is not None
    return Limits(low, high)


def _low(search: Any, resource: str, extent: Extent) -> int | None:
    if not isinstance(search.min_resources, str):
        return int(search.min_resources)
    if resource != "n_samples":
        return 1
    # scikit-learn's: two rows of each class in each fold.
    if extent.n_samples is None:
        return None
    return min(extent.n_samples, 2 * extent.n_splits * (extent.n_classes or 1))


def _high(search: Any, resource: str, extent: Extent) -> int | None:
    if search.max_resources != "auto":
        return int(search.max_resources)
    if resource == "n_samples":
        return extent.n_samples
    if resource.endswith(f"__{_OWN_LENGTH['epochs']}"):
        return int(search.estimator.get_params()[resource])
    own = getattr(final_step(search.estimator)[1], _OWN_LENGTH.get(resource, ""), None)
    return None if own is None else int(own)


def _limit_mistakes(search: Any, resource: str, low: int | None, high: int | None) -> Iterator[str]:
    if resource == "n_samples" and (low is None or high is None):
        yield (
            "Before `fit` has seen the data, resource='n_samples' needs `min_resources` and "
            "`max_resources` as numbers of rows."
        )
    elif high is None:
        yield (
            f"`max_resources`='auto' means nothing to resource={resource!r}: write the most "
            f"{resource} that a candidate gets. (resource can only be 'n_samples' when "
            "max_resources='auto', or a net's or an estimator's own number of epochs or passes.)"
        )
    elif low is not None and low > high:
        yield (
            f"`min_resources`={search.min_resources!r} must not be above `max_resources`="
            f"{search.max_resources!r}: min_resources_={low} is greater than "
            f"max_resources_={high}. Lower the one or raise the other.{_in_rows(search)}"
        )


def _in_rows(search: Any) -> str:
    """Return why resources are rows where they might be passes, if that is so."""
    net = final_step(search.estimator)[1]
    if resource_of(search) != "n_samples" or not hasattr(net, "partial_fit"):
        return ""
    return (
        f" (`resource`={search.resource!r} means rows here, since {type(net).__name__} cannot be "
        f"continued by passes: {refused(search)}.)"
    )


def resource_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for each setting of the resource that no data can make work."""
    net, resource = final_step(search.estimator)[1], search.resource
    fits = {"epochs": trains_in_epochs(net), "passes": hasattr(net, "partial_fit")}
    if not hasattr(search.estimator, "fit"):
        yield (
            f"`estimator`={search.estimator!r} must be an estimator: sktune.MLPClassifier(), any "
            "skorch net or scikit-learn estimator, or a pipeline that ends in one."
        )
    elif resource not in ("auto", "n_samples", *fits):
        if resource not in search.estimator.get_params():
            yield (
                f"Cannot use resource={resource} which is not supported by estimator "
                f"{type(search.estimator).__name__}: `resource` must be 'auto', 'epochs', "
                "'passes', 'n_samples' or the name of an integer parameter."
            )
    elif not fits.get(resource, True):
        yield (
            f"`resource`={resource!r} needs a final step that is "
            f"{'a skorch net' if resource == 'epochs' else 'continued by partial_fit'}, not "
            f"{type(net).__name__}: use 'auto', 'n_samples' or the name of an integer parameter."
        )
    elif resource == "passes" and refused(search):
        yield (
            f"`resource`='passes' needs partial_fit, which refuses what {type(net).__name__} is "
            f"set to or may be: {refused(search)}. Change that, or use 'n_samples' or the name of "
            "an integer parameter."
        )


def known_limit_mistakes(search: Any) -> Iterator[str]:
    """Yield a line for limits that cannot work, as far as can be told without data."""
    resource = resource_of(search)
    if resource != "n_samples":
        low, high = _low(search, resource, Extent(1)), _high(search, resource, Extent(1))
        yield from _limit_mistakes(search, resource, low, high)


def resource_names(search: Any) -> list[str]:
    """Return the hyperparameters that the search itself sets."""
    path, resource = final_step(search.estimator)[0], resource_of(search)
    own = _OWN_LENGTH["epochs"] if resource == "epochs" else None
    return [f"{path}__{own}" if path else own] if own else [resource]
