"""What the executor needs to know of a backend of joblib, beyond what joblib's interface tells.

A backend is given to joblib's ``parallel_config``; what is not told by joblib's interface is how
arrays that many jobs need get to the workers once, and what it means when a worker is lost.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

Call = Callable[[], Any]
Done = Callable[[Any], None]
_WORTH_SHARING = 1 << 12  # bytes


class Pool(Protocol):
    """Workers elsewhere, and the way to them."""

    loses_all: bool
    """Whether all jobs are lost when one worker is."""

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


def is_worth_sharing(thing: Any) -> bool:
    """Whether a thing is an array that is better sent once than with each job."""
    is_array = isinstance(thing, np.ndarray) and not thing.dtype.hasobject
    return is_array and thing.nbytes >= _WORTH_SHARING
