"""The rungs as a funnel: how many candidates came to each, and how they scored."""

from typing import Any

from sktune.report.data import SearchData
from sktune.report.display import FAILED, Display, show_scores, spread, strong, weak
from sktune.report.tables import curves, rungs


class RungsDisplay(Display):
    """The scores of the candidates at each rung, as wide as the rung has candidates.

    Those that went on are dark, those that stopped there light.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each rung: ``bracket``, ``rung``, ``n_resources``, ``n_candidates``,
        ``n_reached``, ``n_failed``.
    scores : pandas.DataFrame
        A row for each candidate and rung: ``bracket``, ``rung``, ``score``, ``last_rung``.
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
    >>> from sktune import MLPClassifier, RungsDisplay, SuccessiveHalvingSearchCV
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3)
    >>> display = RungsDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
    >>> display.table["n_reached"].tolist()
    [3, 1]
    """

    def __init__(
        self, table: Any, scores: Any, resource: str = "epochs", metric: str = "score"
    ) -> None:
        self.table, self.scores = table, scores
        self.resource, self.metric = resource, metric

    @classmethod
    def of(cls, data: SearchData) -> "RungsDisplay":
        """Return the display of a search as data; nothing is drawn."""
        return cls(rungs(data), curves(data), data.resource, data.metric)

    def _draw(self, ax: Any) -> None:
        most = max(self.table["n_reached"].max(), 1)
        for x, row in enumerate(self.table.itertuples()):
            here = self.scores[
                (self.scores["bracket"] == row.bracket) & (self.scores["rung"] == row.rung)
            ]
            self._draw_rung(ax, x, here, 0.4 * row.n_reached / most)
        ax.set_xticks(range(len(self.table)), [_label(row) for row in self.table.itertuples()])
        ax.set_xlabel(f"{self.resource}, and candidates that came so far")
        self._name_brackets(ax)
        ax.set_xlim(-0.6, len(self.table) - 0.4)
        for x, row in enumerate(self.table.itertuples()):
            if row.n_failed:
                text = {"ha": "center", "va": "bottom", "fontsize": "small", "color": FAILED}
                where = {"transform": ax.get_xaxis_transform()}
                ax.text(x, 0.01, f"{row.n_failed} failed", **text, **where)
        ax.scatter([], [], s=18, color=strong(ax), label="went on, or reached the top")
        ax.scatter([], [], s=18, color=weak(ax), label="stopped here")
        ax.legend(loc="lower right", fontsize="small")
        show_scores(ax, self.scores["score"], self.metric)

    def _draw_rung(self, ax: Any, x: float, here: Any, width: float) -> None:
        top = self.table.groupby("bracket")["rung"].max()
        goes_on = (here["last_rung"] > here["rung"]) | (here["rung"] == here["bracket"].map(top))
        places = x + width * (2 * spread(len(here)) - 1)
        size = 18 if len(here) <= 300 else 5
        for chosen, color, order in ((~goes_on, weak(ax), 1), (goes_on, strong(ax), 2)):
            mask = chosen.to_numpy()
            ax.scatter(places[mask], here["score"][mask], s=size, color=color, lw=0, zorder=order)

    def _name_brackets(self, ax: Any) -> None:
        if self.table["bracket"].nunique() == 1:
            return
        for number, (bracket, rows) in enumerate(self.table.groupby("bracket").indices.items()):
            text = str(bracket) if number else f"bracket {bracket}"
            where = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "bottom"}
            ax.text(rows.mean(), 1.01, text, fontsize="small", **where)
            if number:
                ax.axvline(rows[0] - 0.5, color="0.85", lw=0.8, zorder=0)


def _label(row: Any) -> str:
    is_full = row.n_candidates in (None, row.n_reached) or row.n_candidates != row.n_candidates
    planned = "" if is_full else f" of {int(row.n_candidates)}"
    return f"{row.n_resources}\n{row.n_reached}{planned}"
