"""Scores against each hyperparameter."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sktune.exceptions import InvalidSettingsError
from sktune.report.axes_of_values import ValueAxis
from sktune.report.data import SearchData
from sktune.report.display import FAILED, Display, new_figure, shades, show_scores, spread
from sktune.report.tables import scores_by_setting

_MOST_IN_A_ROW, _MOST_WORDS, _MOST_NUMBERS = 3, 12, 6


class HyperparametersDisplay(Display):
    """Scores against each hyperparameter: a dot for each candidate at each rung.

    The resource is the colour, the more the stronger. Numbers that were drawn over orders of
    magnitude have a logarithmic axis; words stand beside each other. Candidates that failed are
    crosses at the bottom.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each candidate and rung: ``score``, ``n_resources``, ``status``, and a column for
        each of the names.
    names : sequence of str
        The hyperparameters.
    resource : str, default="epochs"
        Name of the resource.
    metric : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (n_hyperparameters,)
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of the axes.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from sktune import HyperparametersDisplay, MLPClassifier, SuccessiveHalvingSearchCV
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3)
    >>> display = HyperparametersDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
    >>> display.names
    ['width']
    """

    def __init__(
        self, table: Any, names: Sequence[str], resource: str = "epochs", metric: str = "score"
    ) -> None:
        self.table, self.names = table, names
        self.resource, self.metric = resource, metric

    @classmethod
    def of(cls, data: SearchData) -> "HyperparametersDisplay":
        """Return the display of a search as data; nothing is drawn."""
        return cls(*scores_by_setting(data), data.resource, data.metric)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, default=None
            One for each hyperparameter; None makes a figure.

        Returns
        -------
        display : HyperparametersDisplay
            With ``figure_`` and ``ax_``.

        Raises
        ------
        InvalidSettingsError
            If there are fewer axes than hyperparameters.
        """
        axes = self._new_axes() if ax is None else np.atleast_1d(ax).ravel()
        if len(axes) < len(self.names):
            raise InvalidSettingsError(
                f"`ax` has {len(axes)} axes, and there are {len(self.names)} hyperparameters, "
                f"{', '.join(self.names)}: give one for each, or None."
            )
        for place, (name, own) in enumerate(zip(self.names, axes, strict=False)):
            self._draw_one(own, name, is_first=place % _MOST_IN_A_ROW == 0)
        self.ax_ = axes
        if len(axes):
            self.figure_ = axes[0].figure
            self._name_colors(self.figure_)
        return self

    def _new_axes(self) -> Any:
        n_columns = max(1, min(_MOST_IN_A_ROW, len(self.names)))
        n_rows = max(1, math.ceil(len(self.names) / n_columns))
        figure = new_figure(type(self).__name__, (3.4 * n_columns + 0.6, 2.7 * n_rows))
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for unused in axes[len(self.names) :]:
            unused.set_axis_off()
        return axes[: len(self.names)]

    def _draw_one(self, ax: Any, name: str, is_first: bool) -> None:
        axis, values = ValueAxis.of(list(self.table[name])), list(self.table[name])
        ok = (self.table["status"] == "ok").to_numpy()
        places, scores = axis.places(values), self.table["score"].to_numpy(dtype=float)
        if axis.words:
            places = places + 0.5 * (spread(len(places)) - 0.5)
        size = 16 if len(places) <= 600 else 5
        for order, (level, color) in enumerate(self._colors(ax).items(), start=2):
            here = ok & (self.table["n_resources"] == level).to_numpy()
            ax.scatter(places[here], scores[here], s=size, color=color, lw=0, zorder=order)
        cross = {"marker": "x", "s": 20, "color": FAILED, "lw": 1, "clip_on": False}
        bottom = np.full((~ok).sum(), 0.03)
        ax.scatter(places[~ok], bottom, transform=ax.get_xaxis_transform(), **cross)
        show_scores(ax, scores, self.metric)
        if not is_first:
            ax.set_ylabel("")
        show_values(ax, axis)
        ax.set_xlabel(name)

    def _colors(self, ax: Any) -> dict[int, Any]:
        """Return a color for each resource, the more the stronger."""
        levels = sorted(set(self.table["n_resources"]))
        return dict(zip(levels, shades(ax, np.linspace(0.0, 1.0, len(levels))), strict=True))

    def _name_colors(self, figure: Any) -> None:
        first = self.ax_[0]
        for level, color in self._colors(first).items():
            first.scatter([], [], s=16, color=color, label=f"{level}")
        if (self.table["status"] != "ok").any():
            first.scatter([], [], marker="x", s=20, color=FAILED, lw=1, label="failed")
        handles, labels = first.get_legend_handles_labels()
        place = {"loc": "outside lower center", "ncols": 9, "fontsize": "small"}
        figure.legend(handles, labels, title=self.resource, **place)


def show_values(ax: Any, axis: ValueAxis) -> None:
    """Have the x axis show the values of a hyperparameter."""
    if axis.words:
        turned = {"rotation": 30, "ha": "right"} if len("".join(axis.words)) > 24 else {}
        shown = axis.words if len(axis.words) <= _MOST_WORDS else [""] * len(axis.words)
        ax.set_xticks(range(len(axis.words)), shown, **turned)
        ax.set_xlim(-0.6, len(axis.words) - 0.4)
        return
    low, high = axis.low, axis.high
    if axis.is_log:
        ax.set_xscale("log")
        margin = (high / low) ** 0.05
        ax.set_xlim(low / margin, high * margin)
    elif high > low:
        ax.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    if len(axis.numbers) <= _MOST_NUMBERS:
        ax.set_xticks(axis.numbers, [f"{number:g}" for number in axis.numbers])
        ax.minorticks_off()
