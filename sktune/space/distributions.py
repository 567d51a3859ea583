"""Foreign distributions understood: scipy's and Optuna's as dimensions of our own."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sktune.space.dimensions import Choice, Dimension, Float, Int, Quantiles


def dimension_of(given: Any) -> Dimension | None:
    """Return what a user wrote as a dimension, None if only draws can be had of it.

    Parameters
    ----------
    given : list, dimension, frozen scipy distribution, Optuna distribution, or with ``rvs``
        What may be tried. Uniform and log-uniform distributions of scipy become Float and Int;
        its others are known by their quantiles.

    Examples
    --------
    >>> from scipy.stats import expon, loguniform, randint, uniform
    >>> dimension_of(loguniform(1e-4, 1e-1))
    Float(low=0.0001, high=0.1, log=True)
    >>> dimension_of(uniform(0, 0.5)), dimension_of(randint(1, 4))
    (Float(low=0.0, high=0.5, log=False), Int(low=1, high=3, log=False))
    >>> bool(dimension_of(expon(scale=2)).at(0.5) == expon(scale=2).median())
    True
    """
    if isinstance(given, (Float, Int, Choice, Quantiles)):
        return given
    if type(given).__module__.startswith("optuna."):
        return _of_optuna(given)
    if hasattr(given, "ppf"):
        return _of_scipy(given)
    return None if hasattr(given, "rvs") else Choice(list(given))


def _of_scipy(given: Any) -> Dimension:
    name = getattr(getattr(given, "dist", given), "name", "")
    if name == "randint":
        first, last = map(int, given.support())
        return Int(first, last) if last > first else Choice([first])
    if name in ("uniform", "loguniform", "reciprocal"):
        low, high = map(float, given.support())
        # Shifted along the axis, a log-uniform distribution is none any more.
        is_log = name != "uniform"
        if not is_log or (low > 0 and math.isclose(given.median() ** 2, low * high)):
            return Float(low, high, log=is_log)
    return Quantiles(given)


def _of_optuna(given: Any) -> Dimension:
    if hasattr(given, "choices"):
        return Choice(list(given.choices))
    if given.single():
        return Choice([given.low])
    if isinstance(given.low, int):
        whole = range(given.low, given.high + 1, given.step)
        return Int(given.low, given.high, log=given.log) if given.step == 1 else Choice(whole)
    if given.step is None:
        return Float(given.low, given.high, log=given.log)
    n_steps = int(np.floor((given.high - given.low) / given.step + 1e-9))
    return Choice([min(given.low + k * given.step, given.high) for k in range(n_steps + 1)])


def drawable(given: Any) -> Any:
    """Return what scikit-learn's ParameterSampler takes: a list, or something with ``rvs``."""
    if type(given).__module__.startswith("optuna."):
        given = _of_optuna(given)
    return list(given.options) if isinstance(given, Choice) else given


def n_values(given: Any) -> int | None:
    """Return how many values there are, None if there is no end of them."""
    if isinstance(given, (Sequence, np.ndarray)):
        return len(given)
    dimension = dimension_of(given)
    if isinstance(dimension, Choice):
        return len(dimension.options)
    return dimension.high - dimension.low + 1 if isinstance(dimension, Int) else None
