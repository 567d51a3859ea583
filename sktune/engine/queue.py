"""The stacks that wait for a worker, and which of them is begun next."""

from collections.abc import Iterable

from sktune.candidates import Failure, Run
from sktune.engine.faults import Faults
from sktune.engine.waves import StackJob


class StackQueue:
    """Stacks in the order in which they are begun.

    The longest comes first, of equals the one whose runs were begun first. What may have ended a
    worker comes last, and is done with nothing beside it.

    Parameters
    ----------
    max_retries : int
        How often a stack is tried again that failed as a whole.
    """

    def __init__(self, max_retries: int) -> None:
        self._max_retries = max_retries
        self._waiting: list[StackJob] = []
        self._begun: dict[int, StackJob] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, stacks: Iterable[StackJob]) -> None:
        """Have stacks wait for a worker."""
        self._waiting = sorted([*self._waiting, *stacks], key=_priority)

    def may_begin(self, n_running: int, at_once: int) -> bool:
        """Whether the next stack can be begun beside so many jobs that run."""
        if self._waiting[0].faults.must_be_alone:
            return n_running == 0
        is_busy = any(stack.faults.must_be_alone for stack in self._begun.values())
        return n_running < at_once and not is_busy

    def next(self) -> StackJob:
        """Return the stack that is to be begun."""
        return self._waiting.pop(0)

    def begun(self, number: int, stack: StackJob) -> None:
        """Note the number of the job that trains a stack."""
        self._begun[number] = stack

    def ended(self, number: int) -> StackJob:
        """Return the stack of a job that has ended."""
        return self._begun.pop(number)

    def retry(self, stack: StackJob, failure: Failure) -> bool:
        """Have a stack tried again that failed as a whole, in halves when it goes on to fail.

        Returns
        -------
        bool
            False if it has been tried often enough.
        """
        faults = stack.faults.after(failure.error)
        if faults.n_own <= self._max_retries:
            self.add([stack._replace(faults=faults)])
            return True
        if len(stack.jobs) > 1:
            self.add(stack.halves(Faults.last_chance(self._max_retries)))
            return True
        return False


def _priority(stack: StackJob) -> tuple[bool, float, Run]:
    first, _ = stack.due[0]
    return stack.faults.must_be_alone, -stack.cost, first
