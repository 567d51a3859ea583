"""The law suite of execution: every backend of joblib runs it."""

import os
import threading
import time

import numpy as np
import pytest
from joblib import Parallel, cpu_count, delayed, parallel_config

from sktune.candidates import Failure
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


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
class TestEveryBackend:
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


class TestWorkers:
    def test_parallel_config_is_honoured(self):
        with parallel_config("threading", n_jobs=2), Executor() as executor:
            assert executor.n_workers == 2
            assert {pid for pid, _ in run(executor, where, range(4))} == {os.getpid()}

    def test_n_jobs_comes_first(self):
        with parallel_config("loky", n_jobs=2), Executor(n_jobs=1) as executor:
            assert executor.n_workers == 1

    def test_processes_are_others(self):
        with Executor(n_jobs=2) as executor:
            assert os.getpid() not in {pid for pid, _ in run(executor, where, range(4))}

    def test_cores_are_used_once(self):
        assert Executor(n_jobs=1).n_threads is None
        for n_jobs in (2, 3, 100):
            executor = Executor(n_jobs)
            assert executor.n_threads == max(1, cpu_count() // n_jobs)
        with parallel_config("threading"):
            assert Executor(n_jobs=2).n_threads is None

    def test_processes_are_shared_with_scikit_learn(self):
        pids = [set(Parallel(n_jobs=2)(delayed(where)(job) for job in range(4))) for _ in range(2)]
        with Executor(n_jobs=2) as executor:
            ours = {pid for pid, _ in run(executor, where, range(4))}
        assert ours <= {pid for found in pids for pid, _ in found}

    def test_data_reach_processes_as_memory_maps(self):
        array = np.ones(200_000)
        with Executor(n_jobs=2) as executor:
            kinds = run(executor, kind, [array, array])
        assert kinds == [("memmap", False, 200_000.0)] * 2


@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 2), ("loky", 1), ("threading", 2)])
def test_shared_arrays_are_the_same_for_the_workers(backend, n_jobs):
    array = np.arange(10_000.0).reshape(-1, 4)
    with parallel_config(backend), Executor(n_jobs) as executor:
        shared = executor.share(array)
        assert isinstance(shared, np.memmap) == ((backend, n_jobs) == ("loky", 2))
        assert np.array_equal(shared, array)
        assert run(executor, kind, [shared])[0][2] == array.sum()
        for other in ([1, 2], "text", np.array(["a", None], dtype=object), None):
            assert executor.share(other) is other
