"""Progress: one printed line per rung, and scikit-learn's callbacks where they exist.

Callback contexts stay in the calling process: begin and end of a run are told when its report
arrives, so workers on other hosts need no way back and jobs stay small.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sktune.candidates import History, Report, Run
from sktune.schedules import ranked

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin: no callbacks can be set."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "CallbackTree", "RungPrinter", "with_callbacks"]


class RungPrinter:
    """Prints a line when a rung is complete."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def rung_begins(self, bracket: int, rung: int, runs: Sequence[Run]) -> None:
        """Print nothing yet."""

    def run_ends(self, report: Report) -> None:
        """Print nothing yet."""

    def rung_ends(self, bracket: int, rung: int, history: History) -> bool:
        """Print candidates, epochs, the best score and the time so far."""
        reached = history.reached(bracket, rung)
        epochs = next(r.n_resources for r in history if (r.bracket, r.rung) == (bracket, rung))
        order = ranked(history.standings(bracket, rung))
        score = f"{order[0].score:.4f}" if order else "none finite"
        print(
            f"rung {rung}: {len(reached):4d} candidates at {epochs:4d} epochs, "
            f"best score {score}, {time.perf_counter() - self._start:.1f} s",
            flush=True,
        )
        return False


class CallbackTree:
    """Tells scikit-learn's callbacks of the search as a tree of tasks.

    The tree is fit > search > halving-iteration > candidate-split-evaluation, then fit > refit.
    """

    def __init__(self, search: Any, n_rungs: int, refits: bool, **data: Any) -> None:
        self._search = search
        self._root = search._init_callback_context(max_subtasks=1 + refits)
        self._root.call_on_fit_task_begin(estimator=search, **data)
        self._rungs = self._task(self._root, "search", max_subtasks=n_rungs)

    def _task(self, parent: Any, name: str, **settings: Any) -> Any:
        return parent.subcontext(name, **settings).call_on_fit_task_begin(estimator=self._search)

    def rung_begins(self, bracket: int, rung: int, runs: Sequence[Run]) -> None:
        """Begin an iteration with a task for each run."""
        self._ids = {run: number for number, run in enumerate(runs)}
        self._rung = self._task(
            self._rungs, "halving-iteration", max_subtasks=len(runs), sequential_subtasks=False
        )

    def run_ends(self, report: Report) -> None:
        """Begin and end the task of a run."""
        name, number = "candidate-split-evaluation", self._ids[report.run]
        self._task(self._rung, name, task_id=number).call_on_fit_task_end(estimator=self._search)

    def rung_ends(self, bracket: int, rung: int, history: History) -> bool:
        """End the iteration; a callback may ask to end the search."""
        return bool(self._rung.call_on_fit_task_end(estimator=self._search))

    def search_ends(self) -> None:
        """End the search, before the refit."""
        self._rungs.call_on_fit_task_end(estimator=self._search)

    @contextmanager
    def refitting(self) -> Iterator[None]:
        """Make a ``with`` block the task of refitting."""
        task = self._task(self._root, "refit")
        yield
        task.call_on_fit_task_end(estimator=self._search)

    def fit_ends(self) -> None:
        """End the whole."""
        self._root.call_on_fit_task_end(estimator=self._search)
