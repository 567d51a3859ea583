"""How far each hyperparameter can move before it costs more than the noise between folds."""

import math
from typing import Any

import numpy as np

from sktune.report.axes_of_values import ValueAxis, word
from sktune.report.data import SearchData, Source
from sktune.report.tables import curves, frame, scores_by_setting

_COLUMNS = (
    *("bracket", "rung", "n_resources", "hyperparameter", "best", "low", "high", "values"),
    *("n_as_good", "n_candidates"),
)


def sensitivity(source: Source) -> Any:
    """Return for each hyperparameter what values were as good as the best.

    At each rung, candidates whose mean score is within one standard error of the best one's are
    taken to be as good (Breiman et al., *Classification and regression trees*, 1984): a wide range
    is a hyperparameter that hardly matters, or few candidates.

    Parameters
    ----------
    source : fitted search or path
        A search, or the directory of its storage.

    Returns
    -------
    table : pandas.DataFrame
        A row for each rung and hyperparameter: its value in the ``best`` candidate, the ``low`` and
        ``high`` ends of those that were as good, if they are numbers, else their ``values``; how
        many candidates say so (``n_as_good``), of how many (``n_candidates``).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktune import MLPClassifier, SuccessiveHalvingSearchCV, sensitivity
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3)
    >>> table = sensitivity(search.fit(*load_iris(return_X_y=True)))
    >>> table[["n_resources", "hyperparameter", "n_candidates"]].values.tolist()
    [[1, 'width', 3], [3, 'width', 1]]
    """
    data = SearchData.of(source)
    settings, names = scores_by_setting(data)
    spread = curves(data)
    if not len(spread):
        return frame([], _COLUMNS)
    keys = ["bracket", "rung", "candidate_id"]
    table = settings.merge(spread[[*keys, "std"]], on=keys)
    found = []
    for (bracket, rung), here in table.groupby(["bracket", "rung"]):
        leader = here.loc[here["score"].idxmax()]
        n_folds = data.history.folds(leader["candidate_id"], bracket, rung)
        margin = leader["std"] / math.sqrt(max(1, len(n_folds) - 1))
        good = here[here["score"] >= leader["score"] - margin]
        for name in names:
            found.append(
                {
                    "bracket": bracket,
                    "rung": rung,
                    "n_resources": leader["n_resources"],
                    "hyperparameter": name,
                    "best": leader[name],
                    **_range(list(good[name])),
                    "n_as_good": len(good),
                    "n_candidates": len(here),
                }
            )
    return frame(found, _COLUMNS)


def _range(values: list[Any]) -> dict[str, Any]:
    axis = ValueAxis.of(values)
    if axis.words or not axis.numbers:
        return {"low": np.nan, "high": np.nan, "values": ", ".join(map(word, axis.words))}
    return {"low": axis.low, "high": axis.high, "values": ""}
