"""Snapshots in files of their own, each loaded only if it is what the journal says."""

import hashlib
from pathlib import Path

from sktune.candidates import Run
from sktune.journal.file import explained, write_beside

_SUFFIX = ".snapshot"


def checksum_of(snapshot: bytes) -> str:
    """Return the SHA-256 of a snapshot."""
    return hashlib.sha256(snapshot).hexdigest()


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

    def save(self, name: str, snapshot: bytes) -> str:
        """Write a snapshot and return its checksum."""
        file = self._file(name)
        with explained(file):
            write_beside(file, snapshot)
        return checksum_of(snapshot)

    def load(self, name: str, checksum: str) -> bytes | None:
        """Return a snapshot, None if it is missing or not what was written."""
        try:
            found = self._file(name).read_bytes()
        except OSError:
            return None
        return found if checksum_of(found) == checksum else None

    def delete(self, name: str) -> None:
        """Remove a snapshot, if it is there."""
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


def name_of(run: Run, bracket: int, rung: int) -> str:
    """Return the name of a run's snapshot at a rung.

    >>> name_of(Run(candidate_id=12, fold=3), bracket=0, rung=2)
    'candidate-12-fold-3-bracket-0-rung-2'
    """
    return f"candidate-{run.candidate_id}-fold-{run.fold}-bracket-{bracket}-rung-{rung}"
