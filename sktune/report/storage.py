"""A stored search, told from its journal: as a table, and in words."""

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sktune.exceptions import count_causes
from sktune.journal import Begun, Opened, Recorded, read_journal
from sktune.report.data import SearchData
from sktune.report.tables import runs
from sktune.schedules import best, ranked

_MOST_SHOWN = 10


def read_storage(directory: str | os.PathLike[str]) -> Any:
    """Return what a storage directory holds, also while the search is running.

    Only the journal is read: nothing is unpickled and torch is not imported, so that this is safe
    with anybody's directory.

    Parameters
    ----------
    directory : str or path
        The ``storage`` of a search.

    Returns
    -------
    history : pandas.DataFrame
        A row for each run and rung: the columns of ``history_``, and ``param_*``, in which
        hyperparameters that JSON has no word for are texts.

    Raises
    ------
    StorageError
        If there is no journal, or it is damaged.
    InvalidSettingsError
        If pandas is missing, which ``pip install 'sktune[table]'`` brings.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from sklearn.datasets import load_iris
    >>> from sktune import MLPClassifier, SuccessiveHalvingSearchCV, read_storage
    >>> storage = mkdtemp()
    >>> search = SuccessiveHalvingSearchCV(
    ...     MLPClassifier(), {"width": [8, 16, 32]}, sampler="grid", max_resources=3, cv=3,
    ...     storage=storage).fit(*load_iris(return_X_y=True))
    >>> table = read_storage(storage)
    >>> len(table), sorted(set(table["param_width"]))
    (12, [8, 16, 32])
    """
    return runs(SearchData.of(directory))


def storage_summary(directory: str | os.PathLike[str]) -> str:
    """Return in words how a stored search stands: rungs, survivors, the best, failures, time.

    Raises
    ------
    StorageError
        If there is no journal, or it is damaged.
    """
    found = read_journal(directory)
    return "\n".join([f"{directory}: {found.state}", *_rungs(found), *_best(found), *_end(found)])


def _rungs(found: Recorded) -> Iterator[str]:
    history, unit = found.history, found.header.resource
    several = len({row["bracket"] for row in found.header.plan}) > 1
    for row in found.header.plan:
        bracket, rung = row["bracket"], row["rung"]
        order = ranked(history.standings(bracket, rung))
        name = f"bracket {bracket}, rung {rung}" if several else f"rung {rung}"
        told = f", best score {order[0].score:.4f}" if order else ""
        yield (
            f"{name}: {len(history.reached(bracket, rung)):4d} of {row['n_candidates']} candidates "
            f"at {row['n_resources']:4d} {unit}{told}"
        )


def _best(found: Recorded) -> Iterator[str]:
    history = found.history
    survivors = sorted(_survivors(found))
    if survivors:
        more = len(survivors) - _MOST_SHOWN
        shown = ", ".join(map(str, survivors[:_MOST_SHOWN]))
        yield f"survivors: {shown}{f' and {more} more' if more > 0 else ''}"
    place = best(history)
    if place is None:
        return
    standing = history.standing(place)
    assert standing is not None, "the best has a score"
    yield (
        f"best so far: candidate {place.candidate_id}, score {standing.score:.4f} at "
        f"{history.n_resources(place.bracket, place.rung)} {found.header.resource}"
    )
    for name, value in history.candidates[place.candidate_id].params.items():
        yield f"  {name} {f'{value:.4g}' if isinstance(value, float) else value}"


def _survivors(found: Recorded) -> set[int]:
    """Return the candidates that were trained to the highest rung of their bracket so far.

    Those that failed are left out.
    """
    highest: dict[int, tuple[int, set[int]]] = {}
    for _, event in found.events:
        if isinstance(event, Begun):
            first = event.advances[0]
            rung, candidates = highest.get(first.bracket, (-1, set()))
            if first.rung >= rung:
                here = candidates if first.rung == rung else set()
                mine = {advance.candidate_id for advance in event.advances}
                highest[first.bracket] = first.rung, here | mine
    alive = {c for _, candidates in highest.values() for c in candidates}
    return {c for c in alive if not found.history.has_failed(c)}


def _end(found: Recorded) -> Iterator[str]:
    errors = [report.error for report in found.history if report.error]
    yield f"failures: {len(errors)} of {len(found.history.reports)} runs"
    if errors:
        yield count_causes(errors)
    if found.events:
        n_sessions = sum(isinstance(event, Opened) for _, event in found.events)
        last = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.events[-1][0]))
        sessions = f"{n_sessions} session{'s' if n_sessions > 1 else ''}"
        yield f"time: {_seconds(found):.1f} s in {sessions}, last entry {last}"


def _seconds(found: Recorded) -> float:
    """Return how long the search ran, without the time between its sessions."""
    return sum(
        after - before
        for (before, _), (after, event) in pairwise(found.events)
        if not isinstance(event, Opened)
    )
