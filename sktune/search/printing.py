"""What ``verbose`` prints: that the search has begun, how far it is, and about how long still."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sktune.candidates import History, Report
from sktune.engine import Observer, Wave
from sktune.report import SearchData
from sktune.report.status import clock, row_of
from sktune.report.watching import Plain, Screen, screen
from sktune.schedules import Plan, ranked

# Seconds without a line, after which one says how far a rung is.
_SILENCE = 10.0
# Seconds between two pictures at least, and the share of the time that they may take.
_BETWEEN, _SHARE = 0.25, 0.02


class RungPrinter:
    """Prints a line when a search begins, when a rung is complete, and between if that takes long.

    Parameters
    ----------
    plan : Plan
        The rungs.
    resource : str
        Name of the resource.
    clock : callable, default=time.perf_counter
        Returns seconds.
    """

    def __init__(
        self, plan: Plan, resource: str, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._data = SearchData("", History(), plan, resource, "score")
        self._n_brackets = len({row["bracket"] for row in plan})
        self._clock = clock
        self._start = self._last = clock()

    def wave_begins(self, wave: Wave) -> None:
        """Print what is begun, if it is the first."""
        if not self._data.history.reports:
            n_resources = wave.due[0][1].n_resources
            n_folds = len({run.fold for run, _ in wave.due})
            self._print(
                f"{self._name(wave)}: {len(wave.advances):4d} candidates at {n_resources:4d} "
                f"{self._data.resource} on {n_folds} folds, begun"
            )

    def run_ends(self, wave: Wave, report: Report) -> None:
        """Print how far the rung is, if nothing was printed for long."""
        self._data.history.add(report)
        if self._clock() - self._last > _SILENCE:
            row = row_of(self._data, wave.bracket, wave.rung)
            self._print(
                f"{self._name(wave)}: {row['n_reached']:4d} of {len(wave.advances)} candidates, "
                f"{clock(self._data)}"
            )

    def wave_ends(self, wave: Wave, history: History) -> bool:
        """Print candidates, resource, the best score and the time so far."""
        order = ranked(history.standings(wave.bracket, wave.rung))
        score = f"{order[0].score:.4f}" if order else "none finite"
        self._print(
            f"{self._name(wave)}: {len(history.reached(wave.bracket, wave.rung)):4d} candidates at "
            f"{history.n_resources(wave.bracket, wave.rung):4d} {self._data.resource}, "
            f"best score {score}, {self._clock() - self._start:.1f} s"
        )
        return False

    def refit_begins(self, candidate_id: int) -> None:
        """Print whose it is."""
        self._print(_refit(candidate_id))

    def _name(self, wave: Wave) -> str:
        bracket = f"bracket {wave.bracket}, " if self._n_brackets > 1 else ""
        return f"{bracket}rung {wave.rung}"

    def _print(self, line: str) -> None:
        self._last = self._clock()
        print(line, flush=True)


class LivePrinter:
    """Redraws a table of the rungs in a terminal.

    Parameters
    ----------
    screen : Screen
        Where it is drawn.
    plan : Plan
        The rungs.
    resource : str
        Name of the resource.
    """

    def __init__(self, screen: Screen, plan: Plan, resource: str) -> None:
        self._screen = screen
        self._data = SearchData("", History(), plan, resource, "score", "running")
        self._next = 0.0

    def wave_begins(self, wave: Wave) -> None:
        """Show what is trained."""
        n_resources = wave.due[0][1].n_resources if wave.due else 0
        what = f"{len(wave.advances)} candidates to {n_resources} {self._data.resource}"
        self._screen.show(self._data, f"training {what}")

    def run_ends(self, wave: Wave, report: Report) -> None:
        """Show what has changed, now and then: to count thousands of candidates takes time too."""
        self._data.history.add(report)
        start = time.perf_counter()
        if start >= self._next:
            self._screen.show(self._data, f"training rung {wave.rung}")
            took = time.perf_counter() - start
            self._next = start + max(_BETWEEN, took / _SHARE)

    def wave_ends(self, wave: Wave, history: History) -> bool:
        """Show nothing else."""
        return False

    def refit_begins(self, candidate_id: int) -> None:
        """Show whose it is."""
        self._screen.show(self._data, _refit(candidate_id))

    def end(self) -> None:
        """Show how it ended."""
        self._screen.show(replace(self._data, state="ended"))


@contextmanager
def live_or(printer: Observer, plan: Plan, resource: str) -> Iterator[Observer]:
    """Give what redraws a table, where there is a terminal that can, else a printer of lines."""
    with screen() as place:
        if isinstance(place, Plain):
            yield printer
            return
        live = LivePrinter(place, plan, resource)
        try:
            yield live
        finally:
            live.end()


class RecordPrinter:
    """Prints a line when a candidate is better than all before that were trained as long."""

    def __init__(self, unit: str) -> None:
        self._start, self._unit = time.perf_counter(), unit
        self._best = (0, -math.inf)

    def wave_begins(self, wave: Wave) -> None:
        """Print nothing yet."""

    def run_ends(self, wave: Wave, report: Report) -> None:
        """Print nothing yet."""

    def wave_ends(self, wave: Wave, history: History) -> bool:
        """Print the candidate, how far it is, its score and the time so far, if it leads."""
        action = wave.due[0][1]
        standing = history.standing(action.place)
        if standing is not None and (action.n_resources, standing.score) > self._best:
            self._best = action.n_resources, standing.score
            print(
                f"candidate {standing.candidate_id:4d} at {action.n_resources:4d} {self._unit}: "
                f"score {standing.score:.4f}, {time.perf_counter() - self._start:.1f} s",
                flush=True,
            )
        return False

    def refit_begins(self, candidate_id: int) -> None:
        """Print whose it is."""
        print(_refit(candidate_id), flush=True)


def _refit(candidate_id: int) -> str:
    return f"refit of candidate {candidate_id} on all rows"
