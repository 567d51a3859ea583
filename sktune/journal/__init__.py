"""The journal: what a search decided and measured, appended, read and replayed."""

from sktune.journal.events import Begun, Event, Opened, Proposed, Reached, Refitted, Stopped
from sktune.journal.header import Header
from sktune.journal.identity import Identity, Mark, Marks
from sktune.journal.reading import Recorded, read_journal, replay
from sktune.journal.storage import Kept, Storage
from sktune.journal.values import shown

__all__ = [
    "Begun",
    "Event",
    "Header",
    "Identity",
    "Kept",
    "Mark",
    "Marks",
    "Opened",
    "Proposed",
    "Reached",
    "Recorded",
    "Refitted",
    "Stopped",
    "Storage",
    "read_journal",
    "replay",
    "shown",
]
