"""How a search stands while it runs: the rungs, the best so far, and about how long still."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sktune.report.data import SearchData
from sktune.report.tables import rung_rows
from sktune.schedules import best

_MINUTE, _HOUR = 60, 3600


def seconds_left(data: SearchData) -> float | None:
    """Return about how many seconds the search still takes, at the speed that it had so far.

    None if nothing was reported, or the plan does not say how many candidates there will be. The
    refit is not counted.
    """
    history = data.history
    elapsed = max((report.end_time for report in history), default=0.0)
    planned = _planned(data)
    if not elapsed or planned is None:
        return None
    done: dict[tuple[int, int], int] = {}
    for report in history:
        done[report.run] = max(report.n_resources, done.get(report.run, 0))
    trained = sum(done.values())
    return max(0.0, planned - trained) * elapsed / trained


def _planned(data: SearchData) -> float | None:
    """Return the resources that all runs of the plan are trained in all, None if it is open."""
    if any(row.get("n_candidates") is None for row in data.plan):
        return None
    n_folds = max((report.n_folds for report in data.history), default=1)
    before: dict[int, int] = {}
    total = 0
    for row in data.plan:
        step = row["n_resources"] - before.get(row["bracket"], 0)
        before[row["bracket"]] = row["n_resources"]
        total += row["n_candidates"] * step * row.get("n_folds", n_folds)
    return total


def duration(seconds: float) -> str:
    """Return seconds in words.

    >>> duration(4.2), duration(95), duration(7300)
    ('4 s', '1 min 35 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def rung_table(data: SearchData) -> tuple[list[str], list[list[str]]]:
    """Return names and rows of what to show of the rungs."""
    several = len({row["bracket"] for row in data.plan}) > 1
    names = [
        *(["bracket"] if several else []),
        "rung",
        data.resource,
        "candidates",
        "failed",
        "best",
    ]
    rows = [
        [
            *([str(row["bracket"])] if several else []),
            *(str(row["rung"]), str(row["n_resources"])),
            _of(row["n_reached"], row["n_candidates"]),
            str(row["n_failed"] or ""),
            f"{row['best']:.4f}" if row["best"] == row["best"] else "",
        ]
        for row in rung_rows(data)
    ]
    return names, rows


def _of(n_reached: int, n_planned: int | None) -> str:
    return str(n_reached) if n_planned is None else f"{n_reached} of {n_planned}"


def summary_lines(data: SearchData) -> Iterator[str]:
    """Yield the best so far, and how long it took and may still take."""
    history, place = data.history, best(data.history)
    standing = None if place is None else history.standing(place)
    if place is not None and standing is not None:
        n_resources = history.n_resources(place.bracket, place.rung)
        yield (
            f"best so far: candidate {place.candidate_id}, {standing.score:.4f} at {n_resources} "
            f"{data.resource}"
        )
    yield clock(data)


def clock(data: SearchData) -> str:
    """Return how long the search took so far, and about how long still."""
    elapsed = max((report.end_time for report in data.history), default=0.0)
    left = seconds_left(data)
    more = f", about {duration(left)} left" if left and round(left) else ""
    return f"{duration(elapsed)} so far{more}"


def lines(data: SearchData) -> list[str]:
    """Return all of it as lines of text, for what is no terminal."""
    names, rows = rung_table(data)
    return [*aligned([names, *rows]), *summary_lines(data)]


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows with their columns below each other.

    >>> list(aligned([["a", "bc"], ["100", "2"]]))
    ['  a  bc', '100   2']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def row_of(data: SearchData, bracket: int, rung: int) -> Mapping[str, Any]:
    """Return the row of a rung."""
    return next(r for r in rung_rows(data) if (r["bracket"], r["rung"]) == (bracket, rung))
