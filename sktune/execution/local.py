"""Workers of this machine: processes, which map shared arrays from files, or threads."""

import itertools
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib._parallel_backends import LokyBackend
from joblib.parallel import BatchedCalls

from sktune.execution.files import dump
from sktune.execution.pools import Call, Done, is_worth_sharing


class LocalPool:
    """Processes or threads of this machine."""

    is_here = True
    loses_all = True

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
