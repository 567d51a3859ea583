"""Workers of this machine find shared arrays in files, as long as these are needed."""

from pathlib import Path

import numpy as np
from joblib import parallel_config

from sktune.execution import Executor
from tests.execution.laws import die, run


def total(array):
    return float(array.sum()), bool(array.flags.writeable)


def test_shared_arrays_are_in_files_until_the_end():
    arrays = [np.arange(10_000.0) + k for k in range(3)]
    with Executor(n_jobs=2) as executor:
        shared, folder = [executor.share(array) for array in arrays], executor.folder
        assert all(folder in Path(array.filename).parents for array in shared)
        # a worker may read them, and not change what others read
        found = run(executor, total, shared + shared)
        assert found == [(array.sum(), False) for array in arrays] * 2
    assert not folder.exists()


def test_arrays_are_shared_with_the_workers_after_a_loss():
    array = np.arange(10_000.0)
    with Executor(n_jobs=2) as executor:
        shared = executor.share(array)
        run(executor, die, [0])
        assert run(executor, total, [shared]) == [(array.sum(), False)]


def test_threads_are_given_the_array_itself():
    array = np.arange(10_000.0)
    with parallel_config("threading"), Executor(n_jobs=2) as executor:
        assert executor.share(array) is array
        assert executor.folder is None
