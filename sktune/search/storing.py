"""What a storage directory is told of a search: what must be the same to go on with it."""

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from sktune.engine import Problem
from sktune.fingerprint import fingerprint
from sktune.journal import Header, Identity, Mark, Storage
from sktune.samplers import learns
from sktune.schedules import Plan
from sktune.search.described import described
from sktune.search.resources import resource_of

# What may differ when a search is gone on with: it changes no result.
_FREE = {"n_jobs", "verbose", "time_budget", "run_timeout", "max_retries", "storage"}
# What is told apart in more detail.
_APART = {"estimator", "param_distributions", "cv", "random_state"}
# Another number when the same settings lead to other decisions than before.
_RULES = "2"  # the next in rank takes the place of a candidate that fails
Things = dict[str, tuple[Any, str]]
_LIBRARIES = ("sktune", "torch", "skorch", "scikit-learn", "numpy", "scipy", "joblib")


@contextmanager
def storage_of(search: Any, problem: Problem, plan: Plan) -> Iterator[Storage | None]:
    """Open the storage of a search for the length of a ``with`` block; None if it has none.

    Raises
    ------
    StorageError
        If it cannot be used, or belongs to another search.
    """
    if search.storage is None:
        yield None
        return
    header = Header(
        identity(search, problem),
        problem.seeds.root,
        resource_of(search),
        len(problem.splits),
        [dict(row) for row in plan],
    )
    with Storage(search.storage, header) as storage:
        yield storage


def identity(search: Any, problem: Problem) -> Identity:
    """Return all that the results of a search depend on."""
    return {
        group: {name: Mark(text, fingerprint(thing)) for name, (thing, text) in things.items()}
        for group, things in _given(search, problem).items()
    }


def description(search: Any, problem: Problem) -> dict[str, dict[str, str]]:
    """Return the same as texts, which show nothing of the user's data."""
    return {
        group: {name: text for name, (_, text) in things.items()}
        for group, things in _given(search, problem).items()
    }


def _given(search: Any, problem: Problem) -> dict[str, Things]:
    return {
        "data": _data(problem),
        "space": _space(search.param_distributions),
        "cv": {"splits": (problem.splits, _shown_splits(problem))},
        "estimator": _estimator(search.estimator),
        "settings": _settings(search, problem),
        "versions": _versions(search),
    }


def _with_texts(things: Mapping[str, Any]) -> Things:
    return {name: (thing, described(thing)) for name, thing in things.items()}


def _data(problem: Problem) -> Things:
    return _with_texts(
        {"X": problem.X, "y": problem.y, **problem.fit_params, **problem.score_params}
    )


def _space(given: Any) -> Things:
    cases = given if isinstance(given, list | tuple) else [given]
    if isinstance(given, str):
        return _with_texts({"param_distributions": given})
    prefixes = [f"{number}: " if len(cases) > 1 else "" for number in range(len(cases))]
    return _with_texts(
        {
            prefix + name: values
            for prefix, case in zip(prefixes, cases, strict=True)
            for name, values in case.items()
        }
    )


def _shown_splits(problem: Problem) -> str:
    sizes = sorted({len(valid) for _, valid in problem.splits})
    return f"{len(problem.splits)} folds of {' or '.join(map(str, sizes))} validation rows"


def _estimator(estimator: Any) -> Things:
    # Of a step its class is told here, and its parameters under their own names.
    params = {
        name: type(value) if hasattr(value, "get_params") else value
        for name, value in estimator.get_params().items()
        if name != "steps"
    }
    return _with_texts({"class": type(estimator), **params})


def _settings(search: Any, problem: Problem) -> Things:
    params = search.get_params(deep=False)
    given = {name: v for name, v in params.items() if name not in _FREE | _APART}
    # Without a seed of the user's the storage's is taken.
    seed = None if search.random_state is None else problem.seeds.root
    return _with_texts({"search": type(search), "random_state": seed, **given})


def _versions(search: Any) -> Things:
    libraries = (*_LIBRARIES, "optuna") if learns(search.sampler) else _LIBRARIES
    versions = {name: version(name) for name in libraries}
    versions["sktune.schedules"] = _RULES
    versions["python"] = ".".join(platform.python_version_tuple()[:2])
    return {name: (number, number) for name, number in versions.items()}
