"""One way to run jobs: joblib, with the caller's ``n_jobs`` and ``parallel_config``."""

import itertools
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from joblib import Parallel

from sktune.candidates import Failure, Job, Result, attempt
from sktune.exceptions import LostWorkerError, RunTimeoutError
from sktune.execution.clusters import DaskPool, RayPool, is_cluster, is_dask
from sktune.execution.lifetime import end_with_parent
from sktune.execution.local import LocalPool
from sktune.execution.pools import Pool
from sktune.execution.watch import limited, where_it_hung
from sktune.temporary import clear_abandoned, temporary_folder

T = TypeVar("T")
Answer = tuple[int, Any]


class _Finished(NamedTuple):
    number: int
    generation: int
    outcome: Any


class Executor:
    """Workers for the length of a ``with`` block.

    ``folder`` is a temporary folder that they all see: None if there are no other processes, or
    they are on other machines.

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
        self._in_flight: dict[int, float | None] = {}  # with the seconds that each may take
        self._waiting: deque[Callable[[], Answer]] = deque()
        self._answers: deque[Answer] = deque()
        self._finished: SimpleQueue[_Finished] = SimpleQueue()
        # Pools are numbered, since an old one may go on telling of jobs that were lost with it.
        self._generation = 0
        self.folder: Path | None = None

    def __enter__(self) -> Self:
        clear_abandoned()
        end_with_parent()
        with ExitStack() as resources:
            if self.has_processes and not is_cluster(self._parallel._backend):
                self.folder = resources.enter_context(temporary_folder())
            resources.enter_context(self._parallel)
            self._parallel._backend.start_call()
            self._pool: Pool = _pool(self._parallel, self.folder)
            resources.push(self._end)
            self._resources = resources.pop_all()
        return self

    def _end(self, *raised: object) -> None:
        if self._in_flight and not self._is_alone:
            self._pool.abandon()
        self._parallel._backend.stop_call()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._resources.__exit__(kind, error, trace)

    @cached_property
    def n_workers(self) -> int:
        """Jobs that run at once."""
        n_workers: int = self._parallel._effective_n_jobs()
        return n_workers

    @property
    def has_processes(self) -> bool:
        """Whether jobs are done by other processes, which can be lost without this one."""
        backend = self._parallel._backend
        is_alone = self.n_workers == 1 or getattr(backend, "supports_sharedmem", False)
        return is_cluster(backend) or not is_alone

    def share(self, thing: Any) -> Any:
        """Return an array of numbers where the workers can read it without being sent it.

        That is a file mapped into memory, for processes on this machine; data scattered, on a
        cluster. Anything else, and everything when workers share memory, comes back as it is.
        """
        return self._pool.share(thing) if self.has_processes else thing

    @property
    def n_running(self) -> int:
        """Jobs that were submitted and whose results have not been taken."""
        return len(self._in_flight) + len(self._answers)

    def submit(
        self, function: Callable[[Job], Result], job: Job, seconds: float | None = None
    ) -> int:
        """Have a job done; return its number, with which its result comes back.

        With one worker it is done when a result is asked for, else as soon as a worker is free.
        A job that takes longer than ``seconds`` is ended with its process, where it has one.
        """
        number = next(self._numbers)
        call: Callable[[], Any] = partial(attempt, function, job)
        if self._is_alone:
            self._waiting.append(partial(_numbered, number, call))
        elif seconds is None:
            self._send(number, call)
        else:
            self._send(number, partial(_within, seconds, self._note(number), call))
        self._in_flight[number] = seconds
        return number

    @property
    def _is_alone(self) -> bool:
        return self.n_workers == 1 and not self.has_processes

    def _send(self, number: int, call: Callable[[], Any]) -> None:
        def done(outcome: Any, generation: int = self._generation) -> None:
            self._finished.put(_Finished(number, generation, outcome))

        try:
            self._pool.submit(call, done)
        except Exception as error:
            if not self._pool.is_loss(error):
                raise
            # The pool broke a moment ago, and nobody has been told yet.
            self._lose_all(error)
            self._send(number, call)

    def _note(self, number: int) -> Path | None:
        return self.folder and self.folder / f"{number}.hung"

    def next(self) -> Answer:
        """Return (number of a job, its result or failure): the first that is ready.

        A job whose worker died is a failure with a :class:`LostWorkerError`, and one that was ended
        for taking too long with a :class:`RunTimeoutError`; the pool works again by then.
        """
        if self._waiting:
            answer = self._waiting.popleft()()
            del self._in_flight[answer[0]]
            return answer
        while not self._answers:
            self._take(self._finished.get())
        return self._answers.popleft()

    def _take(self, found: _Finished) -> None:
        if found.generation != self._generation:
            return
        error = self._taken(found)
        if error is None:
            return
        if self._pool.loses_all:
            self._lose_all(error)
        else:
            self._pool.restart()
            self._answer_lost(found.number, LostWorkerError(_reason(error)))

    def _taken(self, found: _Finished) -> Exception | None:
        """Make an answer of what came back; return the error if a worker was lost."""
        try:
            result = self._pool.result(found.outcome)
        except Exception as error:
            if not self._pool.is_loss(error):
                raise
            return error
        del self._in_flight[found.number]
        self._answers.append((found.number, result))
        return None

    def _answer_lost(self, number: int, error: Exception) -> None:
        del self._in_flight[number]
        self._answers.append((number, Failure.of(error, 0.0)))

    def _lose_all(self, error: Exception) -> None:
        """Make failures of all jobs that were lost with a pool, and begin a new one."""
        while not self._finished.empty():
            found = self._finished.get()
            if found.generation == self._generation:
                self._taken(found)
        hung = {n: where for n in self._in_flight for where in [self._where_it_hung(n)] if where}
        suspects = hung or set(self._in_flight)
        for n, seconds in list(self._in_flight.items()):
            if n in hung:
                text = f"it took longer than {seconds:g} s, and was in {hung[n]}"
                self._answer_lost(n, RunTimeoutError(text))
            else:
                n_suspects = len(suspects) if n in suspects else 0
                self._answer_lost(n, LostWorkerError(_reason(error), n_suspects))
        self._generation += 1
        self._pool.restart()

    def _where_it_hung(self, number: int) -> str | None:
        note = self._note(number)
        return None if note is None else where_it_hung(note)


def _pool(parallel: Any, folder: Path | None) -> Pool:
    """Return the way to the workers of joblib's active backend."""
    if is_dask(parallel._backend):
        return DaskPool(parallel)
    return RayPool(parallel) if is_cluster(parallel._backend) else LocalPool(parallel, folder)


def _reason(error: Exception) -> str:
    if isinstance(error, LostWorkerError):
        return str(error)
    return f"its worker process died ({type(error).__name__}: {' '.join(str(error).split())})"


def _numbered(number: int, call: Callable[[], T]) -> tuple[int, T]:
    return number, call()


def _within(seconds: float, note: Path | None, call: Callable[[], T]) -> T:
    with limited(seconds, note):
        return call()
