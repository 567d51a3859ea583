"""The candidates of a search as experiment trackers have them: plain settings, values by step."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from sktune.report.axes_of_values import is_number
from sktune.report.data import SearchData
from sktune.report.tables import short_names

State = Literal["complete", "stopped", "running", "failed"]


class Value(NamedTuple):
    """The mean score over folds at a rung, and when it was known, in seconds since the begin."""

    n_resources: int
    score: float
    end_time: float


class Trial(NamedTuple):
    """A candidate.

    Attributes
    ----------
    candidate_id : int
        Its number.
    params : dict
        Its hyperparameters by their short names: numbers, truth values and texts.
    values : list of Value
        Its scores, rung by rung.
    state : {"complete", "stopped", "running", "failed"}
        Whether it reached the highest rung, was stopped before, may still go on, or failed.
    error : str
        Why it failed.
    """

    candidate_id: int
    params: dict[str, Any]
    values: list[Value]
    state: State
    error: str


def trials(data: SearchData) -> Iterator[Trial]:
    """Yield the candidates of which something is known, in order."""
    history = data.history
    names = short_names([candidate.params for candidate in history.candidates])
    top = max((row["n_resources"] for row in data.plan), default=0)
    values = _values(data)
    errors = {r.candidate_id: r.error for r in reversed(history.reports) if r.status != "ok"}
    for candidate_id in sorted({report.candidate_id for report in history}):
        own = values.get(candidate_id, [])
        params = history.candidates[candidate_id].params
        yield Trial(
            candidate_id,
            {names[name]: _plain(value) for name, value in params.items()},
            own,
            _state(candidate_id in errors, bool(own) and own[-1].n_resources == top, data),
            errors.get(candidate_id, ""),
        )


def _values(data: SearchData) -> dict[int, list[Value]]:
    history, found = data.history, dict[int, list[Value]]()
    for bracket, rung in history.rungs():
        for standing in history.standings(bracket, rung):
            folds = history.folds(standing.candidate_id, bracket, rung).values()
            when = max(report.end_time for report in folds)
            value = Value(history.n_resources(bracket, rung), standing.score, when)
            found.setdefault(standing.candidate_id, []).append(value)
    return found


def _state(has_failed: bool, is_at_top: bool, data: SearchData) -> State:
    if has_failed:
        return "failed"
    if is_at_top:
        return "complete"
    return "running" if data.is_running else "stopped"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str) or is_number(value):
        return value
    return str(value)
