"""The dimensions of a space as a model of Optuna's sees them."""

from collections.abc import Mapping
from itertools import pairwise
from numbers import Real
from typing import Any, Protocol

from optuna import Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sktune.space import Choice, Dimension, Float, Int, Quantiles
from sktune.space.space import value_key


class Axis(Protocol):
    """A distribution of Optuna's, and the way to and from the values of a dimension."""

    distribution: BaseDistribution

    def outer(self, inner: Any) -> Any:
        """Return the value of the dimension for a value of the distribution."""

    def inner(self, outer: Any) -> Any:
        """Return the value of the distribution for a value of the dimension."""

    def holds(self, outer: Any) -> bool:
        """Whether this is a value of the dimension."""

    def suggest(self, trial: Trial, name: str) -> Any:
        """Return the value of the distribution that a trial suggests."""


class _Number:
    """A Float or Int: the same numbers on both sides."""

    distribution: BaseDistribution

    def __init__(self, dimension: Float | Int) -> None:
        self._dimension = dimension
        kind: Any = FloatDistribution if isinstance(dimension, Float) else IntDistribution
        self.distribution = kind(dimension.low, dimension.high, log=dimension.log)

    def holds(self, outer: Any) -> bool:
        is_number = isinstance(outer, Real)
        return is_number and self._dimension.low <= float(outer) <= self._dimension.high

    def suggest(self, trial: Trial, name: str) -> Any:
        d = self._dimension
        ask: Any = trial.suggest_float if isinstance(d, Float) else trial.suggest_int
        return ask(name, d.low, d.high, log=d.log)

    def outer(self, inner: Any) -> Any:
        return inner

    def inner(self, outer: Any) -> Any:
        return outer.item() if hasattr(outer, "item") else outer


class _Quantile:
    """A distribution of which the model sees the quantiles."""

    _EDGE = 1e-9  # at 0 and 1 lie the ends of unbounded distributions

    def __init__(self, dimension: Quantiles) -> None:
        self._dimension = dimension
        self.distribution: BaseDistribution = FloatDistribution(self._EDGE, 1 - self._EDGE)

    def holds(self, outer: Any) -> bool:
        return isinstance(outer, Real)

    def suggest(self, trial: Trial, name: str) -> Any:
        return trial.suggest_float(name, self._EDGE, 1 - self._EDGE)

    def outer(self, inner: Any) -> Any:
        return self._dimension.at(inner)

    def inner(self, outer: Any) -> Any:
        return min(max(self._dimension.quantile(outer), self._EDGE), 1 - self._EDGE)


class _Option:
    """Options, of which the model sees the places."""

    def __init__(self, dimension: Choice) -> None:
        self._options = list(dimension.options)
        self._places = {value_key(option): place for place, option in enumerate(self._options)}
        self.distribution: BaseDistribution = CategoricalDistribution(range(len(self._options)))

    def holds(self, outer: Any) -> bool:
        return value_key(outer) in self._places

    def suggest(self, trial: Trial, name: str) -> Any:
        return trial.suggest_categorical(name, range(len(self._options)))

    def outer(self, inner: Any) -> Any:
        return self._options[inner]

    def inner(self, outer: Any) -> Any:
        return self._places[value_key(outer)]


class _OrderedOption(_Option):
    """Options that are numbers in order: a good one's neighbours are likely to be good."""

    def __init__(self, dimension: Choice) -> None:
        super().__init__(dimension)
        self.distribution = IntDistribution(0, len(self._options) - 1)

    def suggest(self, trial: Trial, name: str) -> Any:
        return trial.suggest_int(name, 0, len(self._options) - 1)


def _is_ordered(options: list[Any]) -> bool:
    numbers = all(isinstance(o, Real) and not isinstance(o, bool) for o in options)
    return numbers and all(a < b for a, b in pairwise(options))


def axes_of(part: Mapping[str, Dimension]) -> dict[str, Axis]:
    """Return the axes of a case of a space."""
    return {name: _axis(dimension) for name, dimension in sorted(part.items())}


def _axis(dimension: Dimension) -> Axis:
    if isinstance(dimension, Choice):
        kind = _OrderedOption if _is_ordered(list(dimension.options)) else _Option
        return kind(dimension)
    return _Quantile(dimension) if isinstance(dimension, Quantiles) else _Number(dimension)
