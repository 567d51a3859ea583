"""Results as tables: what pictures are drawn from, and what notebooks show."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sktune.candidates import History, Params, Report, Run, RungKey
from sktune.report.data import SearchData
from sktune.report.extras import extra
from sktune.schedules import in_order

Record = dict[str, Any]
_OWN_COLUMNS = (
    *("rank", "candidate_id", "bracket", "rung", "n_resources", "score", "std", "n_folds"),
    *("n_parameters", "fit_time", "status", "error"),
)


def frame(records: Sequence[Record], columns: Sequence[str] = ()) -> Any:
    """Return records as a pandas.DataFrame, which has the columns also if there are none."""
    pandas = extra("pandas", "table", "A table of results")
    return pandas.DataFrame(records) if records else pandas.DataFrame(columns=list(columns))


def short_names(params: Sequence[Params]) -> dict[str, str]:
    """Return the hyperparameters' names, without their prefixes where these tell nothing apart.

    >>> short_names([{"mlpclassifier__lr": 0.1, "pca__n_components": 2}])
    {'mlpclassifier__lr': 'lr', 'pca__n_components': 'n_components'}
    >>> short_names([{"a__lr": 0.1, "b__lr": 0.2}])
    {'a__lr': 'a__lr', 'b__lr': 'b__lr'}
    """
    names = list(dict.fromkeys(name for setting in params for name in setting))
    last = {name: name.rpartition("__")[2] for name in names}
    counts = Counter([*last.values(), *_OWN_COLUMNS])
    return {name: short if counts[short] == 1 else name for name, short in last.items()}


def runs(data: SearchData) -> Any:
    """Return a row for each run and rung: what ``history_`` has, and ``param_*``."""
    candidates = data.history.candidates
    return frame(
        [
            record | {f"param_{n}": v for n, v in candidates[record["candidate_id"]].params.items()}
            for record in data.history.records()
        ]
    )


def results(data: SearchData) -> Any:
    """Return a row for each candidate, at the last rung that it has reached, the best first.

    Hyperparameters have their short names; ``score`` and ``std`` are over the folds, ``fit_time``
    is the sum over folds and rungs, ``n_resources`` what the candidate was trained with. Those that
    failed come last, with the reason.
    """
    history = data.history
    ranks = _ranks(history)
    names = short_names([candidate.params for candidate in history.candidates])
    seconds, last = _totals(history)
    rows = []
    for candidate_id, place in last.items():
        params = history.candidates[candidate_id].params
        rows.append(
            {
                "rank": ranks.get(candidate_id, len(ranks) + 1),
                "candidate_id": candidate_id,
                **{names[name]: value for name, value in params.items()},
                **_at_rung(history, place),
                "fit_time": seconds[candidate_id],
            }
        )
    rows.sort(key=lambda row: (row["rank"], row["candidate_id"]))
    return frame(rows, [*names.values(), *_OWN_COLUMNS])


def _ranks(history: History) -> dict[int, int]:
    """Return the places of the candidates that have not failed; 1 is the best."""
    order = dict.fromkeys(place.candidate_id for place in in_order(history))
    return {candidate_id: rank for rank, candidate_id in enumerate(order, start=1)}


def _totals(history: History) -> tuple[dict[int, float], dict[int, RungKey]]:
    """Return the seconds that each candidate was trained, and the highest rung it was seen at."""
    seconds: dict[int, float] = {}
    last: dict[int, RungKey] = {}
    for report in history:
        number = report.candidate_id
        seconds[number] = seconds.get(number, 0.0) + report.fit_time
        if number not in last or report.rung > last[number].rung:
            last[number] = report.place
    return seconds, last


def _at_rung(history: History, place: RungKey) -> Record:
    reports = list(history.folds(*place).values())
    failed = next((report for report in reports if report.status != "ok"), reports[0])
    found = {"score": math.nan, "std": math.nan}
    if failed.status == "ok":
        found = _spread(reports)
    return {
        "bracket": place.bracket,
        "rung": place.rung,
        "n_resources": reports[0].n_resources,
        "score": found["score"],
        "std": found["std"],
        "n_folds": len(reports),
        "n_parameters": max(report.n_parameters for report in reports),
        "status": failed.status,
        "error": failed.error,
    }


def _spread(reports: Sequence[Report]) -> dict[str, float]:
    scores = [report.score for report in reports]
    return {
        "score": math.fsum(scores) / len(scores),
        "std": float(np.std(scores)),
        "lowest": min(scores),
        "highest": max(scores),
    }


def curves(data: SearchData) -> Any:
    """Return a row for each candidate and rung that has a score on every fold.

    ``score`` is the mean, ``lowest`` and ``highest`` are of the folds, ``last_rung`` is the highest
    that the candidate has reached.
    """
    history, rows = data.history, list[Record]()
    for bracket, rung in history.rungs():
        for standing in history.standings(bracket, rung):
            folds = history.folds(standing.candidate_id, bracket, rung)
            rows.append(
                {
                    "candidate_id": standing.candidate_id,
                    "bracket": bracket,
                    "rung": rung,
                    "n_resources": history.n_resources(bracket, rung),
                    **_spread(list(folds.values())),
                }
            )
    last: dict[int, int] = {}
    for row in rows:
        last[row["candidate_id"]] = max(row["rung"], last.get(row["candidate_id"], 0))
    return frame([row | {"last_rung": last[row["candidate_id"]]} for row in rows], _CURVE_COLUMNS)


_CURVE_COLUMNS = (
    *("candidate_id", "bracket", "rung", "n_resources"),
    *("score", "std", "lowest", "highest", "last_rung"),
)


def reached_top(table: Any) -> Any:
    """Return of each row of :func:`curves` whether its candidate reached the highest rung.

    That is the highest of its bracket that any candidate has reached.
    """
    return table["last_rung"] == table.groupby("bracket")["last_rung"].transform("max")


def scores_by_setting(data: SearchData) -> tuple[Any, list[str]]:
    """Return a row for each candidate and rung with its settings, and their short names."""
    history = data.history
    names = short_names([candidate.params for candidate in history.candidates])
    rows = []
    for bracket, rung in history.rungs():
        n_resources = history.n_resources(bracket, rung)
        for candidate_id in history.reached(bracket, rung):
            standing = history.standing(RungKey(candidate_id, bracket, rung))
            params = history.candidates[candidate_id].params
            rows.append(
                {
                    **dict.fromkeys(names.values()),
                    **{names[name]: value for name, value in params.items()},
                    "candidate_id": candidate_id,
                    "bracket": bracket,
                    "rung": rung,
                    "n_resources": n_resources,
                    "score": math.nan if standing is None else standing.score,
                    "status": "failed" if standing is None else "ok",
                }
            )
    own = ("candidate_id", "bracket", "rung", "n_resources", "score", "status")
    return frame(rows, [*names.values(), *own]), list(names.values())


def rungs(data: SearchData) -> Any:
    """Return a row for each planned rung: how many came there, and how they scored.

    ``n_candidates`` is the plan's, ``n_reached`` those with reports on all folds, ``n_failed``
    those of them that failed there; ``best``, ``median`` and ``worst`` are of the others.
    """
    return frame(rung_rows(data))


def rung_rows(data: SearchData) -> list[Record]:
    """Return the rows of :func:`rungs`."""
    return [dict(_rung(data.history, row)) for row in data.plan]


def _rung(history: History, planned: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    key = planned["bracket"], planned["rung"]
    scores = [standing.score for standing in history.standings(*key)]
    reached = history.reached(*key)
    yield from zip(("bracket", "rung"), key, strict=True)
    yield "n_resources", planned["n_resources"]
    yield "n_candidates", planned.get("n_candidates")
    yield "n_reached", len(reached)
    yield "n_failed", len(reached) - len(scores)
    yield "best", max(scores, default=math.nan)
    yield "median", float(np.median(scores)) if scores else math.nan
    yield "worst", min(scores, default=math.nan)


def progress(data: SearchData) -> Any:
    """Return a row whenever the best score so far rose: after how long, and how much training.

    ``seconds`` counts from when the search began, without pauses between its sessions, ``trained``
    sums the resource over all runs, and ``score`` is the best mean over folds of all candidates
    that had one, at any rung.
    """
    best, trained, rows = -math.inf, 0, list[Record]()
    done: dict[Run, int] = {}
    complete: set[RungKey] = set()
    counts: Counter[RungKey] = Counter()
    for report in data.history:
        run, place = report.run, report.place
        trained += max(0, report.n_resources - done.get(run, 0))
        done[run] = max(report.n_resources, done.get(run, 0))
        counts[place] += 1
        if counts[place] < report.n_folds or place in complete:
            continue
        complete.add(place)
        standing = data.history.standing(place)
        if standing is not None and standing.score > best:
            best = standing.score
            rows.append(
                {
                    "seconds": report.end_time,
                    "trained": trained,
                    "score": best,
                    "candidate_id": place.candidate_id,
                    "n_resources": report.n_resources,
                }
            )
    return frame(rows, ("seconds", "trained", "score", "candidate_id", "n_resources"))


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
