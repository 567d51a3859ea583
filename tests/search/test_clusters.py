"""Law 4 on clusters: Dask and Ray give the same answer, and a lost worker costs a retry."""

import os
import signal
import threading
import time

import pytest
from joblib import parallel_config
from sklearn.datasets import load_digits

from sktune import SuccessiveHalvingSearchCV
from tests.clusters import dask_cluster, ray_cluster
from tests.search.test_storage import PIPE, SPACE, found

__all__ = ["dask_cluster", "ray_cluster"]

X, Y = load_digits(return_X_y=True)


def halving(**settings):
    settings = {"n_candidates": 9, "max_resources": 9, "cv": 3, "stacking": 3, **settings}
    return SuccessiveHalvingSearchCV(PIPE, SPACE, refit=False, random_state=0, **settings)


@pytest.fixture(scope="module")
def clean():
    with parallel_config("loky", n_jobs=2):
        return found(halving().fit(X, Y))


def test_dask(dask_cluster, clean, tmp_path):
    with parallel_config("dask"):
        assert found(halving(storage=tmp_path).fit(X, Y)) == clean
    assert found(halving(storage=tmp_path).fit(X, Y)) == clean


def test_ray(ray_cluster, clean):
    with parallel_config("ray", n_jobs=2):
        assert found(halving().fit(X, Y)) == clean


def test_a_dask_worker_that_is_killed(dask_cluster, clean, tmp_path):
    journal = tmp_path / "journal.jsonl"

    def kill():
        while not (journal.exists() and b'"Reached"' in journal.read_bytes()):
            time.sleep(0.01)
        os.kill(pids.popitem()[1], signal.SIGKILL)

    pids = dask_cluster.run(os.getpid)
    killer = threading.Thread(target=kill)
    killer.start()
    with parallel_config("dask"):
        fitted = halving(storage=tmp_path).fit(X, Y)
    killer.join()
    assert found(fitted) == clean


def test_callbacks_stay_at_home(dask_cluster, clean, capsys):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has callbacks")
    pytest.importorskip("rich", reason="scikit-learn's progress bar needs rich")
    search = halving().set_callbacks(callback.ProgressBar())
    with parallel_config("dask"):
        assert found(search.fit(X, Y)) == clean
    assert "SuccessiveHalvingSearchCV - fit" in capsys.readouterr().out
