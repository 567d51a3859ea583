"""What an engine asks of whoever keeps its record, and what it does without one."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Protocol

from sktune.candidates import Report, Run
from sktune.journal import Event, Kept


class Record(Protocol):
    """Keeps what a search decides and measures, so that another process can go on with it.

    :class:`sktune.journal.Storage` keeps it on disk.
    """

    @property
    def past(self) -> Sequence[Event]:
        """What happened before this process took over, in order."""

    def write(self, event: Event) -> None:
        """Keep an event."""

    def reached(self, reports: Sequence[Report], snapshots: Mapping[Run, bytes]) -> None:
        """Keep what runs that were trained together came to, all of it or nothing."""

    def keep_only(self, candidates: Set[int]) -> None:
        """Drop the snapshots of all other candidates."""

    def kept(self, run: Run) -> Iterable[Kept]:
        """Return the snapshots of a run, the last first."""

    def refitted(self, candidate_id: int, n_resources: int, snapshot: bytes) -> None:
        """Keep a candidate that was trained on all rows."""

    def refit_of(self, candidate_id: int, n_resources: int) -> bytes | None:
        """Return a candidate that was trained on all rows, None if it was not."""


class Unrecorded:
    """A search that nobody keeps."""

    past: Sequence[Event] = ()

    def write(self, event: Event) -> None:
        """Do nothing."""

    def reached(self, reports: Sequence[Report], snapshots: Mapping[Run, bytes]) -> None:
        """Do nothing."""

    def keep_only(self, candidates: Set[int]) -> None:
        """Do nothing."""

    def kept(self, run: Run) -> Iterable[Kept]:
        """Return nothing."""
        return ()

    def refitted(self, candidate_id: int, n_resources: int, snapshot: bytes) -> None:
        """Do nothing."""

    def refit_of(self, candidate_id: int, n_resources: int) -> bytes | None:
        """Return nothing."""
        return None
