"""What is trained together: waves, which a schedule decides, and the stacks they are cut into."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sktune.candidates import Advance, History, Report, Run
from sktune.engine.faults import Faults
from sktune.runs import AdvanceJob


class Wave:
    """Candidates that are advanced to a rung together, on the folds that have not reported.

    Attributes
    ----------
    advances : sequence of Advance
        What the schedule decided.
    bracket, rung : int
        The rung.
    due : list of (Run, Advance)
        What is trained, in the order of candidates and folds.
    unreported : set of Run
        Those that have not reported yet.
    """

    def __init__(self, advances: Sequence[Advance], history: History) -> None:
        self.advances = advances
        self.bracket, self.rung = advances[0].bracket, advances[0].rung
        self.due = [
            (Run(advance.candidate_id, fold), advance)
            for advance in advances
            for fold in range(advance.n_folds)
            if fold not in history.folds(*advance.place)
        ]
        self.unreported = {run for run, _ in self.due}


class StackJob(NamedTuple):
    """Runs of a wave that are trained together, about how long that takes, and its faults."""

    cost: float
    wave: Wave
    due: Sequence[tuple[Run, Advance]]
    jobs: Sequence[AdvanceJob]
    faults: Faults = Faults()

    def halves(self, faults: Faults) -> list["StackJob"]:
        """Return two stacks, each with half of the runs."""
        middle = len(self.jobs) // 2
        parts = slice(None, middle), slice(middle, None)
        return [self._replace(due=self.due[p], jobs=self.jobs[p], faults=faults) for p in parts]


class Observer(Protocol):
    """Someone who is told how the search goes on, wave by wave.

    A wave is what a schedule decides at once for one rung: all of it in synchronous halving, one
    candidate in asynchronous halving. What a storage holds already is told again, in the order in
    which it happened.
    """

    def wave_begins(self, wave: Wave) -> None:
        """Hear which runs are about to be advanced."""

    def run_ends(self, wave: Wave, report: Report) -> None:
        """Hear what a run reported, in the order the reports come in."""

    def wave_ends(self, wave: Wave, history: History) -> bool:
        """Hear that all runs of a wave have reported; return True to end the search."""

    def refit_begins(self, candidate_id: int) -> None:
        """Hear that only the refit of a candidate is still to be waited for."""
