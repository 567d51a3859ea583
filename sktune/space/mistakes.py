"""What a user may write by mistake where something to be tried is meant."""

from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def dimension_mistakes(name: Any, dimension: Any) -> Iterator[str]:
    """Yield a line for each mistake in what may be tried for a parameter.

    >>> next(dimension_mistakes("depth", (1, 4)))
    '`depth`=(1, 4) can be read as two values or as a range: write [1, 4] or Int(1, 4).'
    """
    if not isinstance(name, str):
        yield f"{name!r} is no parameter name: write a string."
    if isinstance(dimension, type):
        yield f"`{name}`={dimension.__name__} is a class: write {dimension.__name__}(...)."
    elif _lacks_arguments(dimension):
        yield (
            f"`{name}`={dimension.name} is a family of distributions: write {dimension.name}(...) "
            "with its arguments, as in loguniform(1e-4, 1e-1)."
        )
    elif not (hasattr(dimension, "rvs") or type(dimension).__module__.startswith("optuna.")):
        yield from _list_mistakes(name, dimension)


def _lacks_arguments(dimension: Any) -> bool:
    """Whether it is a distribution of scipy's that is not frozen, and cannot be drawn from."""
    return hasattr(dimension, "freeze") and bool(getattr(dimension, "numargs", 0))


def _list_mistakes(name: Any, values: Any) -> Iterator[str]:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        yield (
            f"`{name}`={values!r} must be a list of values, a scipy distribution, "
            f"or a Float, Int or Choice; write [{values!r}] for a single value."
        )
    elif len(values) == 0:
        yield f"`{name}`={values!r} must hold at least one value."
    elif classes := [value.__name__ for value in values if _is_estimator_class(value)]:
        yield f"`{name}` lists the class {classes[0]}: write {classes[0]}()."
    elif _looks_like_a_range(values):
        yield (
            f"`{name}`={values!r} can be read as two values or as a range: write "
            f"{list(values[:2])!r} or {_as_range(*values)}."
        )


def _is_estimator_class(value: Any) -> bool:
    # Modules, optimisers and losses of a skorch net are classes rightly.
    return isinstance(value, type) and hasattr(value, "fit") and hasattr(value, "get_params")


def _looks_like_a_range(values: Any) -> bool:
    """Whether it is a pair of numbers in order, or one with a scale, as some libraries have it."""
    if not isinstance(values, tuple) or len(values) not in (2, 3):
        return False
    numbers = [isinstance(value, Real) and not isinstance(value, bool) for value in values]
    is_pair = all(numbers[:2]) and values[0] < values[1]
    return is_pair and (len(values) == 2 or isinstance(values[2], str))


def _as_range(low: Any, high: Any, scale: str = "") -> str:
    is_whole = isinstance(low, Integral) and isinstance(high, Integral)
    is_log = "log" in scale or (low > 0 and high / low >= 100)
    return f"{'Int' if is_whole else 'Float'}({low!r}, {high!r}{', log=True' if is_log else ''})"
