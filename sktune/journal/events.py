"""What a journal tells: the events of a search, as values and as JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sktune.candidates import Advance, Params, Report, Run
from sktune.journal.snapshots import Slice
from sktune.journal.values import decoded, encoded, readable

Json = dict[str, Any]
_NO_SNAPSHOTS: Mapping[Run, Slice] = {}


class Opened(NamedTuple):
    """A process began to search, or went on with it."""

    pid: int
    host: str


class Proposed(NamedTuple):
    """Candidates were given their numbers; ``exhausted`` says that these were the last."""

    bracket: int
    settings: Sequence[Params]
    exhausted: bool = False


class Begun(NamedTuple):
    """Candidates began to be trained up to a rung, together."""

    advances: Sequence[Advance]


class Reached(NamedTuple):
    """Runs that were trained together reported; ``snapshots`` says where theirs are."""

    reports: Sequence[Report]
    snapshots: Mapping[Run, Slice] = _NO_SNAPSHOTS


class Refitted(NamedTuple):
    """The best candidate was trained on all rows."""

    candidate_id: int
    n_resources: int
    snapshot: Slice


class Stopped(NamedTuple):
    """The search ended."""

    reason: str


_NUMBERS, _SCORES = ("score", "fit_time", "score_time", "end_time"), ("scores", "train_scores")
_SHARED = ("bracket", "rung", "n_resources", "n_folds")
Event = Opened | Proposed | Begun | Reached | Refitted | Stopped
_DEFAULTS = Report._field_defaults


def to_json(event: Event) -> Json:
    """Return an event as JSON.

    >>> to_json(Stopped("finished"))
    {'event': 'Stopped', 'reason': 'finished'}
    """
    if isinstance(event, Proposed):
        settings = [{n: encoded(v) for n, v in params.items()} for params in event.settings]
        body = event._asdict() | {"settings": settings}
    elif isinstance(event, Begun):
        first = event.advances[0]
        shared = {name: getattr(first, name) for name in _SHARED}
        body = shared | {"candidates": [a.candidate_id for a in event.advances]}
    elif isinstance(event, Reached):
        body = {"reports": [_report_to_json(r, event.snapshots) for r in event.reports]}
    else:
        body = event._asdict()
    return {"event": type(event).__name__, **body}


def from_json(line: Json, trusted: bool) -> Event:
    """Return the event of a line; only if the storage is trusted are pickles of values loaded."""
    kind = line["event"]
    if kind == "Reached":
        return _reached(line["reports"])
    if kind == "Proposed":
        read = decoded if trusted else readable
        settings = [{n: read(v) for n, v in params.items()} for params in line["settings"]]
        return Proposed(line["bracket"], settings, line["exhausted"])
    if kind == "Begun":
        shared = {name: line[name] for name in _SHARED}
        return Begun([Advance(candidate_id=c, **shared) for c in line["candidates"]])
    if kind == "Refitted":
        return Refitted(line["candidate_id"], line["n_resources"], Slice(*line["snapshot"]))
    if kind == "Opened":
        return Opened(line["pid"], line["host"])
    return Stopped(line["reason"])


def _report_to_json(report: Report, snapshots: Mapping[Run, Slice]) -> Json:
    body = {n: v for n, v in report._asdict().items() if n not in _DEFAULTS or v != _DEFAULTS[n]}
    body |= {n: _number(body[n]) for n in _NUMBERS if n in body}
    body |= {n: {k: _number(v) for k, v in body[n].items()} for n in _SCORES if n in body}
    if report.run in snapshots:
        body["snapshot"] = snapshots[report.run]
    return body


def _number(value: float) -> float | str:
    # JSON has no word for numbers that are not finite.
    return float(value) if math.isfinite(value) else str(float(value))


def _reached(found: Sequence[Json]) -> Reached:
    reports, snapshots = [], {}
    for body in found:
        place = body.pop("snapshot", None)
        report = Report(**_with_numbers(body))
        reports.append(report)
        if place is not None:
            snapshots[report.run] = Slice(*place)
    return Reached(reports, snapshots)


def _with_numbers(body: Json) -> Json:
    """Make numbers of texts, in place: long journals are read often."""
    for name in _NUMBERS:
        if type(body.get(name)) is str:
            body[name] = float(body[name])
    for name in _SCORES:
        scores = body.get(name, {})
        for metric, score in scores.items():
            if type(score) is str:
                scores[metric] = float(score)
    return body
