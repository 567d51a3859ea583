"""Objects in files are what joblib reads."""

import joblib
import numpy as np

from sktune.execution.files import dump


def test_joblib_reads_what_is_written(tmp_path):
    thing = {"numbers": np.arange(10.0), "text": "ö"}
    dump(thing, tmp_path / "thing")
    found = joblib.load(tmp_path / "thing")
    assert found["text"] == thing["text"]
    assert np.array_equal(found["numbers"], thing["numbers"])


def test_arrays_can_be_mapped_into_memory(tmp_path):
    array = np.random.default_rng(0).normal(size=(50, 3))
    dump(array, tmp_path / "array.npy")
    found = joblib.load(tmp_path / "array.npy", mmap_mode="r")
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, array)
