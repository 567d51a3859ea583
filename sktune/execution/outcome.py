"""What comes of a job: its result, or a Failure that says why there is none."""

import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """A job that raised: the error, its reason in one line, its traceback, seconds it took."""

    error: Exception
    reason: str
    details: str
    seconds: float


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
        seconds = time.perf_counter() - start
        details = "".join(traceback.format_exception(error))
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Failure(_portable(error, details), reason, details, seconds)


def _portable(error: Exception, details: str) -> Exception:
    """Return the error if it survives the way to another process, else its text."""
    # A traceback keeps every frame's data alive, and its text is already in the details.
    error = error.with_traceback(None)
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a foreign exception does when it is pickled
        copy = None
    return error if type(copy) is type(error) else RuntimeError(details)
