"""How long processes live: a worker as long as the search it works for, a search until told."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import current_process, parent_process
from types import FrameType
from typing import TypeVar

from sktune.processes import Process

T = TypeVar("T")
WATCH = "sktune-watch"
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_STOP = 30.0
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@cache
def end_with(searching: Process) -> None:
    """End this process within seconds when another one has ended, however that one ended.

    A worker that is left waits for ever, for jobs that do not come or for its results to be read.
    """
    threading.Thread(target=_outlive, args=(searching,), name=WATCH, daemon=True).start()


def _outlive(searching: Process) -> None:
    while searching.is_alive():
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def called_for(searching: Process, call: Callable[[], T]) -> T:
    """Make a call in a worker, which from then on ends with the searching process."""
    if searching != Process.current():
        end_with(searching)
    return call()


def end_with_parent() -> None:
    """End a worker of joblib's in which a search runs with the process that it works for."""
    parent = parent_process()
    if parent is not None and "loky" in type(current_process()).__module__:
        end_with(Process.of(parent.pid or 0))


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Have signals that ask this process to end raise SystemExit in the ``with`` block.

    By default they end a process where it stands: workers and temporary folders stay behind.
    A handler of the caller's is left alone, and so are workers and threads.
    """
    is_asked = threading.current_thread() is threading.main_thread() and not parent_process()
    caught = [s for s in _SIGNALS if is_asked and signal.getsignal(s) is signal.SIG_DFL]
    stop = _Stop()
    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)
        stop.end()


class _Stop:
    """The handler of a signal: it raises SystemExit, and sees to it that the process ends.

    Code that catches everything cannot hold it up for longer than some seconds.
    """

    def __init__(self) -> None:
        self._deadline: threading.Timer | None = None
        self._status = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._status = 128 + number  # as shells say it of a process that a signal has ended
        if self._deadline is None:
            self._deadline = threading.Timer(_SECONDS_TO_STOP, os._exit, [self._status])
            self._deadline.daemon = True
            self._deadline.start()
        raise SystemExit(self._status)

    def end(self) -> None:
        """Stand down at the end of the block; a signal that went unheard there is heard now."""
        if self._deadline is not None:
            self._deadline.cancel()
            raise SystemExit(self._status)
