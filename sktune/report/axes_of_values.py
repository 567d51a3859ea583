"""Values of a hyperparameter on an axis: numbers, on a logarithmic scale if need be, or words."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sktune.report.display import is_log

_LONGEST = 18  # characters


@dataclass(frozen=True)
class ValueAxis:
    """Where the values of a hyperparameter stand on an axis.

    Attributes
    ----------
    is_log : bool
        Whether the axis is logarithmic.
    words : list of str
        The values, if they are not numbers; they stand at 0, 1, 2, ...
    numbers : list of float
        Where the values stand, in order.
    """

    is_log: bool
    words: Sequence[str]
    numbers: Sequence[float]

    @classmethod
    def of(cls, values: Sequence[Any]) -> "ValueAxis":
        """Return the axis of values; those that are missing are left out.

        >>> ValueAxis.of([1e-4, 1e-2, 1e-3, None]).is_log
        True
        >>> ValueAxis.of(["relu", "tanh", "relu"]).words
        ['relu', 'tanh']
        """
        present = [value for value in values if not is_missing(value)]
        if present and all(is_number(value) for value in present):
            numbers = sorted({float(value) for value in present})
            return cls(is_log(numbers), [], numbers)
        words = sorted(dict.fromkeys(word(value) for value in present))
        return cls(False, words, [float(place) for place in range(len(words))])

    @property
    def low(self) -> float:
        """The lowest place."""
        return self.numbers[0] if self.numbers else 0.0

    @property
    def high(self) -> float:
        """The highest place."""
        return self.numbers[-1] if self.numbers else 0.0

    def places(self, values: Sequence[Any]) -> Any:
        """Return where values stand, NaN for those that are missing."""
        at = {name: float(place) for place, name in enumerate(self.words)}
        return np.array(
            [
                np.nan if is_missing(value) else at[word(value)] if self.words else float(value)
                for value in values
            ]
        )

    def shares(self, values: Sequence[Any]) -> Any:
        """Return the same between 0 and 1."""
        places, ends = self.places(values), np.array([self.low, self.high])
        if self.is_log:
            places, ends = np.log(places), np.log(ends)
        width = ends[1] - ends[0]
        return (places - ends[0]) / width if width else np.where(np.isnan(places), np.nan, 0.5)


def is_number(value: Any) -> bool:
    """Whether a value is a number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def is_missing(value: Any) -> bool:
    """Whether a candidate does not have a value: pandas has NaN in its place.

    >>> is_missing(None), is_missing(float("nan")), is_missing("None")
    (True, True, False)
    """
    return value is None or (isinstance(value, float) and value != value)


def word(value: Any) -> str:
    """Return a value as a short text.

    >>> word(True), word("x" * 40)
    ('True', 'xxxxxxxxxxxxxxx...')
    """
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
