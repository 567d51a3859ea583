"""Small clusters for the tests, as fixtures."""

import os
import warnings

import pytest


@pytest.fixture(scope="module")
def dask_cluster():
    """A Dask cluster of two worker processes, and a client of it."""
    distributed = pytest.importorskip("distributed", reason="needs sktune[dask]")
    import dask

    # A job that kills its worker is tried once more by Dask itself, in place of three times.
    settings = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory):
    """Ray with two CPUs, registered with joblib."""
    ray = pytest.importorskip("ray", reason="needs sktune[ray]")
    from ray.util.joblib import register_ray

    path = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Ray warns of when it starts is no concern of ours
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": path}},
        )
    register_ray()
    yield ray
    ray.shutdown()
