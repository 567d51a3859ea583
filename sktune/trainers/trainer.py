"""What a trainer is, and the two of networks: one at a time, or in stacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sktune.candidates import Params
from sktune.runs.anatomy import assembled
from sktune.runs.fold import FoldJob, PreparedFold, prepare
from sktune.runs.run import Advanced, AdvanceJob, Outcome, finished_net
from sktune.runs.setup import Setup
from sktune.runs.solo import advance
from sktune.trainers.grouping import Planned, plan_stacks
from sktune.trainers.stacked import advance_stack, alone


class Trainer(Protocol):
    """Advances runs to a rung."""

    keeps_rows: bool
    """Whether a snapshot may hold training rows, as some fitted estimators do."""

    def prepare(self, job: FoldJob) -> PreparedFold:
        """Return the rows of a fold as the runs are trained on them."""

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[Planned]:
        """Return which jobs are done together, the dearest first."""

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score runs that were planned together; one that fails is a value."""

    def refit(self, job: AdvanceJob) -> Advanced:
        """Train the best candidate, which has all cores to itself."""

    def whole(self, setup: Setup, params: Params, fold: PreparedFold, snapshot: bytes) -> Any:
        """Return the fitted estimator as the user wrote it, which answers in the user's terms."""


class _NetTrainer:
    """What trainers of networks share."""

    keeps_rows = False

    def prepare(self, job: FoldJob) -> PreparedFold:
        """Fit the transformers and transform the rows, once per fold."""
        return prepare(job)

    def refit(self, job: AdvanceJob) -> Advanced:
        """Train one network."""
        return advance(job)

    def whole(self, setup: Setup, params: Params, fold: PreparedFold, snapshot: bytes) -> Any:
        """Put the trained net behind the transformers."""
        return assembled(setup.whole(params), fold.heads, finished_net(setup, fold, snapshot))


@dataclass(frozen=True)
class SoloTrainer(_NetTrainer):
    """Trains one network at a time, by skorch."""

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[Planned]:
        """Return each job alone."""
        return [Planned(job.n_resources, [number]) for number, job in enumerate(jobs)]

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score one after the other."""
        return [alone(job, "`stacking`=False") for job in jobs]


@dataclass(frozen=True)
class StackedTrainer(_NetTrainer):
    """Trains networks of one structure as one tensor program.

    ``largest`` is the most networks of a stack, None what is fastest.
    """

    largest: int | None = None

    def plan(self, jobs: Sequence[AdvanceJob]) -> list[Planned]:
        """Return the stacks."""
        return plan_stacks(jobs, self.largest)

    def advance(self, jobs: Sequence[AdvanceJob]) -> list[Outcome]:
        """Train and score a stack."""
        return advance_stack(jobs)
