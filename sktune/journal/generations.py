"""Which snapshot files are still needed: the last two generations of every run that may go on."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set

from sktune.candidates import Run
from sktune.journal.events import Reached
from sktune.journal.snapshots import Slice

# The last one may be damaged: then a run goes on from the one before.
_N_KEPT = 2

Generation = tuple[int, Slice]


class Generations:
    """Where the snapshots of each run are, and after how much of the resource they were taken.

    What adds or removes returns the files that nobody needs any more.
    """

    def __init__(self) -> None:
        self._of: dict[Run, list[Generation]] = {}
        self._n_uses: Counter[str] = Counter()

    def of(self, run: Run) -> Sequence[Generation]:
        """Return the generations of a run, the last one last."""
        return self._of.get(run, [])

    def names(self) -> set[str]:
        """Return the names of all files."""
        return set(+self._n_uses)

    def add(self, event: Reached) -> set[str]:
        """Take in the snapshots of an event."""
        dropped: list[Generation] = []
        for report in event.reports:
            if report.run in event.snapshots:
                place = event.snapshots[report.run]
                mine = self._of.setdefault(report.run, [])
                mine.append((report.n_resources, place))
                self._n_uses[place.name] += 1
                dropped += mine[:-_N_KEPT]
                del mine[:-_N_KEPT]
        return self._unused(dropped)

    def keep_only(self, candidates: Set[int]) -> set[str]:
        """Forget the runs of all other candidates."""
        gone = [run for run in self._of if run.candidate_id not in candidates]
        return self._unused(generation for run in gone for generation in self._of.pop(run))

    def _unused(self, dropped: Iterable[Generation]) -> set[str]:
        names = [place.name for _, place in dropped]
        self._n_uses.subtract(names)
        return {name for name in names if not self._n_uses[name]}
