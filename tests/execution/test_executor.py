"""The law suite of execution: every backend of joblib runs it."""

import os
import threading

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


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
class TestEveryBackend:
    def test_every_result_comes_back_once(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            assert dict(executor.run(work, [0, 1, 2])) == {0: 0, 1: 1, 2: 4}
            assert dict(executor.run(work, [5])) == {0: 25}
            assert list(executor.run(work, [])) == []

    def test_a_failure_is_a_value(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            found = dict(executor.run(work, [2, 3, 4]))
        assert found[0] == 4
        assert isinstance(found[1], Failure)
        assert isinstance(found[1].error, KeyError)
        assert found[1].reason == "KeyError: 'three'"
        assert "in work" in found[1].details
        assert found[1].seconds >= 0
        assert isinstance(found[2].error, RuntimeError)
        assert found[2].reason == "PickyError: 1"

    def test_results_come_as_they_are_ready(self, backend, n_jobs):
        with parallel_config(backend), Executor(n_jobs) as executor:
            results = executor.run(work, range(5, 50))
            number, result = next(results)
            assert result == (number + 5) ** 2
            assert len(list(results)) == 44


class TestWorkers:
    def test_parallel_config_is_honoured(self):
        with parallel_config("threading", n_jobs=2), Executor() as executor:
            assert executor.n_workers == 2
            assert {pid for _, (pid, _) in executor.run(where, range(4))} == {os.getpid()}

    def test_n_jobs_comes_first(self):
        with parallel_config("loky", n_jobs=2), Executor(n_jobs=1) as executor:
            assert executor.n_workers == 1

    def test_processes_are_others(self):
        with Executor(n_jobs=2) as executor:
            assert os.getpid() not in {pid for _, (pid, _) in executor.run(where, range(4))}

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
            ours = {pid for _, (pid, _) in executor.run(where, range(4))}
        assert ours <= {pid for found in pids for pid, _ in found}

    def test_data_reach_processes_as_memory_maps(self):
        array = np.ones(200_000)
        with Executor(n_jobs=2) as executor:
            kinds = [result for _, result in executor.run(kind, [array, array])]
        assert kinds == [("memmap", False, 200_000.0)] * 2


@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 2), ("loky", 1), ("threading", 2)])
def test_shared_arrays_are_the_same_for_the_workers(backend, n_jobs):
    array = np.arange(10_000.0).reshape(-1, 4)
    with parallel_config(backend), Executor(n_jobs) as executor:
        shared = executor.share(array)
        assert isinstance(shared, np.memmap) == ((backend, n_jobs) == ("loky", 2))
        assert np.array_equal(shared, array)
        assert dict(executor.run(kind, [shared]))[0][2] == array.sum()
        for other in ([1, 2], "text", np.array(["a", None], dtype=object), None):
            assert executor.share(other) is other
