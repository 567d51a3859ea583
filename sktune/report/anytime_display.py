"""The best score so far against time or training, of one search or of several."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from sktune.report.data import SearchData, Source
from sktune.report.display import COLORS, Display, label_of
from sktune.report.tables import progress

_STYLES = ("-", "--", ":", "-.")
Against = Literal["seconds", "trained"]


class AnytimeDisplay(Display):
    """The best score so far, as a step for each time that it rose.

    The score is the mean over folds, of any candidate at any rung.

    Parameters
    ----------
    tables : sequence of (str, pandas.DataFrame)
        Of each search its name, and a row for each time that the score rose: ``seconds``,
        ``trained``, ``score``.
    against : {"seconds", "trained"}, default="seconds"
        Seconds since the search began, without pauses between its sessions; or the resource that
        was trained in all, over all runs.
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
    >>> from sktune import AnytimeDisplay, MLPClassifier, SuccessiveHalvingSearchCV
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3)
    >>> search = search.fit(*load_iris(return_X_y=True))
    >>> display = AnytimeDisplay.from_searches([search, search], against="trained")
    >>> len(display.tables)
    2
    """

    def __init__(
        self,
        tables: Sequence[tuple[str, Any]],
        against: Against = "seconds",
        resource: str = "epochs",
        metric: str = "score",
    ) -> None:
        self.tables, self.against = tables, against
        self.resource, self.metric = resource, metric

    @classmethod
    def of(cls, data: SearchData) -> Self:
        """Return the display of a search as data; nothing is drawn."""
        return cls([(data.name, progress(data))], "seconds", data.resource, data.metric)

    @classmethod
    def from_searches(
        cls,
        sources: Sequence[Source],
        *,
        names: Sequence[str] | None = None,
        against: Against = "seconds",
        ax: Any = None,
    ) -> Self:
        """Draw several searches.

        Parameters
        ----------
        sources : sequence of fitted searches or paths
            Searches, and storage directories.
        names : sequence of str, default=None
            What they are called; None is the names of their classes or directories.
        against : {"seconds", "trained"}, default="seconds"
            Seconds, or the resource that was trained.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : AnytimeDisplay
            With ``figure_`` and ``ax_``.
        """
        found = [SearchData.of(source) for source in sources]
        called = [data.name for data in found] if names is None else names
        tables = [(name, progress(data)) for name, data in zip(called, found, strict=True)]
        return cls(tables, against, found[0].resource, found[0].metric).plot(ax=ax)

    def _draw(self, ax: Any) -> None:
        end = max((table[self.against].max() for _, table in self.tables if len(table)), default=1)
        for number, (name, table) in enumerate(self.tables):
            x, y = list(table[self.against]), list(table["score"])
            if not x:
                continue
            line = {"color": COLORS[number % len(COLORS)], "ls": _STYLES[number % len(_STYLES)]}
            ax.step([*x, end], [*y, y[-1]], where="post", label=name, lw=2, **line)
        ax.set_xlabel("seconds" if self.against == "seconds" else f"{self.resource} in all runs")
        ax.set_ylabel(f"best {label_of(self.metric)} so far")
        if len(self.tables) > 1:
            ax.legend(loc="lower right", fontsize="small")
