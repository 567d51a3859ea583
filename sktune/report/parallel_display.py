"""Parallel coordinates: each candidate a line through its hyperparameters to its score."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sktune.report.axes_of_values import ValueAxis
from sktune.report.data import SearchData
from sktune.report.display import Display, label_of, shades, spread
from sktune.report.extras import extra
from sktune.report.tables import results, short_names

_SHARE_IN_FRONT, _MOST_IN_FRONT = 0.1, 20
_MOST_WORDS = 8


class ParallelCoordinatesDisplay(Display):
    """Each candidate a line through its hyperparameters to its score, the best in front.

    Candidates are compared where the search stopped with them: the rank is the colour, stronger is
    better. Those that failed are left out, and a line breaks where a candidate does not have a
    hyperparameter.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each candidate: ``rank``, ``score``, ``status``, and a column for each name.
    names : sequence of str
        The hyperparameters, in the order of the axes.
    metric : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from sktune import MLPClassifier, ParallelCoordinatesDisplay, SuccessiveHalvingSearchCV
    >>> space = {"width": [8, 16], "depth": [1, 2]}
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), space, sampler="grid", max_resources=3, cv=3)
    >>> display = ParallelCoordinatesDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
    >>> display.names
    ['depth', 'width']
    """

    def __init__(self, table: Any, names: Sequence[str], metric: str = "score") -> None:
        self.table, self.names, self.metric = table, names, metric

    @classmethod
    def of(cls, data: SearchData) -> "ParallelCoordinatesDisplay":
        """Return the display of a search as data; nothing is drawn."""
        names = short_names([candidate.params for candidate in data.history.candidates])
        return cls(results(data), list(names.values()), data.metric)

    def _draw(self, ax: Any) -> None:
        matplotlib = extra("matplotlib.collections", "plot", type(self).__name__)
        table = self.table[self.table["status"] == "ok"].sort_values("rank", ascending=False)
        columns = [*self.names, "score"]
        axes = {name: ValueAxis.of(list(table[name])) for name in columns}
        heights = np.array([self._heights(axes[name], table[name]) for name in columns]).T
        n, places = len(table), np.arange(len(columns), dtype=float)
        share = np.linspace(0.0, 1.0, n) if n > 1 else np.ones(n)
        n_front = min(_MOST_IN_FRONT, max(1, round(_SHARE_IN_FRONT * n)))
        front = np.arange(n) >= n - n_front
        lines = [np.column_stack([places, row]) for row in heights]
        fade = max(0.08, min(0.6, 100 / max(1, n)))
        alphas = np.where(front, 0.95, fade)
        colors = shades(ax, share)
        colors[:, 3] = alphas
        widths = np.where(front, 1.8, 0.7)
        ax.add_collection(matplotlib.LineCollection(lines, colors=colors, linewidths=widths))
        for place, name in enumerate(columns):
            _draw_axis(ax, place, axes[name])
        ax.set_xticks(places, [*self.names, label_of(self.metric)])
        ax.set_xlim(-0.35, len(columns) - 0.4)
        ax.set_ylim(-0.08, 1.08)
        ax.set_yticks([])
        for side in ("left", "right", "top", "bottom"):
            ax.spines[side].set_visible(False)

    def _heights(self, axis: ValueAxis, values: Any) -> Any:
        shares = axis.shares(list(values))
        if len(axis.words) > 1:
            # Lines through the same word would hide each other.
            shares = shares + 0.3 / (len(axis.words) - 1) * (spread(len(shares)) - 0.5)
        return shares


def _draw_axis(ax: Any, place: float, axis: ValueAxis) -> None:
    ax.axvline(place, color="0.4", lw=0.8, zorder=0)
    ticks = [(axis.low, f"{axis.low:.3g}"), (axis.high, f"{axis.high:.3g}")]
    if axis.words:
        ticks = [(float(k), name) for k, name in enumerate(axis.words)]
        ticks = ticks if len(ticks) <= _MOST_WORDS else [ticks[0], ticks[-1]]
        heights = [k / max(1, len(axis.words) - 1) for k, _ in ticks]
    else:
        heights = [0.0, 1.0] if axis.high > axis.low else [0.5, 0.5]
    box = {"facecolor": ax.get_facecolor(), "alpha": 0.75, "lw": 0, "pad": 0.8}
    for height, (_, text) in zip(heights, ticks, strict=True):
        ax.text(place + 0.03, height, text, fontsize="small", va="center", bbox=box, zorder=4)
