"""The loop itself: hand out what is due, take what comes back, ask the schedule again."""

import math
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sktune.candidates import (
    Action,
    Advance,
    Candidate,
    Failure,
    History,
    Propose,
    Report,
    Run,
    RungKey,
    Stop,
)
from sktune.engine.deadline import Deadline
from sktune.engine.folds import Folds
from sktune.engine.problem import Problem
from sktune.engine.queue import StackQueue
from sktune.engine.record import Record, Unrecorded
from sktune.engine.refit import Refit
from sktune.engine.reports import failed, reached
from sktune.engine.waves import Observer, StackJob, Wave
from sktune.execution import Executor, noticed_interrupts
from sktune.journal import Begun, Kept, Proposed, Reached, Stopped, replay
from sktune.runs import Advanced, AdvanceJob, PreparedFold
from sktune.samplers import Sampler
from sktune.schedules import Schedule, best
from sktune.trainers import Trainer

INTERRUPTED = "interrupted"  # the stop reason
Reported = tuple[Report, bytes | None]


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
    record : Record
        Keeps what happens; what it holds already is not done again.
    raise_errors : bool
        Raise the first error of a run in place of recording it.
    time_budget : float
        Seconds, from when the workers can work, after which no new job is begun.
    run_timeout : float or None
        Seconds that a run may take to its next rung; a stack has as many times that as it has runs.
    max_retries : int
        How often a job is tried again that lost its worker, took too long or raised as a whole.
    refits_best : bool
        Whether the best candidate will be refitted, so that this can be begun early.

    Attributes
    ----------
    history : History
        All that was proposed and measured.
    snapshots : dict of Run to Kept
        The runs that can still go on, and how far they are. A candidate's fold networks are
        always of one rung: what a rung adds is kept when all folds have reached it.
    refit : Refit
        Trains the best candidate on all rows.
    stop_reason : str
        Why the search ended.
    began : float
        When this process began to search, in seconds since 1970.
    """

    def __init__(
        self,
        problem: Problem,
        sampler: Sampler,
        schedule: Schedule,
        trainer: Trainer,
        executor: Executor,
        observers: Sequence[Observer] = (),
        record: Record | None = None,
        raise_errors: bool = False,
        time_budget: float = math.inf,
        run_timeout: float | None = None,
        max_retries: int = 2,
        refits_best: bool = False,
    ) -> None:
        self.problem = problem
        self.sampler = sampler
        self.schedule = schedule
        self.trainer = trainer
        self.executor = executor
        self.observers = observers
        self.record = Unrecorded() if record is None else record
        self.raise_errors = raise_errors
        self.run_timeout = run_timeout
        self.history = History()
        self.snapshots: dict[Run, Kept] = {}
        self.stop_reason = ""
        self._deadline = Deadline(time_budget)
        self._folds = Folds(problem, self.history, trainer, executor, max_retries)
        self._stacks = StackQueue(max_retries)
        self.refit = Refit(problem, trainer, executor, self.record)
        self._refits_early = refits_best and self.refit.can_begin
        self._waves: list[Wave] = []  # those whose folds are not all ready
        self._fresh: dict[Run, Kept] = {}
        self._start = time.perf_counter()
        self.began = time.time()

    def run(self) -> None:
        """Do what the schedule decides until it says stop and all that has begun has ended.

        A KeyboardInterrupt ends it at once; the stop reason is then "interrupted".
        """
        try:
            with noticed_interrupts() as raise_again:
                self._deadline.start(self.executor, self.trainer)
                self._replay()
                # Between its sessions a search has no time.
                earlier = max((report.end_time for report in self.history), default=0.0)
                self._start = time.perf_counter() - earlier
                self._hand_out()
                while self._awaits_results():
                    number, result = self.executor.next()
                    raise_again()
                    self._take(number, result)
                    self._hand_out()
        except KeyboardInterrupt:
            self.stop_reason = INTERRUPTED
        else:
            self._forget_eliminated()
            self.record.write(Stopped(self.stop_reason))
            self._await_refit()

    def _awaits_results(self) -> bool:
        """Whether something runs, other than refits if there is nothing more to begin."""
        return self.executor.n_running > (0 if self._goes_on() else self.refit.n_running)

    def _await_refit(self) -> None:
        place = best(self.history)
        if place is not None:
            n_resources = self.history.n_resources(place.bracket, place.rung)
            if self.refit.n_running:
                self.announce_refit(place.candidate_id)
            self.refit.wait_for((place.candidate_id, n_resources))

    def announce_refit(self, candidate_id: int) -> None:
        """Tell the observers that a refit is waited for."""
        for observer in self.observers:
            observer.refit_begins(candidate_id)

    def _take(self, number: int, result: Any) -> None:
        if self.refit.is_running(number):
            self.refit.take(number, result)
        elif not self._folds.is_preparing(number):
            self._trained(self._stacks.ended(number), result)
        elif self._folds.take(number, result):
            self._plan_ready()
        else:
            for wave in self._waves:
                self._folds.prepare(run for run, _ in wave.due)

    # What happened in another process.

    def _replay(self) -> None:
        """Take over what the record holds, and do what had begun there without an end."""
        waves: dict[RungKey, Wave] = {}
        for event in self.record.past:
            if isinstance(event, Begun):
                wave = self._opened(event.advances)
                waves |= {advance.place: wave for advance in wave.advances}
            elif isinstance(event, Reached):
                for report in event.reports:
                    self._note(waves[report.place], report)
            else:
                replay(event, self.history)
        self._restore()
        open_waves = {id(wave): wave for wave in waves.values() if wave.unreported}
        for wave in open_waves.values():
            self._wait_for_folds(wave)

    def _restore(self) -> None:
        """Load the snapshots of the runs that can still go on."""
        done: dict[int, int] = {}
        for place in self.history.completed:
            done[place.candidate_id] = self.history.n_resources(place.bracket, place.rung)
        alive = self.schedule.survivors(self.history)
        self.record.keep_only(set(alive))
        for run in (Run(c, fold) for c in alive for fold in range(len(self.problem.splits))):
            for kept in self.record.kept(run):
                if kept.n_resources <= done.get(run.candidate_id, 0):
                    self.snapshots[run] = kept
                    break
                self._fresh[run] = kept

    # What is to be done.

    def _hand_out(self) -> None:
        """Keep the workers busy, as long as there is something to do and time to do it."""
        n_workers = self.executor.n_workers
        while self._goes_on() and not self._stacks and self.executor.n_running < n_workers:
            actions = self.schedule.decide(self.history)
            if not actions:
                break
            self._act(actions)
        self._refit_early()
        # A job that lies ready saves its worker the wait for the next.
        ahead = 2 if self.run_timeout is None and n_workers > 1 else 1
        while self._goes_on() and self._stacks:
            if not self._stacks.may_begin(self.executor.n_running, ahead * n_workers):
                break
            self._train(self._stacks.next())

    def _refit_early(self) -> None:
        """Begin the refit of the candidate that is bound to win, while others train."""
        winner = self.schedule.winner(self.history) if self._refits_early else None
        if winner is not None and self._goes_on() and (self._stacks or self.executor.n_running):
            self.refit.begin(self.history.candidates[winner.candidate_id], winner)

    def _train(self, stack: StackJob) -> None:
        seconds = None if self.run_timeout is None else self.run_timeout * len(stack.jobs)
        number = self.executor.submit(self.trainer.advance, stack.jobs, seconds)
        self._stacks.begun(number, stack)

    def _goes_on(self) -> bool:
        if not self.stop_reason and self._deadline.has_passed:
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
            self._begin(list(advances))

    def _propose(self, action: Propose) -> None:
        proposed = list(self.sampler.propose(action.n_candidates, self.history))
        event = Proposed(action.bracket, proposed, exhausted=len(proposed) < action.n_candidates)
        replay(event, self.history)
        self.record.write(event)

    def _begin(self, advances: Sequence[Advance]) -> None:
        if advances[0].rung:
            self._forget_eliminated()
        wave = self._opened(advances)
        self.record.write(Begun(advances))
        self._wait_for_folds(wave)
        self._plan_ready()

    def _opened(self, advances: Sequence[Advance]) -> Wave:
        wave = Wave(advances, self.history)
        for advance in advances:
            self.history.begin(advance)
        for observer in self.observers:
            observer.wave_begins(wave)
        return wave

    def _forget_eliminated(self) -> None:
        """Drop what only runs need that are out for good: memory is bounded by the others."""
        alive = set(self.schedule.survivors(self.history))
        self.record.keep_only(alive)
        self.snapshots = {r: kept for r, kept in self.snapshots.items() if r.candidate_id in alive}
        self._folds.keep_only(alive)

    # Stacks.

    def _wait_for_folds(self, wave: Wave) -> None:
        self._waves.append(wave)
        self._folds.prepare(run for run, _ in wave.due)

    def _plan_ready(self) -> None:
        """Plan the stacks of waves whose folds are all there."""
        waiting = []
        for wave in self._waves:
            if self._folds.are_ready(run for run, _ in wave.due):
                self._plan(wave)
            else:
                waiting.append(wave)
        self._waves = waiting

    def _plan(self, wave: Wave) -> None:
        """Plan a wave by itself, so that no stack depends on what else is being trained.

        Of a wave that has been begun in another process all is planned, and what is left is done:
        the stacks are those of a process that never stopped.
        """
        ready, lost = [], list[Reported]()
        for run, action in wave.due:
            fold = self._folds.of(run)
            if isinstance(fold, PreparedFold):
                ready.append(((run, action), self._job(wave, run, action, fold)))
            elif run in wave.unreported:
                lost.append(self._failed(run, action, fold))
        self._record(wave, lost)
        for cost, numbers in self.trainer.plan([job for _, job in ready]):
            parts = [ready[n] for n in numbers if ready[n][0][0] in wave.unreported]
            if parts:
                due, jobs = zip(*parts, strict=True)
                self._stacks.add([StackJob(cost, wave, due, jobs)])

    def _job(self, wave: Wave, run: Run, action: Advance, fold: PreparedFold) -> AdvanceJob:
        kept = self.snapshots.get(run)
        snapshot = kept and kept.snapshot
        if run not in wave.unreported:
            # It is planned only, for which it matters whether it had been begun before.
            rungs = range(wave.rung)
            is_new = not any(run.fold in self.history.folds(run[0], wave.bracket, r) for r in rungs)
            snapshot = None if is_new else b""
        return AdvanceJob(
            self.problem.setup,
            self.history.candidates[run.candidate_id].params,
            fold if self.problem.whole_pipeline else fold.for_net(),
            action.n_resources,
            self.problem.seeds.derive("train", *run),
            snapshot,
        )

    def _trained(self, stack: StackJob, results: list[Advanced | Failure] | Failure) -> None:
        if isinstance(results, Failure):
            if not self._stacks.retry(stack, results):
                ((run, action),) = stack.due
                self._record(stack.wave, [self._failed(run, action, results)])
            return
        outcomes: list[Reported] = []
        for (run, action), result in zip(stack.due, results, strict=True):
            if isinstance(result, Failure):
                outcomes.append(self._failed(run, action, result))
            else:
                outcomes.append((reached(run, action, result), result.snapshot or None))
        self._record(stack.wave, outcomes)

    # Reports.

    def _record(self, wave: Wave, outcomes: Sequence[Reported]) -> None:
        if not outcomes:
            return
        now = round(time.perf_counter() - self._start, 3)
        outcomes = [(report._replace(end_time=now), snapshot) for report, snapshot in outcomes]
        snapshots = {report.run: snapshot for report, snapshot in outcomes if snapshot is not None}
        self.record.reached([report for report, _ in outcomes], snapshots)
        for report, _ in outcomes:
            if report.run in snapshots:
                self._fresh[report.run] = Kept(report.n_resources, snapshots[report.run])
            self._note(wave, report)

    def _note(self, wave: Wave, report: Report) -> None:
        """Take note of a report; the candidate is kept when it is the last of a rung."""
        self.history.add(report)
        for observer in self.observers:
            observer.run_ends(wave, report)
        if self.history.is_complete(report.place):
            self._keep(report.place)
        wave.unreported.discard(report.run)
        if not wave.unreported:
            ended = [observer.wave_ends(wave, self.history) for observer in self.observers]
            if any(ended):
                self.stop_reason = "callback"

    def _keep(self, place: RungKey) -> None:
        """Keep a candidate's networks, now that they are all of one rung."""
        runs = [Run(place.candidate_id, fold) for fold in self.history.folds(*place)]
        fresh = {run: self._fresh.pop(run) for run in runs if run in self._fresh}
        if self.history.standing(place) is not None:
            self.snapshots |= fresh

    def _failed(self, run: Run, action: Advance, failure: Failure) -> Reported:
        if self.raise_errors:
            failure.error.add_note(failure.details)
            raise failure.error
        return failed(run, action, failure), None

    # What the search ends with.

    def fold_networks(self, candidate: Candidate, n_resources: int) -> list[Any] | None:
        """Return the estimators of a candidate's folds, None if they are not kept at this rung."""
        runs = [Run(candidate.candidate_id, fold) for fold in range(len(self.problem.splits))]
        kept = self.snapshots
        if not all(run in kept and kept[run].n_resources == n_resources for run in runs):
            return None
        setup, params = self.problem.setup, candidate.params
        return [
            self.trainer.whole(setup, params, self._folds.prepared(run), kept[run].snapshot)
            for run in runs
        ]
