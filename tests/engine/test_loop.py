"""The loop under failures and crashes: whatever befalls it, the search is the same."""

import math
import tempfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sktune.candidates import Failure, Seeds
from sktune.engine import Engine, Problem
from sktune.journal import Header, Storage
from sktune.journal.file import JournalFile
from sktune.runs import Advanced, Part, PreparedFold, Setup
from sktune.samplers import GridSampler
from sktune.schedules import (
    AsyncHalving,
    SideBySide,
    SuccessiveHalving,
    growing_folds,
    hyperband_brackets,
)
from sktune.space import Space
from tests.engine.test_faults import Workers

N_CANDIDATES, N_FOLDS = 12, 2
LIMITS = {"factor": 2, "min_resources": 1, "max_resources": 4, "n_folds": N_FOLDS}
SCHEDULES = {
    "halving": SuccessiveHalving.of(N_CANDIDATES, **LIMITS),
    "growing folds": SuccessiveHalving.of(N_CANDIDATES, fold_rule=growing_folds, **LIMITS),
    "hyperband": SideBySide(hyperband_brackets(n_available=N_CANDIDATES, **LIMITS)),
    "asynchronous": AsyncHalving((1, 2, 4), 2, N_CANDIDATES, N_FOLDS),
}


class Trainer:
    """Trains nothing, but sees to it that runs go on from where they were.

    ``fails_at`` are the resources at which candidates fail.
    """

    keeps_rows = False

    def __init__(self, fails_at):
        self.fails_at, self.begun = fails_at, []

    def prepare(self, job):
        return PreparedFold(Part(None, None))

    def plan(self, jobs):
        return [(1.0, [number]) for number in range(len(jobs))]

    def advance(self, jobs):
        return [self.one(job) for job in jobs]

    def one(self, job):
        done = 0 if job.snapshot is None else int(job.snapshot)
        self.begun.append((job.seed, done, job.n_resources))
        number = job.params["a"] - 1
        if self.fails_at[number] <= job.n_resources:
            return Failure.of(ValueError(f"at {job.n_resources}"), 0.0)
        return Advanced(b"%d" % job.n_resources, score=math.sin(number * job.n_resources))


class Crash(BaseException):
    """The process is gone."""


class CrashingFile(JournalFile):
    """Crashes in the middle of a line."""

    n_left = math.inf

    def append(self, event):
        CrashingFile.n_left -= 1
        if CrashingFile.n_left < 0:
            raise Crash
        super().append(event)
        if CrashingFile.n_left == 0:
            raise Crash


def engine(kind, trainer, n_workers, rng, storage=None):
    problem = Problem(
        Setup(None, None, horizon=1),
        "",
        np.zeros((4, 1)),
        None,
        [(np.arange(2), np.arange(2))] * N_FOLDS,
        Seeds(0),
        n_rows=4,
    )
    workers = Workers(n_workers, set(), rng)
    space = Space({"a": list(range(1, N_CANDIDATES + 1))})
    sampler = GridSampler(space)
    return Engine(problem, sampler, SCHEDULES[kind], trainer, workers, record=storage)


def outcome(found):
    return [(r.run, r.bracket, r.rung, str(r.score), r.error) for r in sorted(found.history)]


def spans(trainer):
    return {(seed, part) for seed, done, goal in trainer.begun for part in range(done, goal)}


failures = st.lists(
    st.sampled_from([1, 2, 2, 4, 4, 9, 9]), min_size=N_CANDIDATES, max_size=N_CANDIDATES
)


@pytest.mark.parametrize("kind", ["halving", "growing folds", "hyperband"])
@settings(max_examples=30, deadline=None)
@given(failures, st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_places_are_filled_alike_by_any_number_of_workers(kind, fails_at, n_workers, seed):
    found = []
    for number in (1, n_workers):
        trainer = Trainer(fails_at)
        found.append(engine(kind, trainer, number, np.random.default_rng(seed)))
        found[-1].run()
        # each epoch of each run is trained once: a run goes on from its snapshot
        assert len(spans(trainer)) == sum(goal - done for _, done, goal in trainer.begun)
    assert outcome(found[0]) == outcome(found[1])


@pytest.mark.parametrize("kind", SCHEDULES)
@settings(max_examples=25, deadline=None)
@given(failures, st.lists(st.integers(0, 40), max_size=4))
def test_a_crash_between_any_two_lines_changes_nothing(kind, fails_at, crashes):
    header = Header({}, 0, "epochs", N_FOLDS, [dict(row) for row in SCHEDULES[kind].plan])
    rng = np.random.default_rng(0)
    clean_trainer = Trainer(fails_at)
    clean = engine(kind, clean_trainer, 1, rng)
    clean.run()
    n_epochs = sum(goal - done for _, done, goal in clean_trainer.begun)
    trainer = Trainer(fails_at)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr("sktune.journal.storage.JournalFile", CrashingFile)
        for n_lines in [*crashes, math.inf]:
            CrashingFile.n_left = n_lines
            with suppress(Crash), Storage(folder, header) as storage:
                last = engine(kind, trainer, 1, rng, storage)
                last.run()
    assert outcome(last) == outcome(clean)
    assert spans(trainer) == spans(clean_trainer)
    # what was being trained at a crash is trained again, of the rung where it was
    longest = max(goal - done for _, done, goal in trainer.begun)
    assert sum(goal - done for _, done, goal in trainer.begun) <= n_epochs + longest * len(crashes)
