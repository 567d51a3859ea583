"""The journal of a directory read and replayed; from outside too, while the search is running."""

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sktune.candidates import History
from sktune.exceptions import StorageError
from sktune.journal.events import Begun, Event, Opened, Proposed, Reached, Stopped, from_json
from sktune.journal.file import Contents, Line, read
from sktune.journal.header import Header
from sktune.processes import answers

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Recorded:
    """What a journal says.

    Attributes
    ----------
    header : Header
        Whose search it is.
    history : History
        All that was proposed, begun and measured; hyperparameters that JSON has no word for are
        texts.
    events : list of (float, Event)
        When what happened, in seconds since 1970.
    """

    header: Header
    history: History
    events: list[tuple[float, Event]]

    @property
    def state(self) -> str:
        """Why the search ended, or who was the last to work on it."""
        state = "not begun"
        for _, event in self.events:
            if isinstance(event, Opened):
                state = _at_work(event)
            elif isinstance(event, Stopped):
                state = event.reason
        return state


def _at_work(opened: Opened) -> str:
    who = f"process {opened.pid} on {opened.host}"
    # Of other machines, and of containers that share a name, nothing more is known.
    if opened.host == socket.gethostname() and not answers(opened.pid):
        return f"interrupted, {who} has ended"
    return f"running or interrupted, {who}"


def read_journal(directory: str | os.PathLike[str]) -> Recorded:
    """Read the journal of a storage directory: no lock, no snapshots, nobody's code.

    Raises
    ------
    StorageError
        If there is none, or it is damaged.
    """
    path = Path(directory)
    if not (path / JOURNAL).exists():
        raise StorageError(
            f"{path} is no storage directory: there is no {JOURNAL} in it. Give the directory that "
            "was the `storage` of a search."
        )
    with _no_collections():
        header, *events = parsed(path, trusted=False).lines
        history = History()
        for _, event in events:
            replay(event, history)
    return Recorded(header, history, events)


def parsed(directory: Path, trusted: bool) -> Contents:
    """Read the journal of a directory as a header and events with their times.

    Pickles of hyperparameters are loaded only if the storage is trusted.
    """
    with _no_collections():
        return read(directory / JOURNAL, partial(_understood, directory, trusted))


def _understood(directory: Path, trusted: bool, line: Line) -> Header | tuple[float, Event]:
    # The first line is the only one without a time.
    if "time" not in line:
        return Header.from_json(line, directory)
    return line["time"], from_json(line, trusted)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for garbage, of which there is none, while much is being read."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def replay(event: Event, history: History) -> None:
    """Add to a history what an event says."""
    if isinstance(event, Proposed):
        for params in event.settings:
            history.propose(params, event.bracket)
        history.exhausted = event.exhausted
    elif isinstance(event, Begun):
        for advance in event.advances:
            history.begin(advance)
    elif isinstance(event, Reached):
        for report in event.reports:
            history.add(report)
