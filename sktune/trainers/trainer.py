"""The two ways to advance the runs of a rung: one network at a time, or in stacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sktune.trainers.grouping import plan_stacks
from sktune.trainers.runs import AdvanceJob
from sktune.trainers.stacked import Outcome, advance_stack, alone


class Trainer(Protocol):
    """Advances runs to a rung."""

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[list[int]]:
        """Return the numbers of the jobs that are done together, the dearest first."""

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score runs that were planned together; one that fails is a value."""


@dataclass(frozen=True)
class SoloTrainer:
    """Trains one network at a time, by skorch."""

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[list[int]]:
        """Return each job alone."""
        return [[number] for number in range(len(jobs))]

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score one after the other."""
        return [alone(job, "`stacking`=False") for job in jobs]


@dataclass(frozen=True)
class StackedTrainer:
    """Trains networks of one structure as one tensor program.

    ``largest`` is the most networks of a stack, None what is fastest.
    """

    largest: int | None = None

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[list[int]]:
        """Return the stacks."""
        return plan_stacks(jobs, self.largest)

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score a stack."""
        return advance_stack(jobs)
