"""Ctrl-C that somebody swallows is noticed, and others' ways to handle it are left alone."""

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from sktune.execution import noticed_interrupts


def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    # Another thread may have taken the signal: Python tells this one at its next instruction.
    for _ in range(10):
        time.sleep(0.01)


def swallowed():
    with suppress(KeyboardInterrupt):
        interrupted()


def test_what_is_swallowed_is_raised_again():
    with noticed_interrupts() as raise_again:
        raise_again()
        swallowed()
        with pytest.raises(KeyboardInterrupt):
            raise_again()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_strikes_at_once():
    with pytest.raises(KeyboardInterrupt), noticed_interrupts():
        interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_callers_is_left():
    seen = []

    def mine(number, frame):
        seen.append(number)

    before = signal.signal(signal.SIGINT, mine)
    try:
        with noticed_interrupts() as raise_again:
            assert signal.getsignal(signal.SIGINT) is mine
            interrupted()
            raise_again()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


def test_in_a_thread_nothing_is_changed():
    seen = []

    def work():
        with noticed_interrupts() as raise_again:
            raise_again()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
