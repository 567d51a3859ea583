"""Pools of workers on other machines: joblib's Dask and Ray backends."""

import importlib
import os
from concurrent.futures import CancelledError, Future
from typing import Any

from joblib._dask import DaskDistributedBackend
from joblib.parallel import BatchedCalls

from sktune.exceptions import LostWorkerError
from sktune.execution.parcels import Parcels, called
from sktune.execution.pools import Call, Done, is_worth_sharing


class _Cluster:
    """Workers that are sent each array once, ahead of the jobs that need it."""

    _parcels: Parcels

    def share(self, array: Any) -> Any:
        """Remember to send it when a job needs it."""
        return self._parcels.share(array) if is_worth_sharing(array) else array

    def restart(self) -> None:
        """Send the data again, since the workers that had them may be gone."""
        self._parcels.forget()


class DaskPool(_Cluster):
    """Workers of a ``distributed`` cluster; ``dask`` itself tries again when one is lost."""

    loses_all = False

    def __init__(self, parallel: Any) -> None:
        self._backend = parallel._backend
        self._distributed = importlib.import_module("distributed")
        self._parcels = Parcels(self._scatter)

    def _scatter(self, array: Any) -> Any:
        # Every worker has it, so that it outlives most of them.
        return self._backend.client.scatter(array, broadcast=True, hash=False)

    def submit(self, call: Call, done: Done) -> None:
        """Give the call to joblib's backend."""
        # Dask puts the arrays in the place of their futures.
        batch = BatchedCalls([(called, (*self._parcels.packed(call), list), {})], None)
        future = self._backend.submit(batch, callback=_nobody)
        # The backend tells its callback of successes only.
        future.add_done_callback(done)

    def result(self, outcome: "Future[Any]") -> Any:
        """Read what the backend hands over."""
        try:
            (result,) = self._backend.retrieve_result_callback(outcome.result())
        except CancelledError as error:
            raise LostWorkerError("the data of a job were lost with a worker") from error
        return result

    def is_loss(self, error: BaseException) -> bool:
        """Dask says that it has tried often enough."""
        return isinstance(error, self._distributed.KilledWorker | LostWorkerError)

    def abandon(self) -> None:
        """Have the cluster forget what waits; what runs there cannot be stopped."""
        self._backend.client.cancel(list(self._backend._results))
        self._backend.abort_everything()


class RayPool(_Cluster):
    """Ray's actors."""

    loses_all = True

    def __init__(self, parallel: Any) -> None:
        self._backend = parallel._backend
        self._ray = importlib.import_module("ray")
        self._parcels = Parcels(self._ray.put)
        # At the first line that a worker prints Ray would put a function of its own in the place
        # of print, after which no net of skorch could be pickled here: they hold the real one.
        os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")

    def submit(self, call: Call, done: Done) -> None:
        """Give the call to joblib's backend."""
        nested = self._backend.get_nested_backend()
        batch = BatchedCalls([(called, (*self._parcels.packed(call), self._ray.get), {})], nested)
        self._backend.submit(batch, callback=done)

    def result(self, outcome: Any) -> Any:
        """Read what the backend hands over."""
        (result,) = self._backend.retrieve_result_callback(outcome)
        return result

    def is_loss(self, error: BaseException) -> bool:
        """Ray says that an actor died."""
        return isinstance(error, self._ray.exceptions.RayActorError | LostWorkerError)

    def restart(self) -> None:
        """Begin a new pool, and send the data again."""
        super().restart()
        self.abandon()

    def abandon(self) -> None:
        """End the actors."""
        self._backend.abort_everything()


def is_dask(backend: Any) -> bool:
    """Whether a backend of joblib is Dask's."""
    return isinstance(backend, DaskDistributedBackend)


def is_cluster(backend: Any) -> bool:
    """Whether a backend's workers may be on other machines."""
    return is_dask(backend) or type(backend).__module__.startswith("ray.")


def _nobody(outcome: Any) -> None:
    """Hear nothing: the future tells it."""
