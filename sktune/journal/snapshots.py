"""Snapshots in files of their own, each loaded only if it is what the journal says.

A file holds the runs of a candidate that were trained together to a rung: its folds, as a rule. The
system writes it to the disk when it sees fit: what a power cut takes away, the checksum tells.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sktune.candidates import Report, Run
from sktune.journal.file import explained, replace_file

_SUFFIX = ".snapshot"


class Slice(NamedTuple):
    """Where a snapshot is: in which file, from which byte on, how long, and its SHA-256."""

    name: str
    start: int
    length: int
    checksum: str


class SnapshotFolder:
    """A folder of snapshots.

    Parameters
    ----------
    path : Path
        The folder; it is made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            path.mkdir(exist_ok=True)

    def save(self, name: str, snapshots: Mapping[Run, bytes]) -> dict[Run, Slice]:
        """Write a file, and return where in it each snapshot is."""
        file, start, found = self._file(name), 0, {}
        with explained(file):
            replace_file(file, snapshots.values())
        for run, snapshot in snapshots.items():
            checksum = hashlib.sha256(snapshot).hexdigest()
            found[run] = Slice(name, start, len(snapshot), checksum)
            start += len(snapshot)
        return found

    def load(self, place: Slice) -> bytes | None:
        """Return a snapshot, None if it is missing or not what was written."""
        try:
            with self._file(place.name).open("rb") as file:
                file.seek(place.start)
                found = file.read(place.length)
        except OSError:
            return None
        return found if hashlib.sha256(found).hexdigest() == place.checksum else None

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        with explained(self._path):
            self._file(name).unlink(missing_ok=True)

    def keep_only(self, names: set[str]) -> None:
        """Remove what a process that died has left behind, whole or half written."""
        wanted = {self._file(name) for name in names}
        with explained(self._path):
            for file in self._path.iterdir():
                if file not in wanted:
                    file.unlink()

    def _file(self, name: str) -> Path:
        return self._path / f"{name}{_SUFFIX}"


def name_of(report: Report) -> str:
    """Return the name of the file of a candidate's runs, of which this is the first.

    >>> name_of(Report(candidate_id=12, fold=0, bracket=0, rung=2, n_resources=9, score=0.5))
    'candidate-12-bracket-0-rung-2-from-fold-0'
    """
    place = report.place
    return (
        f"candidate-{place.candidate_id}-bracket-{place.bracket}-rung-{place.rung}"
        f"-from-fold-{report.fold}"
    )
