"""What the data show before anything is trained: every mistake in one message."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import _num_samples

from sktune.candidates import Params
from sktune.engine import Problem
from sktune.runs import FoldJob, data_objections, lack_of, setting_objections
from sktune.search.resources import resource_of
from sktune.search.scorers import answers, named, scorer_mistakes
from sktune.space import Space, inner_net

_N_DRAWS = 5


def data_mistakes(search: Any, problem: Problem, space: Space) -> Iterator[str]:
    """Yield a line for what cannot work with these data, on this machine."""
    settings = list(islice(space.draws(0), _N_DRAWS))
    yield from _net_mistakes(search, space)
    yield from _scorer_mistakes(search, problem, settings)
    if resource_of(search) == "epochs" and settings:
        yield from data_objections(_all_rows(problem, settings[0]))


def _all_rows(problem: Problem, setting: Params) -> FoldJob:
    rows = np.arange(_num_samples(problem.X))
    data = problem.X, problem.y, rows, None
    return FoldJob(problem.setup, setting, *data, seed=0, fit_params=problem.fit_params)


def _net_mistakes(search: Any, space: Space) -> Iterator[str]:
    """Yield a line for each setting that the net has or may be given and that cannot work here."""
    path, net = inner_net(search.estimator)
    if path in space.names or not hasattr(net, "get_params"):
        return
    settings = _settings(path, net, space)
    for name, values in settings.items():
        yield from setting_objections(net, name, values)
    devices = settings.get("device", [])
    lacks = [(device, lack) for device in devices if (lack := lack_of(device))]
    for device, lack in lacks if len(lacks) == len(devices) else []:
        yield f"`device`={device!r} of {type(net).__name__} cannot be used: {lack}. Set 'cpu'."


def _settings(path: str, net: Any, space: Space) -> dict[str, list[Any]]:
    """Return what each of the net's own parameters is set to, or may be as far as is known."""
    prefix = f"{path}__" if path else ""
    own = net.get_params(deep=False)
    found: dict[str, list[Any]] = {n: [own[n]] for n in own if prefix + n not in space.names}
    for name, value in space.known_values():
        if name.startswith(prefix) and name.removeprefix(prefix) in own:
            found.setdefault(name.removeprefix(prefix), []).append(value)
    return found


def _scorer_mistakes(search: Any, problem: Problem, settings: Sequence[Params]) -> Iterator[str]:
    kinds = {"classifier": is_classifier, "regressor": is_regressor}
    kind = next((kind for kind, holds in kinds.items() if holds(search.estimator)), None)
    if kind is None or problem.y is None or np.ndim(problem.y) > 2 or not settings:
        return
    methods = set[str]().union(*(_methods(problem, setting) for setting in settings))
    scorers = named(problem.setup.scorer, search.scoring)
    yield from scorer_mistakes(scorers, methods, problem.y, kind)


def _methods(problem: Problem, setting: Params) -> set[str]:
    try:
        return answers(problem.setup.whole(setting))
    except ValueError:  # a parameter that only other candidates have
        return set()
