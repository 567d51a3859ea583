"""The one loop: sampler -> schedule -> trainers through execution -> history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sktune.candidates import (
    Action,
    Advance,
    Candidate,
    Failure,
    History,
    Propose,
    Report,
    Run,
    Seeds,
    Stop,
)
from sktune.exceptions import DivergedError
from sktune.execution import Executor
from sktune.samplers import Sampler
from sktune.trainers import (
    Advanced,
    AdvanceJob,
    FoldJob,
    PreparedFold,
    Setup,
    Trainer,
    head_setting,
    prepare,
)

Rows = npt.NDArray[np.intp]
FoldKey = tuple[str, int]


class Schedule(Protocol):
    """A rule from what has happened to what is due."""

    def decide(self, history: History) -> Sequence[Action]:
        """Return all that is due and not yet reported; a pure function of the history."""


class Observer(Protocol):
    """Someone who is told how the search goes on."""

    def rung_begins(self, bracket: int, rung: int, runs: Sequence[Run]) -> None:
        """Hear which runs are about to be advanced."""

    def run_ends(self, report: Report) -> None:
        """Hear what a run reported, in the order the reports come in."""

    def rung_ends(self, bracket: int, rung: int, history: History) -> bool:
        """Hear that all runs of a rung have reported; return True to end the search."""


@dataclass(frozen=True)
class Problem:
    """What is searched on: the shared setup, the data, its splits and the source of seeds.

    ``path`` leads to the final net within the estimator; ``whole_pipeline`` says that the scorer
    wants to see more than predictions.
    """

    setup: Setup
    path: str
    X: Any
    y: Any
    splits: Sequence[tuple[Rows, Rows]]
    seeds: Seeds
    whole_pipeline: bool = False
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)

    def fold_job(self, candidate: Candidate, fold: int) -> FoldJob:
        """Return the job that makes a fold ready for a candidate."""
        return FoldJob(
            self.setup,
            candidate.params,
            self.X,
            self.y,
            *self.splits[fold],
            seed=self.seeds.derive("transform", fold),
            fit_params=self.fit_params,
            score_params=self.score_params,
        )


class Kept(NamedTuple):
    """A run between two rungs."""

    n_resources: int
    snapshot: bytes


class Engine:
    """A search in progress.

    Parameters
    ----------
    problem : Problem
        What is searched on.
    sampler : Sampler
        Proposes candidates.
    schedule : Schedule
        Decides how far each is trained.
    trainer : Trainer
        Advances runs.
    executor : Executor
        Runs the jobs.
    observers : sequence of Observer
        Are told how it goes.
    raise_errors : bool
        Raise the first error of a run in place of recording it.

    Attributes
    ----------
    history : History
        All that was proposed and measured.
    snapshots : dict of Run to Kept
        The runs that can still go on, and how far they are. A candidate's fold networks are
        always of one rung: what a rung adds is kept when all folds have reached it.
    folds : dict of (setting, fold) to PreparedFold
        The folds that these runs train on.
    stop_reason : str
        Why the search ended.
    """

    def __init__(
        self,
        problem: Problem,
        sampler: Sampler,
        schedule: Schedule,
        trainer: Trainer,
        executor: Executor,
        observers: Sequence[Observer] = (),
        raise_errors: bool = False,
    ) -> None:
        self.problem = problem
        self.sampler = sampler
        self.schedule = schedule
        self.trainer = trainer
        self.executor = executor
        self.observers = observers
        self.raise_errors = raise_errors
        self.history = History()
        self.snapshots: dict[Run, Kept] = {}
        self.folds: dict[FoldKey, PreparedFold] = {}
        self.stop_reason = ""

    def run(self) -> None:
        """Do what the schedule decides until it says stop."""
        while not self.stop_reason:
            actions = self.schedule.decide(self.history)
            for action in actions:
                if isinstance(action, Propose):
                    self._propose(action)
                elif isinstance(action, Stop):
                    self.stop_reason = action.reason
            due = [action for action in actions if isinstance(action, Advance)]
            for (bracket, rung), advances in groupby(due, lambda a: (a.bracket, a.rung)):
                self._climb(bracket, rung, list(advances))

    def fold_key(self, candidate: Candidate, fold: int) -> FoldKey:
        """Return the key of the fold that a candidate trains on: its transformers' setting."""
        return head_setting(self.problem.path, candidate.params), fold

    def _propose(self, action: Propose) -> None:
        proposed = list(self.sampler.propose(action.n_candidates, self.history))
        for params in proposed:
            self.history.propose(params, action.bracket)
        self.history.exhausted = len(proposed) < action.n_candidates

    def _climb(self, bracket: int, rung: int, advances: Sequence[Advance]) -> None:
        """Advance candidates to a rung, on each fold that has not reported yet."""
        due = [
            (Run(advance.candidate_id, fold), advance)
            for advance in advances
            for fold in range(len(self.problem.splits))
            if fold not in self.history.folds(advance.candidate_id, bracket, rung)
        ]
        self._forget_all_but({run for run, _ in due})
        for observer in self.observers:
            observer.rung_begins(bracket, rung, [run for run, _ in due])
        fresh: dict[Run, Kept] = {}
        for report in self._reports(due, fresh):
            self.history.add(report)
            for observer in self.observers:
                observer.run_ends(report)
        whole = {s.candidate_id for s in self.history.standings(bracket, rung)}
        self.snapshots |= {run: kept for run, kept in fresh.items() if run.candidate_id in whole}
        ended = [observer.rung_ends(bracket, rung, self.history) for observer in self.observers]
        if any(ended):
            self.stop_reason = "callback"

    def _forget_all_but(self, runs: set[Run]) -> None:
        """Drop what only eliminated runs needed, so that memory is bounded by the survivors."""
        self.snapshots = {run: kept for run, kept in self.snapshots.items() if run in runs}
        needed = {self._key(run) for run in runs}
        self.folds = {key: fold for key, fold in self.folds.items() if key in needed}

    def _key(self, run: Run) -> FoldKey:
        return self.fold_key(self.history.candidates[run.candidate_id], run.fold)

    def _reports(
        self, due: Sequence[tuple[Run, Advance]], fresh: dict[Run, Kept]
    ) -> Iterator[Report]:
        unprepared = self._prepare([run for run, _ in due])
        ready = []
        for run, action in due:
            failure = unprepared.get(self._key(run))
            if failure is None:
                ready.append((run, action))
            else:
                yield self._failed(run, action, failure)
        jobs = [self._job(run, action) for run, action in ready]
        stacks = self.trainer.plan(jobs)
        work = [[jobs[number] for number in stack] for stack in stacks]
        for position, results in self.executor.run(self.trainer.advance, work):
            for number, result in zip(
                stacks[position], _each(results, work[position]), strict=True
            ):
                run, action = ready[number]
                if isinstance(result, Failure):
                    yield self._failed(run, action, result)
                else:
                    fresh[run] = Kept(action.n_resources, result.snapshot)
                    yield self._reached(run, action, result)

    def _prepare(self, runs: Sequence[Run]) -> Mapping[FoldKey, Failure]:
        """Fit the transformers that are new; return those that could not be fitted."""
        new: dict[FoldKey, Run] = {}
        for run in runs:
            if self._key(run) not in self.folds:
                new.setdefault(self._key(run), run)
        keys = list(new)
        jobs = [
            self.problem.fold_job(self.history.candidates[run.candidate_id], run.fold)
            for run in new.values()
        ]
        failures = {}
        for number, result in self.executor.run(prepare, jobs):
            if isinstance(result, Failure):
                failures[keys[number]] = result
            else:
                self.folds[keys[number]] = result.with_arrays(self.executor.share)
        return failures

    def _job(self, run: Run, action: Advance) -> AdvanceJob:
        fold, kept = self.folds[self._key(run)], self.snapshots.get(run)
        return AdvanceJob(
            self.problem.setup,
            self.history.candidates[run.candidate_id].params,
            fold if self.problem.whole_pipeline else fold.for_net(),
            action.n_resources,
            self.problem.seeds.derive("train", *run),
            kept and kept.snapshot,
        )

    def _reached(self, run: Run, action: Advance, result: Advanced) -> Report:
        return Report(
            *run,
            action.bracket,
            action.rung,
            action.n_resources,
            score=result.score,
            scores=result.scores,
            train_scores=result.train_scores,
            n_parameters=result.n_parameters,
            fit_time=result.fit_time,
            score_time=result.score_time,
            stack_size=result.stack_size,
            solo_reason=result.solo_reason,
        )

    def _failed(self, run: Run, action: Advance, failure: Failure) -> Report:
        if self.raise_errors:
            failure.error.add_note(failure.details)
            raise failure.error
        return Report(
            *run,
            action.bracket,
            action.rung,
            action.n_resources,
            score=float("nan"),
            scores={},
            train_scores={},
            n_parameters=0,
            fit_time=failure.seconds,
            score_time=0.0,
            status="diverged" if isinstance(failure.error, DivergedError) else "failed",
            error=failure.reason,
        )


def _each(results: list[Advanced | Failure] | Failure, jobs: Sequence[AdvanceJob]) -> Any:
    """Return a result for each job; what befell all of them befell each."""
    return [results] * len(jobs) if isinstance(results, Failure) else results
