"""Execution on this machine."""

import os

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor

from sktune.execution import Executor
from tests.execution.laws import ExecutorLaws, LossLaws, kind, run, where


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
class TestEveryBackend(ExecutorLaws):
    pass


@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 2)])
class TestProcesses(LossLaws):
    pass


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

    def test_processes_are_shared_with_scikit_learn(self):
        Parallel(n_jobs=2)(delayed(where)(job) for job in range(4))
        pids = set(get_reusable_executor(max_workers=2, reuse=True)._processes)
        with Executor(n_jobs=2) as executor:
            assert {pid for pid, _ in run(executor, where, range(4))} <= pids

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
