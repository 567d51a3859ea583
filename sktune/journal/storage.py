"""A search on disk: the journal, the snapshots, and the lock that keeps others away."""

import os
import socket
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from sktune.candidates import Report, Run
from sktune.exceptions import DamagedSnapshotWarning, StorageError
from sktune.journal.events import Event, Opened, Reached, Refitted, to_json
from sktune.journal.file import JournalFile, explained
from sktune.journal.generations import Generations
from sktune.journal.header import Header
from sktune.journal.lock import Lock
from sktune.journal.reading import JOURNAL, parsed
from sktune.journal.snapshots import Slice, SnapshotFolder, name_of

_LOCK, _SNAPSHOTS, _REFIT = "lock", "snapshots", "refit"
_OURS = {JOURNAL, f".{JOURNAL}.new", _LOCK, _SNAPSHOTS}


class Kept(NamedTuple):
    """A run between two rungs: how far it is, and what it needs to go on."""

    n_resources: int
    snapshot: bytes


class Storage:
    """A storage directory that is this process's until it is closed.

    Parameters
    ----------
    directory : str or path
        Where the search is kept; made if it is missing.
    header : Header
        Whose search it is.

    Attributes
    ----------
    past : list of Event
        What happened before, in other processes; taken from the journal.
    seed : int
        The root of the search's random draws.

    Raises
    ------
    StorageError
        If the directory is in use, damaged, of another search, or cannot be written.
    """

    def __init__(self, directory: str | os.PathLike[str], header: Header) -> None:
        self._path = Path(directory)
        with explained(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
            _refuse_strangers(self._path)
            self._lock = Lock(self._path / _LOCK)
        try:
            self._open(header)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, header: Header) -> None:
        path = self._path / JOURNAL
        self.past: list[Event] = []
        self.seed = header.seed
        if path.exists():
            contents = parsed(self._path, trusted=True)
            first, *timed = contents.lines
            first.check(header, self._path)
            self.past = [event for _, event in timed]
            self.seed = first.seed
            self._journal = JournalFile(path, contents)
        else:
            self._journal = JournalFile.create(path, header.to_json())
        self._folder = SnapshotFolder(self._path / _SNAPSHOTS)
        self._generations = Generations()
        for event in self.past:
            if isinstance(event, Reached):
                self._generations.add(event)
        self._folder.keep_only({*self._generations.names(), _REFIT})
        self.write(Opened(os.getpid(), socket.gethostname()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let others have the directory."""
        self._journal.close()
        self._lock.release()

    def write(self, event: Event) -> None:
        """Put an event on the disk."""
        self._journal.append({"time": round(time.time(), 3), **to_json(event)})

    # The snapshots of the runs.

    def reached(self, reports: Sequence[Report], snapshots: Mapping[Run, bytes]) -> None:
        """Put on the disk what runs that were trained together came to."""
        places: dict[Run, Slice] = {}
        for _, mine in groupby(reports, attrgetter("candidate_id")):
            kept = [report for report in mine if report.run in snapshots]
            if kept:
                content = {report.run: snapshots[report.run] for report in kept}
                places |= self._folder.save(name_of(kept[0]), content)
        event = Reached(reports, places)
        self.write(event)
        self._delete(self._generations.add(event))

    def keep_only(self, candidates: Set[int]) -> None:
        """Delete the snapshots of all other candidates."""
        self._delete(self._generations.keep_only(candidates))

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._folder.delete(name)

    def kept(self, run: Run) -> Iterator[Kept]:
        """Yield what there is of a run, the last first, as far as it is asked for.

        Warns
        -----
        DamagedSnapshotWarning
            If a snapshot is missing or not what was written.
        """
        for n_resources, place in reversed(self._generations.of(run)):
            snapshot = self._folder.load(place)
            if snapshot is None:
                self._warn(f"{place.name}, fold {run.fold},")
            else:
                yield Kept(n_resources, snapshot)

    def _warn(self, name: str) -> None:
        warnings.warn(
            f"The snapshot {name} in {self._path} is missing or damaged: the run is trained again "
            "from the snapshot before, or from the start if there is none.",
            DamagedSnapshotWarning,
            stacklevel=2,
        )

    # The network that was trained on all rows.

    def refitted(self, candidate_id: int, n_resources: int, snapshot: bytes) -> None:
        """Put the refitted network on the disk."""
        (place,) = self._folder.save(_REFIT, {Run(candidate_id, 0): snapshot}).values()
        self.write(Refitted(candidate_id, n_resources, place))

    def refit_of(self, candidate_id: int, n_resources: int) -> bytes | None:
        """Return the network of a candidate that was refitted, None if there is none."""
        for event in reversed(self.past):
            if isinstance(event, Refitted):
                if (event.candidate_id, event.n_resources) != (candidate_id, n_resources):
                    return None
                found = self._folder.load(event.snapshot)
                if found is None:
                    self._warn(_REFIT)
                return found
        return None


def _refuse_strangers(path: Path) -> None:
    """Refuse a directory that is used for something else."""
    strangers = sorted(file.name for file in path.iterdir() if file.name not in _OURS)
    if strangers and not (path / JOURNAL).exists():
        raise StorageError(
            f"{path} is no storage directory, it holds {', '.join(strangers[:3])}"
            f"{' and more' if len(strangers) > 3 else ''}: choose a new directory as `storage`."
        )
