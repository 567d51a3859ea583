"""Where jobs go: the backends of joblib, with what each needs to know of data and of lost workers.

A backend is given to joblib's ``parallel_config``; what is not told by joblib's interface is how
arrays that many jobs need get to the workers once, and what it means when a worker is lost.
"""

import importlib
import itertools
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
from joblib._dask import DaskDistributedBackend
from joblib._parallel_backends import LokyBackend
from joblib.parallel import BatchedCalls

from sktune.exceptions import LostWorkerError
from sktune.execution.files import dump
from sktune.execution.parcels import Parcels, called

Call = Callable[[], Any]
Done = Callable[[Any], None]
_WORTH_SHARING = 1 << 12  # bytes


class Pool(Protocol):
    """Workers elsewhere, and the way to them."""

    is_here: bool
    """Whether workers are processes of this machine, which see its files."""
    loses_all: bool
    """Whether all jobs are lost when one worker is."""
    knows_who: bool
    """Whether the error of a lost worker comes from the job that it did."""

    def submit(self, call: Call, done: Done) -> None:
        """Have a call made, and ``done`` told of the outcome."""

    def result(self, outcome: Any) -> Any:
        """Return what the call returned, or raise what kept it from returning."""

    def is_loss(self, error: BaseException) -> bool:
        """Whether an error means that a worker is no more."""

    def restart(self) -> None:
        """Make the pool work again after a loss."""

    def abandon(self) -> None:
        """Stop what is running: nobody will ask for it any more."""

    def share(self, array: Any) -> Any:
        """Return an array that has a short way to the workers."""


class LocalPool:
    """Processes or threads of this machine."""

    is_here = True
    loses_all = True
    knows_who = False

    def __init__(self, parallel: Any, folder: Path) -> None:
        self._parallel, self._folder = parallel, folder
        self._n_files = itertools.count()

    @property
    def _has_processes(self) -> bool:
        return isinstance(self._parallel._backend, LokyBackend)

    def submit(self, call: Call, done: Done) -> None:
        """Give the call to joblib's backend."""
        backend = self._parallel._backend
        batch = BatchedCalls([(call, (), {})], backend.get_nested_backend(), self._pickled_here)
        backend.submit(batch, callback=done)

    def _pickled_here(self) -> None:
        """Have large arrays of the job that is being pickled put into files of this search."""
        if self._has_processes:
            manager = self._parallel._backend._workers._temp_folder_manager
            manager.set_current_context(self._parallel._id)

    def result(self, outcome: Any) -> Any:
        """Read what the backend hands over."""
        (result,) = self._parallel._backend.retrieve_result_callback(outcome)
        return result

    def is_loss(self, error: BaseException) -> bool:
        """Loky says that the pool is broken."""
        return isinstance(error, BrokenExecutor)

    def restart(self) -> None:
        """Begin a new pool."""
        self._parallel._backend.abort_everything()

    abandon = restart

    def share(self, array: Any) -> Any:
        """Map a file into memory, for processes."""
        if not (self._has_processes and is_worth_sharing(array)):
            return array
        path = self._folder / f"{next(self._n_files)}.npy"
        dump(np.asarray(array), path)
        return joblib.load(path, mmap_mode="r")


class DaskPool:
    """Workers of a ``distributed`` cluster; ``dask`` itself tries again when one is lost."""

    is_here = False
    loses_all = False
    knows_who = True

    def __init__(self, parallel: Any) -> None:
        self._backend = parallel._backend
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
        distributed = importlib.import_module("distributed")
        return isinstance(error, distributed.KilledWorker | LostWorkerError)

    def restart(self) -> None:
        """Scatter the data again, since the workers that had them may be gone."""
        self._parcels.forget()

    def abandon(self) -> None:
        """Have the cluster forget what waits; what runs there cannot be stopped."""
        self._backend.client.cancel(list(self._backend._results))
        self._backend.abort_everything()

    def share(self, array: Any) -> Any:
        """Remember to scatter it when a job needs it."""
        return self._parcels.share(array) if is_worth_sharing(array) else array


class RayPool:
    """Ray's actors."""

    is_here = False
    loses_all = True
    knows_who = True

    def __init__(self, parallel: Any) -> None:
        self._backend = parallel._backend
        self._ray = importlib.import_module("ray")
        self._parcels = Parcels(self._ray.put)

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
        """Begin a new pool."""
        self._backend.abort_everything()
        self._parcels.forget()

    abandon = restart

    def share(self, array: Any) -> Any:
        """Remember to put it into the object store when a job needs it."""
        return self._parcels.share(array) if is_worth_sharing(array) else array


def pool_of(parallel: Any, folder: Path) -> Pool:
    """Return the pool of joblib's active backend."""
    backend = parallel._backend
    if isinstance(backend, DaskDistributedBackend):
        return DaskPool(parallel)
    return RayPool(parallel) if is_cluster(backend) else LocalPool(parallel, folder)


def is_cluster(backend: Any) -> bool:
    """Whether a backend's workers may be on other machines."""
    from_ray = type(backend).__module__.startswith("ray.")
    return from_ray or isinstance(backend, DaskDistributedBackend)


def is_worth_sharing(thing: Any) -> bool:
    """Whether a thing is an array that is better sent once than with each job."""
    is_array = isinstance(thing, np.ndarray) and not thing.dtype.hasobject
    return is_array and thing.nbytes >= _WORTH_SHARING


def _nobody(outcome: Any) -> None:
    """Hear nothing: the future tells it."""
