"""The few errors of sktune, each with its remedy."""

import re
from collections import Counter
from collections.abc import Iterable

# As NumPy shows a number, a bool or a string of its own: np.int64(14), which a user wrote as 14.
_SCALAR = re.compile(r"\bnp\.(?:u?int|float|longdouble|bool|str)\d*_?\(([^()]*)\)")


class SktuneError(Exception):
    """Base class of the errors that only sktune raises."""


class InvalidSettingsError(SktuneError, ValueError):
    """Settings that cannot work, all of them in one message, before anything is trained.

    Remedy: each line names the parameter, the value got, and the values allowed.
    """


class DivergedError(SktuneError, ArithmeticError):
    """A network whose loss, weights or predictions are not finite.

    Remedy: search smaller learning rates, scale the inputs, or clip the gradient.
    """


class LostWorkerError(SktuneError, RuntimeError):
    """A worker process that died before its job was done.

    Remedy: if it was killed for want of memory, use fewer workers or a smaller ``stacking``.

    Parameters
    ----------
    message : str
        What happened.
    n_suspects : int, default=1
        Jobs any of which may have been the cause, this one among them; 0 if it was not this one.
    """

    def __init__(self, message: str, n_suspects: int = 1) -> None:
        super().__init__(message)
        self.n_suspects = n_suspects


class RunTimeoutError(SktuneError, TimeoutError):
    """A run that took longer than ``run_timeout``.

    Remedy: raise ``run_timeout``, or take out of the space what makes networks slow.
    """


class StorageError(SktuneError):
    """A storage directory that cannot be used: taken, damaged, of another search, or full.

    Remedy: the message says what is the matter and what to do.
    """


class DamagedSnapshotWarning(UserWarning):
    """A snapshot in a storage directory that is missing or not what was written.

    Remedy: none is needed, the run is trained again from the snapshot before; but look after the
    disk.
    """


class TooLittleDataWarning(UserWarning):
    """A search has too few results to say what was asked.

    Remedy: search with more candidates.
    """


class SharedPathWarning(UserWarning):
    """A callback that is given a path, to which all networks of a search then write.

    Remedy: write to a new file in each training, such as one of :mod:`tempfile`; skorch's own
    checkpoints have a directory for each network.
    """


class RefitFailedError(SktuneError, RuntimeError):
    """The best candidate could not be trained on all rows; what the search found stays.

    Remedy: the message says which row of ``cv_results_`` is the next best, and how to train it.
    """


class SearchInterrupt(KeyboardInterrupt):
    """Ctrl-C during ``fit``; what was found so far is in the attributes of the search.

    Remedy: fit again, with the same ``storage`` to go on where it was.
    """


class AllRunsFailedError(SktuneError, ValueError):
    """No candidate was left with a finite score.

    Remedy: the message counts the causes; ``error_score="raise"`` shows the first one whole.
    """


def refuse(mistakes: Iterable[str]) -> None:
    """Raise :class:`InvalidSettingsError` with all of the mistakes, if there are any.

    >>> refuse([])
    >>> refuse(["`lr`=-1.0 must be a positive number."])
    Traceback (most recent call last):
    sktune.exceptions.InvalidSettingsError: `lr`=-1.0 must be a positive number.
    >>> refuse(["`depth`=np.int64(-1) must be a whole number, at least 0."])
    Traceback (most recent call last):
    sktune.exceptions.InvalidSettingsError: `depth`=-1 must be a whole number, at least 0.
    """
    found = list(mistakes)
    if found:
        raise InvalidSettingsError(_SCALAR.sub(r"\1", "\n".join(found)))


def count_causes(errors: Iterable[str]) -> str:
    """Return the causes, the most frequent first, with their counts.

    >>> print(count_causes(["ValueError: no", "ValueError: no", "RuntimeError: so"]))
    2 x ValueError: no
    1 x RuntimeError: so
    """
    return "\n".join(f"{count} x {cause}" for cause, count in Counter(errors).most_common())
