"""The dimensions of a space: Float, Int and Choice, which any scikit-learn search can draw from."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sktune.exceptions import refuse


def _bounds_mistakes(name: str, low: float, high: float, log: bool) -> Iterator[str]:
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        yield f"`low`={low!r}, `high`={high!r} of {name} must be finite numbers, low < high."
    if log and not low > 0:
        yield f"`low`={low!r} of {name} must be positive with log=True; raise it, or drop log."


@dataclass(frozen=True)
class Float:
    """A real number between two bounds.

    Parameters
    ----------
    low, high : float
        The bounds, ``low < high``.
    log : bool, default=False
        Draw the logarithm uniformly: for quantities whose order of magnitude is sought.

    Raises
    ------
    InvalidSettingsError
        If the bounds are not finite or not in order, or not positive with ``log=True``.

    Examples
    --------
    >>> from sktune.space import Float
    >>> lr = Float(1e-4, 1e-1, log=True)
    >>> lr
    Float(low=0.0001, high=0.1, log=True)
    >>> 1e-4 <= lr.rvs(random_state=0) <= 1e-1
    True
    """

    low: float
    high: float
    _: KW_ONLY
    log: bool = False

    def __post_init__(self) -> None:
        refuse(_bounds_mistakes("Float", self.low, self.high, self.log))
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def at(self, quantile: float) -> float:
        """Return the number below which a share ``quantile`` of the draws lies."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return min(max(math.exp(low + quantile * (high - low)), self.low), self.high)
        return min(self.low + quantile * (self.high - self.low), self.high)

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draw one number, or an array of shape ``size``, as a frozen scipy distribution does."""
        rng = check_random_state(random_state)
        if self.log:
            drawn = np.exp(rng.uniform(np.log(self.low), np.log(self.high), size))
        else:
            drawn = rng.uniform(self.low, self.high, size)
        clipped = np.clip(drawn, self.low, self.high)
        return float(clipped) if size is None else clipped


@dataclass(frozen=True)
class Int:
    """A whole number between two bounds, both of them included.

    Parameters
    ----------
    low, high : int
        The bounds, ``low < high``.
    log : bool, default=False
        Draw the logarithm uniformly.

    Raises
    ------
    InvalidSettingsError
        If the bounds are not in order, or not positive with ``log=True``.

    Examples
    --------
    >>> from sktune.space import Int
    >>> Int(1, 3).rvs(size=4, random_state=0)
    array([1, 2, 1, 2])
    """

    low: int
    high: int
    _: KW_ONLY
    log: bool = False

    def __post_init__(self) -> None:
        bounds: list[Any] = [self.low, self.high]
        is_whole = all(isinstance(bound, Integral) for bound in bounds)
        kind = [] if is_whole else [f"`low`={self.low!r}, `high`={self.high!r} must be whole."]
        refuse([*kind, *_bounds_mistakes("Int", self.low, self.high, self.log)])
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))

    def at(self, quantile: float) -> int:
        """Return the number below which a share ``quantile`` of the draws lies."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high + 1)
            drawn = math.exp(low + quantile * (high - low))
        else:
            drawn = self.low + quantile * (self.high + 1 - self.low)
        return min(max(math.floor(drawn), self.low), self.high)

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draw one number, or an array of shape ``size``, as a frozen scipy distribution does."""
        rng = check_random_state(random_state)
        if self.log:
            drawn = np.exp(rng.uniform(np.log(self.low), np.log(self.high + 1), size))
            whole = np.clip(np.floor(drawn), self.low, self.high).astype(int)
        else:
            whole = rng.randint(self.low, self.high + 1, size)
        return int(whole) if size is None else whole


@dataclass(frozen=True)
class Choice:
    """One of several options, all equally likely.

    Parameters
    ----------
    options : sequence
        The options, of any type; at least one.

    Raises
    ------
    InvalidSettingsError
        If there is no option.

    Examples
    --------
    >>> from sktune.space import Choice
    >>> Choice([32, 64, 128]).rvs(random_state=0)
    32
    """

    options: Sequence[Any]

    def __post_init__(self) -> None:
        refuse([] if len(self.options) else ["`options` of Choice must hold at least one value."])

    def at(self, quantile: float) -> Any:
        """Return the option before which a share ``quantile`` of the draws lies."""
        return self.options[min(int(quantile * len(self.options)), len(self.options) - 1)]

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draw one option, or a list of ``size`` options, as a frozen scipy distribution does."""
        drawn = check_random_state(random_state).randint(len(self.options), size=size)
        if size is None:
            return self.options[drawn]
        return [self.options[index] for index in drawn]


@dataclass(frozen=True)
class Quantiles:
    """Any distribution that knows its quantiles (``ppf``) and their inverse (``cdf``).

    Parameters
    ----------
    distribution : object
        Such as a frozen distribution of scipy.
    """

    distribution: Any

    def at(self, quantile: float) -> Any:
        """Return the number below which a share ``quantile`` of the draws lies."""
        value = self.distribution.ppf(quantile)
        # scipy puts whole numbers as floats.
        return int(value) if hasattr(self.distribution, "pmf") else value

    def quantile(self, value: float) -> float:
        """Return the share of the draws that lies below a number."""
        return float(self.distribution.cdf(value))


Dimension = Float | Int | Choice | Quantiles
