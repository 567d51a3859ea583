"""Workers of this machine: processes, which map shared arrays from files, or threads."""

import itertools
import time
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib._parallel_backends import LokyBackend
from joblib.parallel import BatchedCalls

from sktune.execution.files import dump
from sktune.execution.lifetime import called_for, end_with
from sktune.execution.pools import Call, Done, is_worth_sharing
from sktune.processes import Process
from sktune.temporary import note_elsewhere

_SECONDS_BUSY = 0.1


class LocalPool:
    """Processes or threads of this machine."""

    loses_all = True

    def __init__(self, parallel: Any, folder: Path | None) -> None:
        self._parallel, self._folder = parallel, folder
        self._n_files = itertools.count()
        self._searching = Process.current()
        self._loky: Any = None
        self._take_over()

    @property
    def _has_processes(self) -> bool:
        return isinstance(self._parallel._backend, LokyBackend)

    def submit(self, call: Call, done: Done) -> None:
        """Give the call to joblib's backend."""
        backend = self._parallel._backend
        self._take_over()
        calls: Any = [(called_for, (self._searching, call), {})]
        batch = BatchedCalls(calls, backend.get_nested_backend(), self._pickled_here)
        backend.submit(batch, callback=done)

    def _take_over(self) -> None:
        """Have the workers of loky, and its files, end with this process."""
        if not self._has_processes or self._loky is self._parallel._backend._workers:
            return
        self._loky = self._parallel._backend._workers
        if self._loky._initializer is not end_with:
            self._loky._initializer, self._loky._initargs = end_with, (self._searching,)
            self._tell_workers()
        if self._folder is not None:
            self._pickled_here()
            maps = Path(self._loky._temp_folder_manager.resolve_temp_folder_name())
            note_elsewhere(self._folder, maps.with_name(f"{maps.name.rpartition('_')[0]}_*"))

    def _tell_workers(self) -> None:
        """Give each of the workers that scikit-learn has left a job that keeps it for a moment."""
        with suppress(BrokenExecutor):
            for _ in list(self._loky._processes):
                self._loky.submit(called_for, self._searching, partial(time.sleep, _SECONDS_BUSY))

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
        if self._folder is None or not (self._has_processes and is_worth_sharing(array)):
            return array
        path = self._folder / f"{next(self._n_files)}.npy"
        dump(np.asarray(array), path)
        return joblib.load(path, mmap_mode="r")
