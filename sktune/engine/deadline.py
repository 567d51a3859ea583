"""When the time of a search is up: its clock starts when the workers can work."""

import math
import time
from typing import Any

from sktune.execution import Executor


class Deadline:
    """Seconds that run from ``start`` on.

    Parameters
    ----------
    seconds : float
        Infinity for as long as it takes.

    Examples
    --------
    >>> deadline = Deadline(0.0)
    >>> deadline.has_passed
    False
    >>> with Executor(n_jobs=1) as executor:
    ...     deadline.start(executor, needed=None)
    >>> deadline.has_passed
    True
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, math.inf

    def start(self, executor: Executor, needed: Any) -> None:
        """Begin to count, when each worker has had a job that brings what is ``needed``.

        New processes import torch for some seconds, in which nothing can be trained.
        """
        if self._seconds < math.inf and executor.has_processes:
            for _ in range(executor.n_workers):
                executor.submit(type, needed)
            while executor.n_running:
                executor.next()
        self._end = time.monotonic() + self._seconds

    @property
    def has_passed(self) -> bool:
        """Whether time is up."""
        return time.monotonic() >= self._end
