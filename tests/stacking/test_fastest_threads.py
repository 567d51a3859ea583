"""Steps are made on the number of threads that is fastest at the moment."""

import math

import pytest
import torch

from sktune.stacking.fastest_threads import FastestThreads, is_same_on


class Machine:
    """A clock that goes on while steps are made, at a pace that depends on the threads."""

    def __init__(self):
        self.seconds, self.now, self.used = {1: 0.01, 2: 0.006}, 0.0, []

    def clock(self):
        return self.now

    def step(self):
        self.used.append(torch.get_num_threads())
        self.now += self.seconds[self.used[-1]]

    def run(self, threads, n_steps):
        self.used = []
        for _ in range(n_steps):
            threads.measure(self.step)
        return self.used.count(2) / n_steps


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)


def test_threads_that_gain_are_kept():
    machine = Machine()
    threads = FastestThreads(2, lambda: True, machine.clock)
    assert machine.run(threads, 4) == 3 / 4
    assert machine.run(threads, 1000) > 0.97


def test_threads_that_gain_nothing_are_tried_less_and_less():
    machine = Machine()
    machine.seconds[2] = 0.15
    threads = FastestThreads(2, lambda: True, machine.clock)
    assert machine.run(threads, 1000) < 0.01
    assert machine.run(threads, 10_000) < 0.001


def test_it_follows_what_the_machine_does():
    machine = Machine()
    threads = FastestThreads(2, lambda: True, machine.clock)
    machine.run(threads, 100)
    machine.seconds[2] = 0.15  # others need the cores now
    assert machine.run(threads, 1000) < 0.02
    machine.seconds[2] = 0.006
    assert machine.run(threads, 5000) > 0.5


def test_short_steps_are_never_tried_on_more():
    machine = Machine()
    machine.seconds = {1: 1e-4, 2: 1e-5}
    assert machine.run(FastestThreads(2, lambda: True, machine.clock), 1000) == 0


def test_threads_that_are_not_allowed_are_not_tried():
    machine, asked = Machine(), []
    threads = FastestThreads(2, lambda: bool(asked.append("")), machine.clock)
    assert machine.run(threads, 1000) == 0
    assert len(asked) == 1


def test_a_step_that_raises_leaves_the_threads_as_they_were():
    threads = FastestThreads(2, lambda: True)
    threads.measure(lambda: None)
    with pytest.raises(ZeroDivisionError):
        threads.measure(lambda: 1 / 0)


def test_bits_decide_whether_results_are_the_same():
    found = torch.empty(3)

    def step(of=lambda: 0.0):
        found.copy_(torch.tensor([1.0, math.nan, of()]))

    assert is_same_on(2, step, [found])
    assert not is_same_on(2, lambda: step(torch.get_num_threads), [found])
