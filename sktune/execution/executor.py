"""One way to run jobs: joblib, with the caller's ``n_jobs`` and ``parallel_config``."""

import itertools
import tempfile
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

import joblib
import numpy as np
from joblib import Parallel, cpu_count
from joblib._parallel_backends import LokyBackend
from joblib.parallel import BatchedCalls

from sktune.execution.files import dump
from sktune.execution.outcome import Job, Result, attempt

T = TypeVar("T")
_WORTH_A_FILE = 1 << 12  # bytes


class Executor:
    """Workers for the length of a ``with`` block.

    Parameters
    ----------
    n_jobs : int or None, default=None
        Jobs at once, -1 for all cores; with None, what ``joblib.parallel_config`` says, else 1.

    Examples
    --------
    >>> with Executor(n_jobs=1) as executor:
    ...     numbers = [executor.submit(len, job) for job in ("one", "three")]
    ...     sorted(executor.next() for _ in numbers)
    [(0, 3), (1, 5)]
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        # Settings of our own would end the worker processes that scikit-learn left, which cost
        # seconds to start. joblib's default hands arrays from 1 MB on over as memory maps.
        self._parallel = Parallel(n_jobs=n_jobs)
        self._numbers = itertools.count()
        self._n_running = 0
        self._waiting: deque[Callable[[], tuple[int, Any]]] = deque()
        self._finished: SimpleQueue[Any] = SimpleQueue()

    def __enter__(self) -> Self:
        self._parallel.__enter__()
        self._parallel._backend.start_call()
        self._folder = tempfile.TemporaryDirectory(prefix="sktune-", ignore_cleanup_errors=True)
        self._n_files = itertools.count()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        backend = self._parallel._backend
        if self._n_running and self.n_workers > 1:
            # Nobody will ask for these results any more.
            backend.abort_everything()
        backend.stop_call()
        self._parallel.__exit__(kind, error, trace)
        self._folder.cleanup()

    @property
    def n_workers(self) -> int:
        """Jobs that run at once."""
        n_workers: int = self._parallel._effective_n_jobs()
        return n_workers

    @property
    def n_threads(self) -> int | None:
        """Each process's share of the cores; None when there is one process, which has all.

        Threads train in turns, since they share torch's random generator: each turn has all.
        """
        shares_memory = getattr(self._parallel._backend, "supports_sharedmem", False)
        if self.n_workers == 1 or shares_memory:
            return None
        return max(1, int(cpu_count()) // self.n_workers)

    def share(self, thing: Any) -> Any:
        """Return an array of numbers where the workers can read it without being sent it.

        That is a file mapped into memory, for processes on this machine. Anything else, and
        everything when workers share memory or are elsewhere, comes back as it is.
        """
        is_array = isinstance(thing, np.ndarray) and not thing.dtype.hasobject
        is_near = isinstance(self._parallel._backend, LokyBackend) and self.n_workers > 1
        if not (is_array and is_near and thing.nbytes >= _WORTH_A_FILE):
            return thing
        path = Path(self._folder.name) / f"{next(self._n_files)}.npy"
        dump(np.asarray(thing), path)
        return joblib.load(path, mmap_mode="r")

    @property
    def n_running(self) -> int:
        """Jobs that were submitted and whose results have not been taken."""
        return self._n_running

    def submit(self, function: Callable[[Job], Result], job: Job) -> int:
        """Have a job done; return its number, with which its result comes back.

        With one worker it is done when a result is asked for, else as soon as a worker is free.
        """
        number = next(self._numbers)
        task = partial(_numbered, partial(attempt, function), number)
        self._n_running += 1
        if self.n_workers == 1:
            self._waiting.append(partial(task, job))
        else:
            backend = self._parallel._backend
            nested = backend.get_nested_backend()
            call = BatchedCalls([(task, (job,), {})], nested, self._pickled_here)
            backend.submit(call, callback=self._finished.put)
        return number

    def _pickled_here(self) -> None:
        """Have large arrays of the job that is being pickled put into files of this search."""
        if isinstance(self._parallel._backend, LokyBackend):
            manager = self._parallel._backend._workers._temp_folder_manager
            manager.set_current_context(self._parallel._id)

    def next(self) -> tuple[int, Any]:
        """Return (number of a job, its result or failure): the first that is ready."""
        if self._waiting:
            answer = self._waiting.popleft()()
        else:
            done = self._finished.get()
            (answer,) = self._parallel._backend.retrieve_result_callback(done)
        self._n_running -= 1
        return answer


def _numbered(function: Callable[[Any], T], number: int, job: Any) -> tuple[int, T]:
    return number, function(job)
