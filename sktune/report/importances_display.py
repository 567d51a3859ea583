"""Which hyperparameters mattered, as bars with their range."""

from typing import Any

import numpy as np

from sktune.report.data import SearchData
from sktune.report.display import Display, shades
from sktune.report.importances import importances


class ImportancesDisplay(Display):
    """The importance of each hyperparameter at each resource, with the middle 80 % of its samples.

    Those that matter most at the lowest resource, where most candidates were seen, are on top.

    Parameters
    ----------
    table : pandas.DataFrame
        What :func:`sktune.importances` returns.
    resource : str, default="epochs"
        Name of the resource.

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
    >>> from sktune import ImportancesDisplay, MLPClassifier, SuccessiveHalvingSearchCV
    >>> space = {"lr": [1e-5, 1e-4, 1e-3, 1e-2], "dropout": [0.0, 0.1, 0.2]}
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), space, sampler="grid", max_resources=3, cv=3, random_state=0)
    >>> display = ImportancesDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
    >>> list(display.table["hyperparameter"])
    ['lr', 'dropout']
    """

    def __init__(self, table: Any, resource: str = "epochs") -> None:
        self.table, self.resource = table, resource

    @classmethod
    def of(cls, data: SearchData) -> "ImportancesDisplay":
        """Return the display of a search as data; nothing is drawn."""
        return cls(importances(data), data.resource)

    def _draw(self, ax: Any) -> None:
        names = list(dict.fromkeys(self.table["hyperparameter"]))
        levels = sorted(set(self.table["n_resources"]))
        height = 0.8 / max(1, len(levels))
        colors = shades(ax, np.linspace(0.1, 0.95, len(levels)))
        for place, (level, color) in enumerate(zip(levels, colors, strict=True)):
            rows = self.table[self.table["n_resources"] == level]
            middle = rows["importance"]
            ends = [(middle - rows["low"]).clip(lower=0), (rows["high"] - middle).clip(lower=0)]
            off = (place - (len(levels) - 1) / 2) * height
            at = [names.index(name) + off for name in rows["hyperparameter"]]
            look = {"color": color, "ecolor": "0.5", "capsize": 2, "label": f"{level}"}
            ax.barh(at, middle, height=0.9 * height, xerr=ends, **look)
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.set_xlim(0, 1)
        ax.set_xlabel("importance")
        if levels:
            ax.legend(title=self.resource, loc="lower right", fontsize="small")
