"""What comes of a job: its result, or a Failure that says why there is none."""

import time
from collections.abc import Callable
from typing import TypeVar

from sktune.candidates import Failure

Job = TypeVar("Job")
Result = TypeVar("Result")


def attempt(function: Callable[[Job], Result], job: Job) -> Result | Failure:
    """Return the function's result, or the failure if it raised.

    >>> attempt(len, [1, 2])
    2
    >>> attempt(len, 3).reason
    "TypeError: object of type 'int' has no len()"
    """
    start = time.perf_counter()
    try:
        return function(job)
    except Exception as error:
        return Failure.of(error, time.perf_counter() - start)
