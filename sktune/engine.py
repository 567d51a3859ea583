"""The one loop: sampler -> schedule -> trainers through execution -> history."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
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
    Place,
    Propose,
    Report,
    Run,
    Seeds,
    Stop,
)
from sktune.exceptions import DivergedError
from sktune.execution import Executor
from sktune.samplers import Sampler
from sktune.schedules import Schedule
from sktune.trainers import (
    Advanced,
    AdvanceJob,
    FoldJob,
    PreparedFold,
    Setup,
    Trainer,
    head_setting,
)

Rows = npt.NDArray[np.intp]
FoldKey = tuple[str, int]


class Observer(Protocol):
    """Someone who is told how the search goes on, wave by wave.

    A wave is what a schedule decides at once for one rung: all of it in synchronous halving, one
    candidate in asynchronous halving.
    """

    def wave_begins(self, wave: "Wave") -> None:
        """Hear which runs are about to be advanced."""

    def run_ends(self, wave: "Wave", report: Report) -> None:
        """Hear what a run reported, in the order the reports come in."""

    def wave_ends(self, wave: "Wave", history: History) -> bool:
        """Hear that all runs of a wave have reported; return True to end the search."""


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


class Wave:
    """Candidates that are advanced to a rung together, on the folds that have not reported.

    Attributes
    ----------
    bracket, rung : int
        The rung.
    due : list of (Run, Advance)
        What is trained, in the order of candidates and folds.
    n_open : int
        How many of these have not reported yet.
    """

    def __init__(self, advances: Sequence[Advance], history: History) -> None:
        self.bracket, self.rung = advances[0].bracket, advances[0].rung
        self.due = [
            (Run(advance.candidate_id, fold), advance)
            for advance in advances
            for fold in range(advance.n_folds)
            if fold not in history.folds(*advance.place)
        ]
        self.n_open = len(self.due)


class Stack(NamedTuple):
    """Runs of a wave that are trained together, and about how long that takes."""

    cost: float
    wave: Wave
    due: Sequence[tuple[Run, Advance]]
    jobs: Sequence[AdvanceJob]


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
    time_budget : float
        Seconds after which no new job is begun.

    Attributes
    ----------
    history : History
        All that was proposed and measured.
    snapshots : dict of Run to Kept
        The runs that can still go on, and how far they are. A candidate's fold networks are
        always of one rung: what a rung adds is kept when all folds have reached it.
    folds : dict of (setting, fold) to PreparedFold or Failure
        The folds that these runs train on, or why there is none.
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
        time_budget: float = math.inf,
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
        self.folds: dict[FoldKey, PreparedFold | Failure] = {}
        self.stop_reason = ""
        self._deadline = time.monotonic() + time_budget
        self._waves: list[Wave] = []  # those whose folds are not all ready
        self._stacks: list[Stack] = []  # those that wait for a worker
        self._preparing: dict[int, FoldKey] = {}
        self._training: dict[int, Stack] = {}
        self._fresh: dict[Run, Kept] = {}
        self._settings: dict[int, str] = {}

    def run(self) -> None:
        """Do what the schedule decides until it says stop and all that has begun has ended."""
        self._hand_out()
        while self.executor.n_running:
            number, result = self.executor.next()
            if number in self._preparing:
                self._prepared(self._preparing.pop(number), result)
            else:
                self._trained(self._training.pop(number), result)
            self._hand_out()

    # What is to be done.

    def _hand_out(self) -> None:
        """Keep the workers busy, as long as there is something to do and time to do it."""
        n_workers = self.executor.n_workers
        while self._goes_on() and not self._stacks and self.executor.n_running < n_workers:
            actions = self.schedule.decide(self.history)
            if not actions:
                break
            self._act(actions)
        # A job that lies ready saves its worker the wait for the next.
        at_once = n_workers if n_workers == 1 else 2 * n_workers
        while self._goes_on() and self._stacks and self.executor.n_running < at_once:
            stack = self._stacks.pop()
            self._training[self.executor.submit(self.trainer.advance, stack.jobs)] = stack

    def _goes_on(self) -> bool:
        if not self.stop_reason and time.monotonic() > self._deadline:
            self.stop_reason = "time_budget"
        return not self.stop_reason

    def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Propose):
                self._propose(action)
            elif isinstance(action, Stop):
                self.stop_reason = action.reason
        due = [action for action in actions if isinstance(action, Advance)]
        for _, advances in groupby(due, lambda action: (action.bracket, action.rung)):
            self._begin(Wave(list(advances), self.history))

    def _propose(self, action: Propose) -> None:
        proposed = list(self.sampler.propose(action.n_candidates, self.history))
        for params in proposed:
            self.history.propose(params, action.bracket)
        self.history.exhausted = len(proposed) < action.n_candidates

    def _begin(self, wave: Wave) -> None:
        for _, action in wave.due:
            self.history.begin(action)
        if wave.rung:
            self._forget_eliminated()
        for observer in self.observers:
            observer.wave_begins(wave)
        self._waves.append(wave)
        self._prepare(wave)
        self._plan_ready()

    def _forget_eliminated(self) -> None:
        """Drop what only eliminated runs needed, so that memory is bounded by the survivors."""
        alive = set(self.schedule.survivors(self.history))
        self.snapshots = {r: kept for r, kept in self.snapshots.items() if r.candidate_id in alive}
        # A fold that failed once would fail again.
        needed = {self.fold_key(Run(c, f)) for c in alive for f in range(len(self.problem.splits))}
        self.folds = {
            key: fold
            for key, fold in self.folds.items()
            if key in needed or isinstance(fold, Failure)
        }

    # Folds.

    def fold_key(self, run: Run) -> FoldKey:
        """Return the key of the fold that a run trains on: its transformers' setting."""
        number = run.candidate_id
        if number not in self._settings:
            params = self.history.candidates[number].params
            self._settings[number] = head_setting(self.problem.path, params)
        return self._settings[number], run.fold

    def _prepare(self, wave: Wave) -> None:
        """Have the transformers fitted that are new."""
        known = {*self.folds, *self._preparing.values()}
        new: dict[FoldKey, Run] = {}
        for run, _ in wave.due:
            if self.fold_key(run) not in known:
                new.setdefault(self.fold_key(run), run)
        for key, run in new.items():
            job = self.problem.fold_job(self.history.candidates[run.candidate_id], run.fold)
            self._preparing[self.executor.submit(self.trainer.prepare, job)] = key

    def _prepared(self, key: FoldKey, result: PreparedFold | Failure) -> None:
        if isinstance(result, PreparedFold):
            result = result.with_arrays(self.executor.share)
        self.folds[key] = result
        self._plan_ready()

    def _plan_ready(self) -> None:
        """Plan the stacks of waves whose folds are all there."""
        waiting = []
        for wave in self._waves:
            if all(self.fold_key(run) in self.folds for run, _ in wave.due):
                self._plan(wave)
            else:
                waiting.append(wave)
        self._waves = waiting

    # Stacks.

    def _plan(self, wave: Wave) -> None:
        """Plan a wave by itself, so that no stack depends on what else is being trained."""
        ready = []
        for run, action in wave.due:
            fold = self.folds[self.fold_key(run)]
            if isinstance(fold, PreparedFold):
                ready.append(((run, action), self._job(run, action, fold)))
            else:
                self._record(wave, self._failed(run, action, fold))
        for cost, numbers in self.trainer.plan([job for _, job in ready]):
            parts = [ready[number] for number in numbers]
            stack = Stack(cost, wave, [due for due, _ in parts], [job for _, job in parts])
            self._stacks.append(stack)
        # The dearest are begun first; of equals, the earlier.
        self._stacks.sort(key=lambda stack: (stack.cost, *(-i for i in stack.due[0][0])))

    def _job(self, run: Run, action: Advance, fold: PreparedFold) -> AdvanceJob:
        kept = self.snapshots.get(run)
        return AdvanceJob(
            self.problem.setup,
            self.history.candidates[run.candidate_id].params,
            fold if self.problem.whole_pipeline else fold.for_net(),
            action.n_resources,
            self.problem.seeds.derive("train", *run),
            kept and kept.snapshot,
        )

    def _trained(self, stack: Stack, results: list[Advanced | Failure] | Failure) -> None:
        # What befell all of them befell each.
        each = [results] * len(stack.jobs) if isinstance(results, Failure) else results
        for (run, action), result in zip(stack.due, each, strict=True):
            if isinstance(result, Failure):
                self._record(stack.wave, self._failed(run, action, result))
            else:
                self._fresh[run] = Kept(action.n_resources, result.snapshot)
                self._record(stack.wave, self._reached(run, action, result))

    # Reports.

    def _record(self, wave: Wave, report: Report) -> None:
        self.history.add(report)
        for observer in self.observers:
            observer.run_ends(wave, report)
        place = Place(report.candidate_id, report.bracket, report.rung)
        if self.history.is_complete(place):
            self._keep(place)
        wave.n_open -= 1
        if not wave.n_open:
            ended = [observer.wave_ends(wave, self.history) for observer in self.observers]
            if any(ended):
                self.stop_reason = "callback"

    def _keep(self, place: Place) -> None:
        """Keep a candidate's networks, now that they are all of one rung."""
        runs = [Run(place.candidate_id, fold) for fold in self.history.folds(*place)]
        fresh = {run: self._fresh.pop(run) for run in runs if run in self._fresh}
        if self.history.standing(place) is not None:
            self.snapshots |= fresh

    def _reached(self, run: Run, action: Advance, result: Advanced) -> Report:
        names = [field.name for field in fields(Advanced) if field.name != "snapshot"]
        return _report(run, action, **{name: getattr(result, name) for name in names})

    def _failed(self, run: Run, action: Advance, failure: Failure) -> Report:
        if self.raise_errors:
            failure.error.add_note(failure.details)
            raise failure.error
        return _report(
            run,
            action,
            score=math.nan,
            fit_time=failure.seconds,
            status="diverged" if isinstance(failure.error, DivergedError) else "failed",
            error=failure.reason,
        )


def _report(run: Run, action: Advance, **measured: Any) -> Report:
    return Report(
        *run,
        bracket=action.bracket,
        rung=action.rung,
        n_resources=action.n_resources,
        n_folds=action.n_folds,
        **measured,
    )
