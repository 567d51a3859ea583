"""Execution on clusters: joblib's Dask and Ray backends, with two worker processes each."""

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from skorch.callbacks import PrintLog

from sktune.exceptions import LostWorkerError
from sktune.execution import Executor
from sktune.execution.parcels import Parcels, called
from tests.clusters import dask_cluster, ray_cluster
from tests.execution.laws import ExecutorLaws, LossLaws, kind, run

BOTH = pytest.mark.parametrize(("backend", "n_jobs"), [("dask", 2), ("ray", 2)])

__all__ = ["dask_cluster", "ray_cluster"]


@pytest.fixture(autouse=True)
def cluster(request, backend):
    return request.getfixturevalue(f"{backend}_cluster")


@BOTH
class TestClusters(ExecutorLaws):
    pass


@BOTH
class TestLosses(LossLaws):
    pass


@BOTH
def test_arrays_are_sent_once(backend, n_jobs, monkeypatch):
    sent = []
    real = Parcels._reference

    def counting(self, thing):
        known = set(self._sent)
        found = real(self, thing)
        sent.extend(set(self._sent) - known)
        return found

    monkeypatch.setattr(Parcels, "_reference", counting)
    array = np.arange(100_000.0)
    with parallel_config(backend), Executor(n_jobs) as executor:
        assert executor.folder is None
        assert executor.share(array) is array
        found = run(executor, kind, [array] * 6)
    assert [total for _, _, total in found] == [array.sum()] * 6
    assert len(sent) == 1


@pytest.mark.parametrize("backend", ["ray"])
def test_ray_leaves_print_alone(backend):
    """Else nets of skorch, which hold Python's own, could not be pickled after a search."""
    tqdm_ray = pytest.importorskip("ray.experimental.tqdm_ray", reason="needs sktune[ray]")
    with parallel_config("ray"), Executor(2) as executor:
        run(executor, abs, [-1])
    tqdm_ray.instance()  # what Ray calls at the first line that a worker prints
    pickle.dumps(PrintLog())


@pytest.mark.parametrize("backend", ["dask"])
def test_a_parcel_is_light(backend):
    array, other = np.ones(100_000), np.zeros(10)
    parcels = Parcels(np.sum)
    parcels.share(array)
    packed, sent = parcels.packed(lambda: (array, other.tolist(), array))
    assert len(packed) < 5000
    assert sent == [100_000.0]
    assert called(packed, sent, list) == (100_000.0, other.tolist(), 100_000.0)
    with pytest.raises(LostWorkerError, match="did not reach its worker"):
        called(packed, [], list)
