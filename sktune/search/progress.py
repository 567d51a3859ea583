"""Progress: scikit-learn's callbacks, where they exist.

Callback contexts stay in the calling process: begin and end of a run are told when its report
arrives, so workers on other hosts need no way back and jobs stay small.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sktune.candidates import History, Report, Run
from sktune.engine import Wave

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin: no callbacks can be set."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "CallbackTree", "with_callbacks"]


class CallbackTree:
    """Tells scikit-learn's callbacks of the search as a tree of tasks.

    The tree is fit > search > halving-iteration > candidate-split-evaluation, then fit > refit.
    """

    def __init__(self, search: Any, n_waves: int | None, refits: bool, **data: Any) -> None:
        self._search = search
        self._root = search._init_callback_context(max_subtasks=1 + refits)
        self._root.call_on_fit_task_begin(estimator=search, **data)
        self._n_waves, self._rungs = 0, self._task(self._root, "search", max_subtasks=n_waves)
        self._waves: dict[int, tuple[Any, dict[Run, int]]] = {}

    def _task(self, parent: Any, name: str, **settings: Any) -> Any:
        return parent.subcontext(name, **settings).call_on_fit_task_begin(estimator=self._search)

    def wave_begins(self, wave: Wave) -> None:
        """Begin an iteration with a task for each run."""
        self._n_waves += 1
        if self._n_waves > (self._rungs.max_subtasks or math.inf):
            # More than planned: places of candidates that failed are filled.
            self._rungs.max_subtasks = None
        numbers = {run: number for number, (run, _) in enumerate(wave.due)}
        self._waves[id(wave)] = (
            self._task(
                self._rungs,
                "halving-iteration",
                max_subtasks=len(numbers),
                sequential_subtasks=False,
            ),
            numbers,
        )

    def run_ends(self, wave: Wave, report: Report) -> None:
        """Begin and end the task of a run."""
        task, numbers = self._waves[id(wave)]
        name, number = "candidate-split-evaluation", numbers[report.run]
        self._task(task, name, task_id=number).call_on_fit_task_end(estimator=self._search)

    def wave_ends(self, wave: Wave, history: History) -> bool:
        """End the iteration; a callback may ask to end the search."""
        task, _ = self._waves.pop(id(wave))
        return bool(task.call_on_fit_task_end(estimator=self._search))

    def refit_begins(self, candidate_id: int) -> None:
        """Begin no task: :meth:`refitting` does."""

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
