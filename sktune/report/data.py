"""A search as data, wherever it is: fitted in this process, or in a storage directory."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sktune.candidates import History
from sktune.exceptions import InvalidSettingsError
from sktune.journal import read_journal

Source = Any
"""A fitted search, the path of a storage directory, or what was read of either."""


@dataclass(frozen=True)
class SearchData:
    """What a search has tried and measured, finished or not.

    Attributes
    ----------
    name : str
        What the search is called where there are several.
    history : History
        All that was proposed and measured.
    plan : sequence of mappings
        The rungs, as they were planned.
    resource : str
        Name of the resource.
    metric : str
        Name of the score that candidates are ranked by.
    state : str
        "finished", or why it ended, or that it runs.
    began : float
        When it began, in seconds since 1970.
    given : mapping of mappings
        What the search was given, as texts: "data", "space", "cv", "estimator", "settings" and
        "versions", each by name.
    """

    name: str
    history: History
    plan: Sequence[Mapping[str, Any]]
    resource: str
    metric: str
    state: str = ""
    began: float = 0.0
    given: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether the search may still go on, as far as its storage tells."""
        return self.state.startswith(("running", "not begun"))

    @classmethod
    def of(cls, source: Source) -> "SearchData":
        """Return the data of a fitted search, or of a storage, also while its search is running.

        Of a storage only the journal is read: no code from it is run.

        Raises
        ------
        InvalidSettingsError
            If the search is not fitted.
        StorageError
            If the path is no storage directory, or it is damaged.
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, str | os.PathLike):
            found = read_journal(source)
            header, history = found.header, found.history
            name, metric = Path(source).name, _metric(history)
            given = {
                group: {name: mark.shown for name, mark in marks.items()}
                for group, marks in header.identity.items()
            }
            began = found.events[0][0] if found.events else 0.0
            facts = header.plan, header.resource, metric, found.state, began, given
            return cls(name, history, *facts)
        data = vars(source).get("_found")
        if not isinstance(data, cls):
            raise InvalidSettingsError(
                f"This {type(source).__name__} has no results yet: call fit(X, y) first, or give "
                "the directory that is its `storage`."
            )
        return data


def _metric(history: History) -> str:
    """Return the name of the score that is always the one ranked by."""
    reports = [report for report in history if report.status == "ok"]
    names = list(reports[0].scores) if reports else []
    ranked = [n for n in names if all(report.scores[n] == report.score for report in reports)]
    return (ranked or names or ["score"])[0]
