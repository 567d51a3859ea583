"""The history as scikit-learn tells it: ``cv_results_``, one row per candidate and rung."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sktune.candidates import History, Params, Report, RungKey
from sktune.schedules import in_order

Array = npt.NDArray[Any]


class Row(NamedTuple):
    """A candidate at a rung, with its reports in the order of the folds."""

    bracket: int
    rung: int
    candidate_id: int
    reports: Sequence[Report]

    @property
    def place(self) -> RungKey:
        """The candidate and the rung."""
        return RungKey(self.candidate_id, self.bracket, self.rung)

    @property
    def n_resources(self) -> int:
        """The resource of the rung."""
        return self.reports[0].n_resources

    @property
    def status(self) -> str:
        """That of the first run that is not "ok"."""
        return next((report.status for report in self.reports if report.status != "ok"), "ok")

    def unscored(self) -> "Row":
        """Return the same row without scores."""
        return self._replace(
            reports=[report._replace(scores={}, train_scores={}) for report in self.reports]
        )


def rows(history: History) -> list[Row]:
    """Return the rows of ``cv_results_``: by bracket, rung and candidate."""
    return [
        Row(bracket, rung, c, [report for _, report in sorted(folds.items())])
        for bracket, rung in history.rungs()
        for c in history.reached(bracket, rung)
        for folds in [history.folds(c, bracket, rung)]
    ]


def eligible_results(history: History, error_score: float, rank_by: str) -> dict[str, Any]:
    """Return ``cv_results_`` for whoever chooses by the scores.

    A candidate that failed has ``error_score`` in all its rows, also at the rungs that it had
    reached before.
    """
    table = [r.unscored() if history.has_failed(r.candidate_id) else r for r in rows(history)]
    return _columns(history, table, error_score, rank_by)


def cv_results(history: History, error_score: float, rank_by: str) -> dict[str, Any]:
    """Return scikit-learn's columns, and bracket, rung, candidate_id, status, error and more.

    ``rank_test_*`` counts the rows of higher rungs first and compares scores within a rung
    only, so that rank 1 is the winner of the last rung. A failed run has ``error_score``, and its
    candidate the last rank in all its rows.
    """
    return _columns(history, rows(history), error_score, rank_by)


def _columns(
    history: History, table: Sequence[Row], error_score: float, rank_by: str
) -> dict[str, Any]:
    params = [history.candidates[row.candidate_id].params for row in table]
    results: dict[str, Any] = {
        "iter": np.array([row.rung for row in table]),
        "n_resources": np.array([row.n_resources for row in table]),
        "candidate_id": np.array([row.candidate_id for row in table]),
        "bracket": np.array([row.bracket for row in table]),
        "rung": np.array([row.rung for row in table]),
        "status": np.array([row.status for row in table]),
        "error": np.array([_errors(row) for row in table], dtype=object),
        **_times(table),
        "n_parameters": np.array([max(r.n_parameters for r in row.reports) for row in table]),
        **_param_columns(params),
        "params": [dict(setting) for setting in params],
    }
    for name in _metrics(history, lambda report: report.scores) or [rank_by]:
        scores = _matrix(table, _getter("scores", name, error_score))
        results |= _score_columns(f"test_{name}", scores)
        results[f"rank_test_{name}"] = _ranks(history, table, scores)
    results[f"rank_test_{rank_by}"] = _ranks_by_standing(history, table)
    for name in _metrics(history, lambda report: report.train_scores):
        scores = _matrix(table, _getter("train_scores", name, error_score))
        results |= _score_columns(f"train_{name}", scores)
    return results


def _metrics(history: History, scores: Callable[[Report], Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for report in history for name in scores(report)))


def _getter(attribute: str, name: str, missing: float) -> Callable[[Report], float]:
    return lambda report: getattr(report, attribute).get(name, missing)


def _matrix(table: Sequence[Row], value: Callable[[Report], float]) -> Array:
    """Return a value of each row on each fold; folds that a rung does not have are masked."""
    n_folds = max(len(row.reports) for row in table)
    found: Array = np.ma.masked_all((len(table), n_folds), dtype=float)
    for place, row in enumerate(table):
        for report in row.reports:
            found[place, report.fold] = value(report)
    return found


def _score_columns(name: str, scores: Array) -> dict[str, Array]:
    columns = {f"split{fold}_{name}": c.filled(np.nan) for fold, c in enumerate(scores.T)}
    return columns | _summary(name, scores)


def _summary(name: str, values: Array) -> dict[str, Array]:
    return {
        f"mean_{name}": values.mean(axis=1).filled(np.nan),
        f"std_{name}": values.std(axis=1).filled(np.nan),
    }


def _times(table: Sequence[Row]) -> dict[str, Array]:
    fit = _matrix(table, lambda report: report.fit_time)
    score = _matrix(table, lambda report: report.score_time)
    return _summary("fit_time", fit) | _summary("score_time", score)


def _errors(row: Row) -> str:
    return "; ".join(dict.fromkeys(report.error for report in row.reports if report.error))


def _param_columns(params: Sequence[Params]) -> dict[str, Array]:
    values: dict[str, dict[int, Any]] = defaultdict(dict)
    for index, setting in enumerate(params):
        for name, value in setting.items():
            values[name][index] = value
    return {f"param_{name}": _masked(found, len(params)) for name, found in sorted(values.items())}


def _masked(found: Mapping[int, Any], length: int) -> Array:
    kinds = {type(value) for value in found.values()}
    plain = len(kinds) == 1 and issubclass(next(iter(kinds)), (bool, int, float, np.number))
    dtype = np.array(list(found.values())).dtype if plain else object
    column = np.ma.MaskedArray(np.empty(length, dtype=dtype), mask=True)
    for index, value in found.items():
        column[index] = value
    return column


def _ranks(history: History, table: Sequence[Row], scores: Array) -> Array:
    """Rank another metric: by resource, then by mean score, ties sharing the lower rank."""
    means = scores.mean(axis=1).filled(np.nan)
    keys = [
        (math.inf, math.inf) if history.has_failed(row.candidate_id) else (-row.n_resources, -mean)
        for row, mean in zip(table, means, strict=True)
    ]
    place = {key: place for place, key in reversed(list(enumerate(sorted(keys), start=1)))}
    return np.array([place[key] for key in keys], dtype=np.int32)


def _ranks_by_standing(history: History, table: Sequence[Row]) -> Array:
    """Rank the metric that promotes: ties go to the lower cost, failures come last."""
    places = {place: number for number, place in enumerate(in_order(history), start=1)}
    last = len(places) + 1
    return np.array([places.get(row.place, last) for row in table], dtype=np.int32)
