"""A space: any scikit-learn ``param_distributions``, understood."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from sktune.exceptions import refuse
from sktune.space.dimensions import Choice, Dimension, Float, Int
from sktune.space.distributions import dimension_of, drawable, n_values
from sktune.space.mistakes import dimension_mistakes
from sktune.space.names import is_allotted, nearest, own_names
from sktune.synonyms import absence, did_you_mean

_ENDLESS = 2**62


def setting_key(params: Mapping[str, Any]) -> Hashable:
    """Return what tells settings apart: equal for equal settings.

    >>> setting_key({"a": np.int64(1), "b": [2]}) == setting_key({"b": [2], "a": 1})
    True
    """
    return tuple((name, value_key(value)) for name, value in sorted(params.items()))


def value_key(value: Any) -> Hashable:
    """Return what tells values apart: equal for equal values.

    >>> value_key(1) == value_key(np.int64(1)), value_key(1) == value_key(True)
    (True, False)
    """
    value = value.item() if isinstance(value, np.generic) else value
    name = type(value)
    if isinstance(value, np.ndarray):
        return name, value.shape, *map(value_key, value.ravel().tolist())
    if isinstance(value, (list, tuple)):
        return name, *map(value_key, value)
    if isinstance(value, Mapping):
        return name, frozenset((key, value_key(item)) for key, item in value.items())
    if hasattr(value, "get_params") and not isinstance(value, type):
        return name, value_key(value.get_params(deep=False))
    is_nan = isinstance(value, float) and math.isnan(value)
    return name, repr(value) if is_nan or not isinstance(value, Hashable) else value


def _is_listed(dimension: Any) -> bool:
    return not hasattr(dimension, "rvs")


def _mapping_mistakes(distributions: Any) -> Iterator[str]:
    if not isinstance(distributions, Mapping):
        yield (
            f"`param_distributions`={distributions!r} must be a dict from parameter names to "
            "what may be tried, a list of such dicts, or 'auto'."
        )
        return
    for name, dimension in distributions.items():
        yield from dimension_mistakes(name, dimension)


class Space:
    """What may be tried.

    Parameters
    ----------
    distributions : dict or list of dict
        From parameter names to lists of values, distributions with ``rvs``, or the dimensions
        of this room.

    Raises
    ------
    InvalidSettingsError
        If a dimension is none of these or empty; all such mistakes at once.

    Examples
    --------
    >>> from sktune.space import Choice
    >>> space = Space({"lr": [0.1, 0.01], "depth": Choice([1, 2, 3])})
    >>> space.size
    6
    >>> len(space.grid())
    6
    """

    def __init__(self, distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        parts: Any = distributions
        if not isinstance(distributions, (list, tuple)):
            parts = [distributions]
        refuse(mistake for part in parts for mistake in _mapping_mistakes(part))
        refuse([] if parts else ["`param_distributions`=[] must hold at least one dict."])
        self._parts = [{k: drawable(v) for k, v in part.items()} for part in parts]

    @property
    def names(self) -> list[str]:
        """The names of all parameters."""
        return sorted({name for part in self._parts for name in part})

    @property
    def size(self) -> int | None:
        """The number of settings, None if there is no end of them."""
        sizes = [[n_values(d) for d in part.values()] for part in self._parts]
        if any(n is None for part in sizes for n in part):
            return None
        return sum(math.prod(n for n in part if n is not None) for part in sizes)

    @property
    def parts(self) -> list[dict[str, Dimension]]:
        """What may be tried, as dimensions that a model can be made of: a dict for each case.

        Raises
        ------
        InvalidSettingsError
            If there is a distribution of which only draws can be had.
        """
        parts = [{k: dimension_of(v) for k, v in part.items()} for part in self._parts]
        refuse(
            f"`{name}`={self._parts[number][name]!r} has no bounds and no `ppf`, which this "
            "sampler needs: write a Float, an Int, a list or a scipy distribution, or use "
            "sampler='random'."
            for number, part in enumerate(parts)
            for name, dimension in part.items()
            if dimension is None
        )
        return [{k: d for k, d in part.items() if d is not None} for part in parts]

    def known_values(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, value) for what is listed, the bounds of Int, and two numbers of Float.

        The bounds of Float themselves are hardly ever drawn, so that they may be out of order.
        """
        for part in self._parts:
            for name, given in part.items():
                dimension = dimension_of(given)
                if isinstance(dimension, Choice):
                    yield from ((name, option) for option in dimension.options)
                elif isinstance(dimension, Int):
                    yield from ((name, dimension.low), (name, dimension.high))
                elif isinstance(dimension, Float):
                    yield from ((name, dimension.at(0.1)), (name, dimension.at(0.9)))

    def grid(self) -> list[dict[str, Any]]:
        """Return every setting of a finite space once, in scikit-learn's order."""
        refuse(
            f"`{name}`={dimension!r} must be a list of values for sampler='grid'; "
            "list the values to try, or use sampler='random'."
            for part in self._parts
            for name, dimension in part.items()
            if not _is_listed(dimension)
        )
        return list(ParameterGrid(self._parts))

    def draws(self, seed: int) -> Iterator[dict[str, Any]]:
        """Yield random settings, without end those of ``ParameterSampler(random_state=seed)``.

        A space of lists is drawn without replacement and ends when all of it is drawn.
        """
        rng = np.random.RandomState(seed)
        if not all(_is_listed(d) for part in self._parts for d in part.values()):
            yield from ParameterSampler(self._parts, _ENDLESS, random_state=rng)
            return
        grid, drawn = ParameterGrid(self._parts), set[int]()
        while len(drawn) < len(grid):
            index = int(rng.randint(len(grid)))
            if index not in drawn:
                drawn.add(index)
                yield grid[index]

    def check_names(self, estimator: Any) -> None:
        """Refuse names that the estimator does not know."""
        known = estimator.get_params(deep=True)
        refuse(
            f"`{name}` is no parameter of {type(estimator).__name__}: {_way_out(name, estimator)}"
            for name in self.names
            if name not in known and not self._has_open_owner(name, known)
        )

    def _has_open_owner(self, name: str, known: Mapping[str, Any]) -> bool:
        # Below a step that is itself searched, and below `module__`, `optimizer__`, ... of a
        # skorch net, only the candidate can tell which names exist.
        parts = name.split("__")
        owners = ["__".join(parts[:length]) for length in range(1, len(parts))]
        return any(
            owner in self.names or (owner in known and _is_open(known[owner])) for owner in owners
        )


def _is_open(owner: Any) -> bool:
    is_estimator = hasattr(owner, "get_params") and not isinstance(owner, type)
    return not is_estimator and not isinstance(owner, (str, int, float))


def _way_out(name: str, estimator: Any) -> str:
    if is_allotted(name, estimator):
        return "how long a network is trained the search decides; set its `max_resources`."
    question = did_you_mean(nearest(name, estimator))
    if question:
        return f"{question}estimator.get_params() has all names."
    why = absence(name.rpartition("__")[2])
    return f"{why}there are {', '.join(f'`{own}`' for own in own_names(estimator))}."
