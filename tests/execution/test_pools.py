"""What is sent to workers once, and what with each job."""

import numpy as np
import pytest

from sktune.execution.pools import is_worth_sharing


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (np.zeros(10_000), True),
        (np.zeros((100, 100), dtype=np.int8)[::2], True),
        (np.array(["text"] * 10_000), True),
        (np.zeros(10), False),
        # a pickle of each element would have to be made
        (np.array([None, "a"] * 10_000), False),
        ([0.0] * 10_000, False),
        (None, False),
    ],
)
def test_large_arrays_of_plain_numbers_are_worth_sharing(thing, expected):
    assert is_worth_sharing(thing) == expected
