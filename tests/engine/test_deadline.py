"""The clock of a search starts when its workers can work."""

import math

import pytest

from sktune.engine import deadline as room
from sktune.engine.deadline import Deadline

IMPORTS = 5.0


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class SlowStart:
    """Two worker processes, each of which imports for some seconds before its first job."""

    n_workers = 2

    def __init__(self, clock, has_processes):
        self.clock, self.has_processes, self.n_running, self.given = clock, has_processes, 0, []

    def submit(self, function, job):
        self.given.append(job)
        self.n_running += 1

    def next(self):
        self.clock.now += IMPORTS
        self.n_running -= 1


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(room, "time", clock)
    return clock


def test_imports_do_not_count(clock):
    executor, deadline = SlowStart(clock, has_processes=True), Deadline(2.0)
    deadline.start(executor, "trainer")
    assert executor.given == ["trainer"] * 2
    assert clock.now == 100 + 2 * IMPORTS
    assert not deadline.has_passed
    clock.now += 2.0
    assert deadline.has_passed


@pytest.mark.parametrize(("seconds", "has_processes"), [(math.inf, True), (2.0, False)])
def test_nobody_waits_who_need_not(clock, seconds, has_processes):
    executor, deadline = SlowStart(clock, has_processes), Deadline(seconds)
    deadline.start(executor, "trainer")
    assert not executor.given
    clock.now += 2.0
    assert deadline.has_passed == (seconds == 2.0)


def test_before_the_start_it_does_not_run(clock):
    deadline = Deadline(2.0)
    clock.now += 1e6
    assert not deadline.has_passed
