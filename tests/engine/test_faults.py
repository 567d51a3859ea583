"""Whoever kills workers is found and named, and nobody else is harmed: with simulated workers."""

import math
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sktune.candidates import Failure, Seeds, attempt
from sktune.engine import Engine, Problem
from sktune.engine.faults import Faults
from sktune.exceptions import LostWorkerError, RunTimeoutError
from sktune.runs import Advanced, Part, PreparedFold, Setup
from sktune.samplers import GridSampler
from sktune.schedules import SuccessiveHalving
from sktune.space import Space


class Trainer:
    """Trains nothing; stacks of a given size."""

    keeps_rows = False

    def __init__(self, stack_size):
        self.stack_size = stack_size

    def prepare(self, job):
        return PreparedFold(Part(None, None))

    def plan(self, jobs):
        numbers = list(range(len(jobs)))
        size = self.stack_size
        return [(1.0, numbers[i : i + size]) for i in range(0, len(numbers), size)]

    def advance(self, jobs):
        return [Advanced(b"", score=job.params["a"] / job.n_resources) for job in jobs]


class Workers:
    """An executor whose workers die of some jobs, hang in some, and lose some by bad luck."""

    def __init__(self, n_workers, deadly, rng, hangs=False, bad_luck=0):
        self.n_workers, self.deadly, self.rng, self.hangs = n_workers, deadly, rng, hangs
        self.bad_luck = bad_luck
        self.jobs, self.answers, self.n_submitted, self.n_losses = {}, deque(), 0, 0

    @property
    def n_running(self):
        return len(self.jobs) + len(self.answers)

    def share(self, thing):
        return thing

    def submit(self, function, job, seconds=None):
        self.n_submitted += 1
        self.jobs[self.n_submitted] = function, job, seconds
        return self.n_submitted

    def kills(self, job):
        return isinstance(job, list | tuple) and any(
            getattr(part, "seed", None) in self.deadly for part in job
        )

    def next(self):
        while not self.answers:
            self.work()
        return self.answers.popleft()

    def work(self):
        guilty = [n for n, (_, job, _) in self.jobs.items() if self.kills(job)]
        unlucky = self.bad_luck > 0 and self.rng.random() < 0.5
        if unlucky or (guilty and self.rng.random() < 0.5):
            self.bad_luck -= unlucky
            self.n_losses += 1
            lost, self.jobs = self.jobs, {}
            self.answers += [(n, self.failure(n, lost, guilty)) for n in lost]
            return
        harmless = [n for n in self.jobs if n not in guilty]
        if harmless:
            number = harmless[self.rng.integers(len(harmless))]
            function, job, _ = self.jobs.pop(number)
            self.answers.append((number, attempt(function, job)))

    def failure(self, number, lost, guilty):
        if self.hangs and guilty:
            if number in guilty:
                assert lost[number][2] == 5.0 * len(lost[number][1])
                return Failure.of(RunTimeoutError("it took too long"), 0.0)
            return Failure.of(LostWorkerError("it died", 0), 0.0)
        return Failure.of(LostWorkerError("it died", len(lost)), 0.0)


def search(n_candidates, workers, stack_size, max_retries):
    X = np.zeros((4, 1))
    problem = Problem(
        Setup(None, None, horizon=1), "", X, None, [(np.arange(2), np.arange(2))] * 2, Seeds(0), 4
    )
    schedule = SuccessiveHalving.of(
        n_candidates, factor=2, min_resources=1, max_resources=4, n_folds=2
    )
    space = Space({"a": list(range(1, n_candidates + 1))})
    engine = Engine(
        problem,
        GridSampler(space),
        schedule,
        Trainer(stack_size),
        workers,
        run_timeout=5.0 if workers.hangs else None,
        max_retries=max_retries,
    )
    engine.run()
    return engine


def outcome(engine):
    return {
        (r.run, r.rung): r.score if r.status == "ok" else r.error.split(":")[0]
        for r in engine.history
    }


@settings(max_examples=200, deadline=None)
@given(
    n_candidates=st.integers(1, 12),
    n_workers=st.integers(1, 5),
    stack_size=st.integers(1, 9),
    max_retries=st.integers(0, 3),
    n_guilty=st.integers(0, 4),
    hangs=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_guilty_are_found(
    n_candidates, n_workers, stack_size, max_retries, n_guilty, hangs, seed
):
    rng = np.random.default_rng(seed)
    runs = [(c, fold) for c in range(n_candidates) for fold in range(2)]
    guilty = {tuple(map(int, run)) for run in rng.permutation(runs)[:n_guilty]}
    deadly = {Seeds(0).derive("train", *run) for run in guilty}
    engine = search(n_candidates, Workers(n_workers, deadly, rng, hangs), stack_size, max_retries)
    assert engine.stop_reason == "finished"
    assert len(engine.history.reports) == len(outcome(engine))
    reason = "RunTimeoutError" if hangs else "LostWorkerError"
    for (run, rung), found in outcome(engine).items():
        expected = (run.candidate_id + 1) / engine.schedule.rungs[rung]
        assert found == (reason if run in guilty else expected)
    first = {run for run, rung in outcome(engine) if rung == 0}
    assert first == {*runs}


@settings(max_examples=100, deadline=None)
@given(n_workers=st.integers(1, 5), stack_size=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_bad_luck_costs_nobody_anything(n_workers, stack_size, seed):
    rng = np.random.default_rng(seed)
    unlucky = Workers(n_workers, set(), rng, bad_luck=2)
    found = search(8, unlucky, stack_size, max_retries=2)
    clean = search(8, Workers(n_workers, set(), rng), stack_size, max_retries=2)
    assert outcome(found) == outcome(clean)


@pytest.mark.parametrize("max_retries", [0, 1, 4])
def test_a_job_that_fails_alone_is_tried_as_often_as_asked(max_retries):
    deadly = {Seeds(0).derive("train", 0, 0)}
    workers = Workers(1, deadly, np.random.default_rng(0))
    engine = search(1, workers, stack_size=1, max_retries=max_retries)
    assert workers.n_losses == 1 + max_retries
    assert math.isnan(engine.history.folds(0, 0, 0)[0].score)
    assert engine.history.folds(0, 0, 0)[1].status == "ok"


def test_blame():
    lost = LostWorkerError("it died", n_suspects=3)
    assert Faults().after(lost).after(lost) == Faults(n_own=0, n_shared=2)
    assert Faults().after(LostWorkerError("it died", n_suspects=0)) == Faults()
    assert Faults().after(RunTimeoutError("long")) == Faults(n_own=1)
    assert Faults().after(MemoryError()) == Faults(n_own=1)
