"""The history as scikit-learn tells it: ``cv_results_``, one row per candidate and rung."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sktune.candidates import History, Params, Report
from sktune.schedules import ranked

Array = npt.NDArray[Any]


class Row(NamedTuple):
    """A candidate at a rung, with its reports in the order of the folds."""

    bracket: int
    rung: int
    candidate_id: int
    reports: Sequence[Report]


def rows(history: History) -> list[Row]:
    """Return the rows of ``cv_results_``: by bracket, rung and candidate."""
    return [
        Row(bracket, rung, c, [report for _, report in sorted(folds.items())])
        for bracket, rung in history.rungs()
        for c in history.reached(bracket, rung)
        for folds in [history.folds(c, bracket, rung)]
    ]


def cv_results(history: History, error_score: float, rank_by: str) -> dict[str, Any]:
    """Return scikit-learn's columns, and bracket, rung, candidate_id, status and error.

    ``rank_test_*`` counts the rows of higher rungs first and compares scores within a rung
    only, so that rank 1 is the winner of the last rung. A failed run has ``error_score``.
    """
    table = rows(history)
    params = [history.candidates[row.candidate_id].params for row in table]
    results: dict[str, Any] = {
        "iter": np.array([row.rung for row in table]),
        "n_resources": np.array([row.reports[0].n_resources for row in table]),
        "candidate_id": np.array([row.candidate_id for row in table]),
        "bracket": np.array([row.bracket for row in table]),
        "rung": np.array([row.rung for row in table]),
        "status": np.array([_worst_status(row) for row in table]),
        "error": np.array([_errors(row) for row in table], dtype=object),
        **_times(table),
        **_param_columns(params),
        "params": [dict(setting) for setting in params],
    }
    for name in _metrics(history, lambda report: report.scores) or [rank_by]:
        scores = _matrix(table, _getter("scores", name, error_score))
        results |= _score_columns(f"test_{name}", scores)
        results[f"rank_test_{name}"] = _ranks(table, scores)
    results[f"rank_test_{rank_by}"] = _ranks_by_standing(history, table)
    for name in _metrics(history, lambda report: report.train_scores):
        scores = _matrix(table, _getter("train_scores", name, error_score))
        results |= _score_columns(f"train_{name}", scores)
    return results


def records(history: History) -> list[dict[str, Any]]:
    """Return ``history_``: a dict per run and rung, in an order of its own."""
    in_order = sorted(history, key=lambda r: (r.bracket, r.rung, r.candidate_id, r.fold))
    return [_record(report) for report in in_order]


def _record(report: Report) -> dict[str, Any]:
    names = ("candidate_id", "fold", "bracket", "rung", "n_resources")
    last = ("n_parameters", "fit_time", "score_time", "stack_size", "status", "error")
    return {
        **{name: getattr(report, name) for name in names},
        **{f"test_{name}": score for name, score in report.scores.items()},
        **{f"train_{name}": score for name, score in report.train_scores.items()},
        **{name: getattr(report, name) for name in last},
    }


def _metrics(history: History, scores: Callable[[Report], Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for report in history for name in scores(report)))


def _getter(attribute: str, name: str, missing: float) -> Callable[[Report], float]:
    return lambda report: getattr(report, attribute).get(name, missing)


def _matrix(table: Sequence[Row], value: Callable[[Report], float]) -> Array:
    return np.array([[value(report) for report in row.reports] for row in table], dtype=float)


def _score_columns(name: str, scores: Array) -> dict[str, Array]:
    columns = {f"split{fold}_{name}": column for fold, column in enumerate(scores.T)}
    return columns | {f"mean_{name}": scores.mean(axis=1), f"std_{name}": scores.std(axis=1)}


def _times(table: Sequence[Row]) -> dict[str, Array]:
    fit = _matrix(table, lambda report: report.fit_time)
    score = _matrix(table, lambda report: report.score_time)
    return {
        "mean_fit_time": fit.mean(axis=1),
        "std_fit_time": fit.std(axis=1),
        "mean_score_time": score.mean(axis=1),
        "std_score_time": score.std(axis=1),
    }


def _worst_status(row: Row) -> str:
    return next((report.status for report in row.reports if report.status != "ok"), "ok")


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


def _ranks(table: Sequence[Row], scores: Array) -> Array:
    """Rank another metric: by rung, then by mean score, ties sharing the lower rank."""
    is_ok = [_worst_status(row) == "ok" for row in table]
    means = np.where(is_ok, scores.mean(axis=1), -np.inf)
    keys = [(-row.rung, -mean) for row, mean in zip(table, means, strict=True)]
    place = {key: place for place, key in reversed(list(enumerate(sorted(keys), start=1)))}
    return np.array([place[key] for key in keys], dtype=np.int32)


def _ranks_by_standing(history: History, table: Sequence[Row]) -> Array:
    """Rank the metric that promotes: ties go to the lower cost, failures come last."""
    places = {place: number for number, place in enumerate(_standing_order(history), start=1)}
    last = len(places) + 1
    return np.array([places.get(row[:3], last) for row in table], dtype=np.int32)


def _standing_order(history: History) -> Iterator[tuple[int, int, int]]:
    for bracket, rung in sorted(history.rungs(), key=lambda key: (-key[1], key[0])):
        for standing in ranked(history.standings(bracket, rung)):
            yield bracket, rung, standing.candidate_id


def stacking(history: History) -> dict[str, Any]:
    """Return how many runs were trained in stacks, and why the others were not."""
    last = {report.run: report for report in history}
    reasons = Counter(report.solo_reason for report in last.values() if report.solo_reason)
    stacked = [r.stack_size for r in last.values() if r.status == "ok" and not r.solo_reason]
    sizes = [report.stack_size for report in history if report.status == "ok"]
    return {
        "stacked": len(stacked),
        "solo": sum(reasons.values()),
        "mean_size": sum(sizes) / len(sizes) if sizes else 0.0,
        "reasons": dict(reasons.most_common()),
    }
