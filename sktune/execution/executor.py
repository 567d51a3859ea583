"""One way to run jobs: joblib, with the caller's ``n_jobs`` and ``parallel_config``."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import joblib
import numpy as np
from joblib import Parallel, cpu_count, delayed
from joblib._parallel_backends import LokyBackend

from sktune.candidates import Failure
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
    ...     sorted(executor.run(len, ["one", "three"]))
    [(0, 3), (1, 5)]
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        # Settings of our own would end the worker processes that scikit-learn left, which cost
        # seconds to start. joblib's default hands arrays from 1 MB on over as memory maps.
        self._parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")

    def __enter__(self) -> Self:
        self._parallel.__enter__()
        self._folder = tempfile.TemporaryDirectory(prefix="sktune-", ignore_cleanup_errors=True)
        self._numbers = itertools.count()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        path = Path(self._folder.name) / f"{next(self._numbers)}.npy"
        dump(np.asarray(thing), path)
        return joblib.load(path, mmap_mode="r")

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> Iterator[tuple[int, Result | Failure]]:
        """Yield (number of the job, its result or failure), in the order they come back."""
        task = delayed(partial(_numbered, partial(attempt, function)))
        results = self._parallel(task(number, job) for number, job in enumerate(jobs))
        try:
            # No `yield from`: whoever stops early closes this generator, not the inner one.
            for result in results:  # noqa: UP028
                yield result
        finally:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*tasks which were still being processed")
                results.close()


def _numbered(function: Callable[[Any], T], number: int, job: Any) -> tuple[int, T]:
    return number, function(job)
