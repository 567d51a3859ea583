"""The law suite of execution, and jobs to run."""

import os
import threading
import time

import pytest
from joblib import parallel_config

from sktune.candidates import Failure
from sktune.exceptions import LostWorkerError, RunTimeoutError
from sktune.execution import Executor


class PickyError(Exception):
    """An error that cannot be made again from its arguments."""

    def __init__(self, one, two):
        super().__init__(one)


def work(job):
    if job == 3:
        raise KeyError("three")
    if job == 4:
        raise PickyError(1, 2)
    return job * job


def where(job):
    return os.getpid(), threading.get_ident()


def kind(array):
    return type(array).__name__, bool(array.flags.writeable), float(array.sum())


def run(executor, function, jobs):
    """Return the results in the order of the jobs."""
    places = {executor.submit(function, job): place for place, job in enumerate(jobs)}
    found = {}
    while executor.n_running:
        number, result = executor.next()
        found[places[number]] = result
    return [found[place] for place in range(len(places))]


class ExecutorLaws:
    """Every backend of joblib runs these; ``backend`` and ``n_jobs`` are given by the subclass."""

    def test_every_result_comes_back_once(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            assert run(executor, work, [0, 1, 2]) == [0, 1, 4]
            assert run(executor, work, [5]) == [25]
            assert run(executor, work, []) == []

    def test_a_failure_is_a_value(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            found = run(executor, work, [2, 3, 4])
        assert found[0] == 4
        assert isinstance(found[1], Failure)
        assert isinstance(found[1].error, KeyError)
        assert found[1].reason == "KeyError: 'three'"
        assert "in work" in found[1].details
        assert found[1].seconds >= 0
        assert isinstance(found[2].error, RuntimeError)
        assert found[2].reason == "PickyError: 1"

    def test_results_come_as_they_are_ready_and_jobs_when_they_are_known(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            jobs = {executor.submit(work, job): job for job in (5, 6)}
            found = []
            while executor.n_running:
                number, result = executor.next()
                found.append(result)
                assert result == jobs[number] ** 2
                if len(found) < 20:
                    jobs[executor.submit(work, len(found) + 6)] = len(found) + 6
            assert sorted(found) == [job**2 for job in range(5, 26)]

    # loky's own thread sometimes stumbles over jobs that were queued when it is told to stop.
    @pytest.mark.filterwarnings(
        "ignore:Exception in thread ExecutorManagerThread"
        ":pytest.PytestUnhandledThreadExceptionWarning"
    )
    def test_whoever_leaves_early_waits_for_nobody(self, backend, n_jobs):
        start = time.perf_counter()
        with parallel_config(backend), Executor(n_jobs) as executor:
            for seconds in (0.0, *[3.0] * 8):
                executor.submit(time.sleep, seconds)
            executor.next()
        assert time.perf_counter() - start < 15
        with parallel_config(backend), Executor(n_jobs) as executor:
            assert run(executor, work, [2]) == [4]


def die(job):
    """End the process for a job of 0, after a while; else return its number."""
    time.sleep(0.5)
    return os._exit(5) if job == 0 else os.getpid()


def hang(seconds):
    time.sleep(seconds)
    return seconds


class LossLaws:
    """Every backend whose workers can be lost runs these."""

    def test_a_lost_worker_is_a_failure_and_the_pool_goes_on(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            assert executor.has_processes
            assert len(run(executor, die, [1, 2])) == 2
            found = run(executor, die, [0, 1, 2])
            lost = [result for result in found if isinstance(result, Failure)]
            assert found[0] in lost
            for failure in lost:
                assert isinstance(failure.error, LostWorkerError)
                assert "its worker process died" in failure.reason
            assert found[0].error.n_suspects >= 1
            assert all(isinstance(result, int) for result in run(executor, die, [1, 2, 3]))
            alone = run(executor, die, [0])[0]
            assert alone.error.n_suspects == 1

    def test_a_job_that_takes_too_long_is_ended(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            number = executor.submit(hang, 0.01, seconds=60.0)
            assert executor.next() == (number, 0.01)
            executor.submit(hang, 600.0, seconds=1.0)
            start = time.perf_counter()
            _, failure = executor.next()
            assert isinstance(failure, Failure)
            assert isinstance(failure.error, LostWorkerError | RunTimeoutError)
            assert time.perf_counter() - start < 60
            assert run(executor, work, [3 - 1]) == [4]
