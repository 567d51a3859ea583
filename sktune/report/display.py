"""What all displays share: where their data come from, and how they get their axes."""

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sktune.report.data import SearchData
from sktune.report.extras import extra

# Dark enough to be read in greyscale, and told apart by the colour-blind (Okabe and Ito, 2008).
STRONG, WEAK, FAILED = "#0072B2", "#B4B9C0", "#D55E00"
# Of several searches.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STRONG_IN_THE_DARK, _WEAK_IN_THE_DARK = "#56B4E9", "#5A6068"
_FIGURE = (7.0, 4.2)  # inches


class Display:
    """A picture of a search.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.
    """

    ax_: Any
    figure_: Any

    @classmethod
    def of(cls, data: SearchData) -> Self:
        """Return the display of a search as data; nothing is drawn."""
        raise NotImplementedError

    @classmethod
    def from_search(cls, search: Any, *, ax: Any = None) -> Self:
        """Draw a fitted search.

        Parameters
        ----------
        search : fitted search
            Such as a :class:`sktune.SuccessiveHalvingSearchCV`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : Display
            With ``figure_`` and ``ax_``.

        Raises
        ------
        InvalidSettingsError
            If the search is not fitted, or matplotlib or pandas is missing.
        """
        return cls.of(SearchData.of(search)).plot(ax=ax)

    @classmethod
    def from_storage(cls, storage: str | os.PathLike[str], *, ax: Any = None) -> Self:
        """Draw a search from its storage, also while it is running.

        Parameters
        ----------
        storage : str or path
            The directory. Only its journal is read, and no code of it is run.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : Display
            With ``figure_`` and ``ax_``.

        Raises
        ------
        StorageError
            If it is no storage directory, or it is damaged.
        InvalidSettingsError
            If matplotlib or pandas is missing.
        """
        return cls.of(SearchData.of(storage)).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : Display
            With ``figure_`` and ``ax_``.
        """
        if ax is None:
            ax = new_figure(type(self).__name__).add_subplot()
        self._draw(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax: Any) -> None:
        raise NotImplementedError


def new_figure(user: str, size: tuple[float, float] = _FIGURE) -> Any:
    """Return a new matplotlib Figure."""
    pyplot = extra("matplotlib.pyplot", "plot", user)
    return pyplot.figure(figsize=size, layout="constrained")


def strong(ax: Any) -> str:
    """Return the color of what must be seen first."""
    return _STRONG_IN_THE_DARK if _is_dark(ax) else STRONG


def weak(ax: Any) -> str:
    """Return the color of what is behind it."""
    return _WEAK_IN_THE_DARK if _is_dark(ax) else WEAK


def shades(ax: Any, places: Any) -> Any:
    """Return colors for places between 0 and 1, of which 1 must be seen first."""
    # Viridis goes from dark to light, in greyscale and for the colour-blind too.
    name, first = ("viridis", 0.3) if _is_dark(ax) else ("viridis_r", 0.15)
    found = extra("matplotlib", "plot", "A display").colormaps[name]
    return found(first + (1 - first) * np.asarray(places))


def _is_dark(ax: Any) -> bool:
    to_rgba = extra("matplotlib.colors", "plot", "A display").to_rgba
    red, green, blue, _ = to_rgba(ax.get_facecolor())
    return bool(0.3 * red + 0.6 * green + 0.1 * blue < 0.5)


def is_log(values: Sequence[float]) -> bool:
    """Whether numbers are spread more evenly on a logarithmic axis.

    >>> is_log([1e-4, 1e-3, 1e-2, 1e-1]), is_log([32, 64, 128, 256]), is_log([1, 2, 3])
    (True, True, False)
    """
    numbers = np.unique(np.asarray(values, dtype=float))
    if len(numbers) < 3 or numbers[0] <= 0 or numbers[-1] < 5 * numbers[0]:
        return False
    return abs(_skewness(np.log(numbers))) < abs(_skewness(numbers))


def _skewness(values: Any) -> float:
    centred = values - values.mean()
    return float((centred**3).mean() / (centred**2).mean() ** 1.5)


def show_scores(ax: Any, scores: Sequence[float], metric: str) -> None:
    """Have the y axis show the scores; says how many are too low to be shown with the others.

    A regression that has hardly begun may score -1,000,000.
    """
    finite = np.asarray(scores, dtype=float)
    finite = finite[np.isfinite(finite)]
    ax.set_ylabel(label_of(metric))
    if not len(finite):
        return
    good, high = np.quantile(finite, [0.75, 1.0])
    farthest = max(20 * (high - good), 2 * abs(high))
    low = max(finite.min(), high - farthest) if farthest else finite.min()
    margin = 0.04 * (high - low) or 0.01
    ax.set_ylim(low - margin, high + margin)
    n_below = int((finite < low).sum())
    if n_below:
        ax.annotate(
            f"{n_below} scores are below",
            (0.01, 0.01),
            xycoords="axes fraction",
            fontsize="small",
            color=FAILED,
        )


def label_of(metric: str) -> str:
    """Return what the axis of a score is called."""
    return "score" if metric == "score" else f"{metric}".replace("_", " ")


def spread(n: int) -> Any:
    """Return n numbers between 0 and 1 that fill it evenly, neighbours far apart."""
    return (np.arange(n) * 0.6180339887498949 + 0.5) % 1.0
