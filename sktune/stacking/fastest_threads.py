"""How many threads of torch the steps of a stack take: as many as are fastest at the moment.

Threads of torch wait for each other after each call. What they gain depends on the size of a step,
and on what else the machine does: so it is measured, again and again. Only steps whose results are
the same to the last bit on any number of threads may be given more than one.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

# Steps until the other number of threads is tried; it doubles whenever that is no faster.
_FIRST_PAUSE, _LONGEST_PAUSE = 32, 2048
_SHARE_OF_LATEST = 0.25
_WORTH_A_TRIAL = 4e-4  # seconds


class FastestThreads:
    """Makes steps on one thread or on several, whichever took less time.

    Parameters
    ----------
    n_threads : int
        The number that is tried besides one.
    is_allowed : callable
        Says whether it may be; called once, before it is tried first.
    clock : callable, default=time.perf_counter
        Returns seconds.

    Examples
    --------
    >>> seen = []
    >>> threads = FastestThreads(n_threads=2, is_allowed=lambda: True)
    >>> threads.measure(lambda: seen.append(torch.get_num_threads()))
    >>> seen
    [1]
    """

    def __init__(
        self,
        n_threads: int,
        is_allowed: Callable[[], bool],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock, self._is_allowed = clock, is_allowed
        self._fastest, self._other = 1, n_threads
        self._seconds = {n_threads: math.inf, 1: math.inf}
        self._pause, self._left = _FIRST_PAUSE, 1

    def measure(self, step: Callable[[], None]) -> None:
        """Make one of many steps alike, on a number of threads that it may show to be faster."""
        if self._left or not self._is_worth_a_trial():
            self._follow(self._timed(step, self._fastest))
        else:
            self._try(step)
        if self._seconds[self._other] < self._seconds[self._fastest]:
            self._fastest, self._other = self._other, self._fastest

    def _is_worth_a_trial(self) -> bool:
        if self._seconds[self._fastest] < _WORTH_A_TRIAL or self._other == self._fastest:
            return False
        if math.isinf(self._seconds[self._other]) and not self._is_allowed():
            self._other = self._fastest
            return False
        return True

    def _follow(self, seconds: float) -> None:
        known = self._seconds[self._fastest]
        latest = seconds if math.isinf(known) else known + _SHARE_OF_LATEST * (seconds - known)
        self._seconds[self._fastest] = latest
        self._left = max(0, self._left - 1)

    def _try(self, step: Callable[[], None]) -> None:
        self._seconds[self._other] = self._timed(step, self._other)
        is_faster = self._seconds[self._other] < self._seconds[self._fastest]
        self._pause = _FIRST_PAUSE if is_faster else min(2 * self._pause, _LONGEST_PAUSE)
        self._left = self._pause

    def _timed(self, step: Callable[[], None], n_threads: int) -> float:
        with _on(n_threads):
            start = self._clock()
            step()
            return self._clock() - start


@contextmanager
def _on(n_threads: int) -> Iterator[None]:
    """Compute on some threads in a block; more than there were outside it, if need be."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_same_on(n_threads: int, step: Callable[[], None], results: Sequence[torch.Tensor]) -> bool:
    """Whether a step leaves the same bits in its results on one thread and on several."""
    found = []
    for n in (n_threads, 1):
        with _on(n):
            step()
            found.append([result.clone() for result in results])
    return all(map(_has_same_bits, *found))


def _has_same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.uint8), other.view(torch.uint8))
