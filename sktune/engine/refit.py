"""The winner trained on all rows: beside its last rung if it is bound to win, else at the end."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

from sktune.candidates import Advance, Candidate, Failure
from sktune.engine.problem import Problem
from sktune.engine.record import Record
from sktune.execution import Executor, noticed_interrupts
from sktune.runs import AdvanceJob, FoldJob, PreparedFold, threads_of_refit
from sktune.trainers import Trainer

Key = tuple[int, int]  # a candidate, and the resource it is trained to


class Refit:
    """Trains candidates on all rows, each from the start and only once.

    A network that is worth several threads is not trained early, since the process of the search
    has all cores for it. One whose early training fails is trained again at the end, so that its
    error is raised there.

    Parameters
    ----------
    problem : Problem
        What is searched on.
    trainer : Trainer
        Trains them.
    executor : Executor
        Runs what is trained early.
    record : Record
        Keeps the trained networks.

    Attributes
    ----------
    waited : float
        Seconds for which :meth:`wait_for` waited.
    """

    def __init__(
        self, problem: Problem, trainer: Trainer, executor: Executor, record: Record
    ) -> None:
        self._problem, self._trainer = problem, trainer
        self._executor, self._record = executor, record
        self._latest: Key | None = None
        self._running: dict[int, Key] = {}
        self._snapshots: dict[Key, bytes] = {}
        self._is_interrupted = False
        self.waited = 0.0

    @property
    def n_running(self) -> int:
        """How many workers train early."""
        return len(self._running)

    @property
    def can_begin(self) -> bool:
        """Whether there is a worker for it."""
        return self._executor.n_workers > 1 and not self._trainer.keeps_rows

    def begin(self, candidate: Candidate, advance: Advance) -> None:
        """Train a candidate as far as it is trained on the folds, unless that has been begun."""
        key = advance.candidate_id, advance.n_resources
        if key == self._latest or self._record.refit_of(*key) is not None:
            return
        self._latest = key
        job = self._problem.refit_job(candidate), advance.n_resources
        self._running[self._executor.submit(partial(_trained_early, self._trainer), job)] = key

    def is_running(self, number: int) -> bool:
        """Whether a job of the executor trains early."""
        return number in self._running

    def take(self, number: int, result: bytes | Failure | None) -> None:
        """Take what such a job came to."""
        key = self._running.pop(number)
        # A record holds one: not that of a candidate in whose place another came meanwhile.
        if isinstance(result, bytes) and key == self._latest:
            self._keep(key, result)

    def _keep(self, key: Key, snapshot: bytes) -> None:
        self._snapshots[key] = snapshot
        if not self._trainer.keeps_rows:
            self._record.refitted(*key, snapshot)

    def wait_for(self, key: Key) -> None:
        """Wait until a candidate has been trained early, if that was begun; nothing else runs.

        An interrupt is raised by :meth:`estimator`: what was found is to be kept first.
        """
        start = time.perf_counter()
        try:
            with noticed_interrupts() as raise_again:
                while key in self._running.values():
                    number, result = self._executor.next()
                    raise_again()
                    self.take(number, result)
        except KeyboardInterrupt:
            self._is_interrupted = True
        self.waited = time.perf_counter() - start

    def is_trained(self, candidate: Candidate, n_resources: int) -> bool:
        """Whether a candidate has been trained on all rows."""
        key = candidate.candidate_id, n_resources
        return key in self._snapshots or self._record.refit_of(*key) is not None

    def estimator(self, candidate: Candidate, n_resources: int) -> Any:
        """Return the fitted estimator of a candidate; it is trained now if it was not before."""
        if self._is_interrupted:
            raise KeyboardInterrupt
        job, key = self._problem.refit_job(candidate), (candidate.candidate_id, n_resources)
        fold = self._trainer.prepare(job)
        snapshot = self._snapshots.get(key) or self._record.refit_of(*key)
        if snapshot is None:
            # It has all cores to itself, as far as it has use for them.
            n_threads = threads_of_refit(job.setup, job.params, fold)
            snapshot = _trained(self._trainer, job, fold, n_resources, n_threads)
            self._keep(key, snapshot)
        return self._trainer.whole(job.setup, job.params, fold, snapshot)


def _trained_early(trainer: Trainer, given: tuple[FoldJob, int]) -> bytes | None:
    job, n_resources = given
    fold = trainer.prepare(job)
    n_threads = threads_of_refit(job.setup, job.params, fold)
    return _trained(trainer, job, fold, n_resources, 1) if n_threads == 1 else None


def _trained(
    trainer: Trainer, job: FoldJob, fold: PreparedFold, n_resources: int, n_threads: int
) -> bytes:
    setup = replace(job.setup, n_threads=n_threads)
    return trainer.refit(AdvanceJob(setup, job.params, fold, n_resources, job.seed)).snapshot
