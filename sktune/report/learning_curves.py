"""The learning curves of all candidates, those that went farthest in front."""

from typing import Any

import numpy as np

from sktune.report.data import SearchData
from sktune.report.display import Display, show_scores, strong, weak
from sktune.report.extras import extra
from sktune.report.tables import curves, reached_top


class LearningCurvesDisplay(Display):
    """Scores against resources: a line for each candidate.

    Those that reached the highest rung are drawn strong, with a band from their lowest to their
    highest fold; the others are thin. Failed candidates end where they had their last score.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each candidate and rung: ``candidate_id``, ``n_resources``, ``score`` (the mean
        over folds), ``lowest``, ``highest``, ``last_rung``.
    resource : str, default="epochs"
        Name of the resource.
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
    >>> from sktune import LearningCurvesDisplay, MLPClassifier, SuccessiveHalvingSearchCV
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3)
    >>> display = LearningCurvesDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
    >>> sorted(set(display.table["n_resources"]))
    [1, 3]
    """

    def __init__(self, table: Any, resource: str = "epochs", metric: str = "score") -> None:
        self.table, self.resource, self.metric = table, resource, metric

    @classmethod
    def of(cls, data: SearchData) -> "LearningCurvesDisplay":
        """Return the display of a search as data; nothing is drawn."""
        return cls(curves(data), data.resource, data.metric)

    def _draw(self, ax: Any) -> None:
        table = self.table.sort_values("n_resources")
        is_last = reached_top(table)
        self._draw_others(ax, table[~is_last])
        self._draw_survivors(ax, table[is_last])
        levels = sorted(set(table["n_resources"]))
        if len(levels) > 1:
            ax.set_xscale("log")
            ax.set_xticks(levels, [str(level) for level in levels])
            ax.minorticks_off()
        ax.set_xlabel(self.resource)
        show_scores(ax, table["score"], self.metric)
        if len(table):
            ax.legend(loc="lower right", fontsize="small")

    def _draw_others(self, ax: Any, table: Any) -> None:
        n = table["candidate_id"].nunique()
        # Hundreds of lines on top of each other are still told apart.
        look = {"color": weak(ax), "alpha": max(0.15, min(1.0, 60 / max(1, n))), "zorder": 1}
        in_order = table.sort_values(["candidate_id", "n_resources"])
        points = in_order[["n_resources", "score"]].to_numpy(dtype=float)
        ends = np.flatnonzero(np.diff(in_order["candidate_id"].to_numpy())) + 1
        lines = np.split(points, ends)
        collections = extra("matplotlib.collections", "plot", type(self).__name__)
        ax.add_collection(collections.LineCollection(lines, linewidths=0.8, **look))
        alone = np.array([line[0] for line in lines if len(line) == 1]).reshape(-1, 2)
        ax.scatter(*alone.T, s=10, lw=0, **look)
        if n:
            ax.plot([], [], color=weak(ax), label=f"{n} stopped earlier")

    def _draw_survivors(self, ax: Any, table: Any) -> None:
        groups = [group for _, group in table.groupby("candidate_id")]
        for group in groups:
            x, n = group["n_resources"], len(groups)
            ax.plot(x, group["score"], "o-", color=strong(ax), lw=2, ms=4, zorder=3)
            if n <= 3:
                band = {"color": strong(ax), "alpha": 0.15, "lw": 0, "zorder": 2}
                ax.fill_between(x, group["lowest"], group["highest"], **band)
        if groups:
            what = "reached the highest rung" + (", band: folds" if len(groups) <= 3 else "")
            ax.plot([], [], "o-", color=strong(ax), ms=4, label=f"{len(groups)} {what}")
