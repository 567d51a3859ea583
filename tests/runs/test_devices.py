"""Each worker has a GPU of its own, as far as can be seen without one."""

import os
import threading
from contextlib import contextmanager

import pytest
import torch
from joblib import Parallel, delayed

from sktune.runs import devices


def numbered(folder):
    return os.getpid(), devices.worker_number(folder)


def test_processes_get_different_numbers(tmp_path):
    told = dict(Parallel(n_jobs=2)(delayed(numbered)(tmp_path) for _ in range(20)))
    assert sorted(told.values()) == list(range(len(told)))


def test_a_process_keeps_its_number(tmp_path):
    assert [devices.worker_number(tmp_path) for _ in range(3)] == [0, 0, 0]
    devices.worker_number.cache_clear()
    assert devices.worker_number(tmp_path) == 1


@pytest.mark.parametrize(("n_gpus", "chosen"), [(0, []), (1, []), (2, [0, 1, 0]), (3, [0, 1, 2])])
def test_workers_are_spread_over_the_gpus(tmp_path, monkeypatch, n_gpus, chosen):
    used = []

    @contextmanager
    def device(number):
        used.append(number)
        yield

    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    monkeypatch.setattr(torch.cuda, "device", device)
    for _ in range(3):
        devices.worker_number.cache_clear()
        with devices.own_gpu(tmp_path):
            pass
    assert used == chosen
    with devices.own_gpu(None):
        assert used == chosen


def test_threads_agree(tmp_path):
    devices.worker_number.cache_clear()
    told = [devices.worker_number(tmp_path)]
    thread = threading.Thread(target=lambda: told.append(devices.worker_number(tmp_path)))
    thread.start()
    thread.join()
    assert told == [0, 0]
