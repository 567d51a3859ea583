"""What a journal tells: the events of a search, as values and as JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sktune.candidates import Advance, Params, Report, Run
from sktune.journal.values import decoded, encoded, readable

Json = dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """A process began to search, or went on with it."""

    pid: int
    host: str


@dataclass(frozen=True)
class Proposed:
    """Candidates were given their numbers; ``exhausted`` says that these were the last."""

    bracket: int
    settings: Sequence[Params]
    exhausted: bool = False


@dataclass(frozen=True)
class Begun:
    """Candidates began to be trained up to a rung, together."""

    advances: Sequence[Advance]


@dataclass(frozen=True)
class Reached:
    """Runs that were trained together reported; ``checksums`` are those of their snapshots."""

    reports: Sequence[Report]
    checksums: Mapping[Run, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refitted:
    """The best candidate was trained on all rows."""

    candidate_id: int
    n_resources: int
    checksum: str


@dataclass(frozen=True)
class Stopped:
    """The search ended."""

    reason: str


_NUMBERS, _SCORES = ("score", "fit_time", "score_time"), ("scores", "train_scores")
_SHARED = ("bracket", "rung", "n_resources", "n_folds")
Event = Opened | Proposed | Begun | Reached | Refitted | Stopped
# What a report says if nothing else is written.
_DEFAULTS = {
    name: value
    for name, value in vars(Report(0, 0, 0, 0, 0, 0.0)).items()
    if name not in ("candidate_id", "fold", "bracket", "rung", "n_resources", "score")
}


def to_json(event: Event) -> Json:
    """Return an event as JSON.

    >>> to_json(Stopped("finished"))
    {'event': 'Stopped', 'reason': 'finished'}
    """
    if isinstance(event, Proposed):
        settings = [{n: encoded(v) for n, v in params.items()} for params in event.settings]
        body = vars(event) | {"settings": settings}
    elif isinstance(event, Begun):
        first = event.advances[0]
        shared = {name: getattr(first, name) for name in _SHARED}
        body = shared | {"candidates": [a.candidate_id for a in event.advances]}
    elif isinstance(event, Reached):
        body = {"reports": [_report_to_json(r, event.checksums) for r in event.reports]}
    else:
        body = vars(event)
    return {"event": type(event).__name__, **body}


def from_json(line: Json, trusted: bool) -> Event:
    """Return the event of a line; only if the storage is trusted are pickles of values loaded."""
    kind = line["event"]
    if kind == "Proposed":
        read = decoded if trusted else readable
        settings = [{n: read(v) for n, v in params.items()} for params in line["settings"]]
        return Proposed(line["bracket"], settings, line["exhausted"])
    if kind == "Begun":
        shared = {name: line[name] for name in _SHARED}
        return Begun([Advance(candidate_id=c, **shared) for c in line["candidates"]])
    if kind == "Reached":
        return _reached(line["reports"])
    plain: dict[str, type[Opened | Refitted | Stopped]]
    plain = {"Opened": Opened, "Refitted": Refitted, "Stopped": Stopped}
    found = plain[kind]
    return found(**{f.name: line[f.name] for f in fields(found)})


def _report_to_json(report: Report, checksums: Mapping[Run, str]) -> Json:
    body = {n: v for n, v in vars(report).items() if n not in _DEFAULTS or v != _DEFAULTS[n]}
    body |= {n: _number(body[n]) for n in _NUMBERS if n in body}
    body |= {n: {k: _number(v) for k, v in body[n].items()} for n in _SCORES if n in body}
    if report.run in checksums:
        body["snapshot"] = checksums[report.run]
    return body


def _number(value: float) -> float | str:
    # JSON has no word for numbers that are not finite.
    return float(value) if math.isfinite(value) else str(float(value))


def _reached(found: Sequence[Json]) -> Reached:
    reports, checksums = [], {}
    for body in found:
        given = {name: value for name, value in body.items() if name != "snapshot"}
        given |= {n: float(given[n]) for n in _NUMBERS if n in given}
        given |= {n: {k: float(v) for k, v in given[n].items()} for n in _SCORES if n in given}
        report = Report(**given)
        reports.append(report)
        if "snapshot" in body:
            checksums[report.run] = body["snapshot"]
    return Reached(reports, checksums)
