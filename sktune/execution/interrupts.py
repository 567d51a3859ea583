"""Ctrl-C that somebody catches on the way: skorch's ``fit`` ends early at one, without a word."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def noticed_interrupts() -> Iterator[Callable[[], None]]:
    """Give a function that raises KeyboardInterrupt again if there was one in the ``with`` block.

    Where the caller has a way of his own to handle the signal, it is left alone.
    """
    found: list[int] = []

    def noticed(number: int, frame: Any) -> None:
        found.append(number)
        signal.default_int_handler(number, frame)

    def raise_again() -> None:
        if found:
            raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
        yield raise_again
        return
    signal.signal(signal.SIGINT, noticed)
    try:
        yield raise_again
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
