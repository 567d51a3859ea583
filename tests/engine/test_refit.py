"""The refit is the same whenever and wherever it is trained, and is trained once."""

import math
import tempfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from sktune.candidates import Seeds
from sktune.engine import Engine, Problem
from sktune.journal import Header, Storage
from sktune.runs import Advanced, Setup
from sktune.samplers import GridSampler
from sktune.schedules import SuccessiveHalving, best
from sktune.space import Space
from tests.engine import test_loop
from tests.engine.test_faults import Workers

N_CANDIDATES, N_FOLDS = 9, 2
SCHEDULE = SuccessiveHalving.of(
    N_CANDIDATES, factor=3, min_resources=1, max_resources=9, n_folds=N_FOLDS
)
failures = st.lists(
    st.sampled_from([1, 3, 9, 99, 99]), min_size=N_CANDIDATES, max_size=N_CANDIDATES
)


class Numbered(BaseEstimator):
    def __init__(self, a=0):
        self.a = a


class Trainer(test_loop.Trainer):
    """Knows its refits, which fail where ``refit_fails`` says."""

    def __init__(self, fails_at=(99,) * N_CANDIDATES, refit_fails=False):
        super().__init__(fails_at)
        self.refits, self.refit_fails = [], refit_fails

    def refit(self, job):
        self.refits.append((job.params["a"], job.n_resources))
        if self.refit_fails:
            raise ValueError("not on all rows")
        return Advanced(b"%d to %d by %d" % (job.params["a"], job.n_resources, job.seed), math.nan)

    def whole(self, setup, params, fold, snapshot):
        return snapshot


def engine(trainer, workers, storage=None, **settings):
    rows = np.arange(2)
    problem = Problem(
        Setup(Numbered(), None, horizon=9),
        "",
        np.zeros((4, 1)),
        None,
        [(rows, rows)] * N_FOLDS,
        Seeds(0),
        n_rows=4,
    )
    sampler = GridSampler(Space({"a": list(range(1, N_CANDIDATES + 1))}))
    settings = {"record": storage, "refits_best": True, **settings}
    return Engine(problem, sampler, SCHEDULE, trainer, workers, **settings)


def workers(n, seed=0, deadly=()):
    return Workers(n, set(deadly), np.random.default_rng(seed))


def winner(found):
    """Return the estimator of the best candidate, None if all have failed."""
    place = best(found.history)
    if place is None:
        return None
    n_resources = found.history.n_resources(place.bracket, place.rung)
    return found.refit.estimator(found.history.candidates[place.candidate_id], n_resources)


@settings(max_examples=60, deadline=None)
@given(failures, st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_any_number_of_workers_gives_the_same(fails_at, n_workers, seed):
    found = []
    for n in (1, n_workers):
        trainer = Trainer(fails_at)
        done = engine(trainer, workers(n, seed))
        done.run()
        found.append(winner(done))
        assert len(set(trainer.refits)) == len(trainer.refits)
    assert found[0] == found[1]


def test_it_is_trained_before_the_search_ends():
    trainer = Trainer()
    found = engine(trainer, workers(2))
    found.run()
    place = best(found.history)
    assert trainer.refits == [(place.candidate_id + 1, 9)]
    assert winner(found).startswith(b"%d to 9" % (place.candidate_id + 1))
    assert len(trainer.refits) == 1


@pytest.mark.parametrize("settings", [{"refits_best": False}, {"n": 1}, {"keeps_rows": True}])
def test_it_is_trained_at_the_end_where_it_might_not_be_needed_or_has_no_worker(settings):
    trainer = Trainer()
    trainer.keeps_rows = settings.pop("keeps_rows", False)
    found = engine(trainer, workers(settings.pop("n", 2)), **settings)
    found.run()
    assert not trainer.refits
    assert winner(found)
    assert len(trainer.refits) == 1


def test_one_that_fails_is_trained_again_where_its_error_is_raised():
    trainer = Trainer(refit_fails=True)
    found = engine(trainer, workers(2))
    found.run()
    assert found.stop_reason == "finished"
    with pytest.raises(ValueError, match="not on all rows"):
        winner(found)
    assert len(trainer.refits) == 2


@pytest.mark.parametrize("seed", range(10))
def test_one_that_ends_its_worker_harms_nobody(seed):
    trainer, clean = Trainer(), Trainer()
    deadly = workers(2, seed, [Seeds(0).derive("refit")])
    found, expected = engine(trainer, deadly), engine(clean, workers(2, seed))
    found.run()
    expected.run()
    assert deadly.n_losses >= 1
    assert test_loop.outcome(found) == test_loop.outcome(expected)
    assert winner(found) == winner(expected)


def test_no_refit_is_waited_for_that_does_not_win():
    trainer, slow = Trainer(), workers(2)
    found = engine(trainer, slow)
    began = found.refit.begin

    def stopped(candidate, advance):
        began(candidate, advance)
        # as a time budget that is up
        found.stop_reason = "time_budget"

    found.refit.begin = stopped
    found.run()
    place = best(found.history)
    assert found.history.n_resources(place.bracket, place.rung) == 3
    n_early = len(trainer.refits)
    assert b"to 3 by" in winner(found)
    assert len(trainer.refits) == n_early + 1


def test_an_interrupt_while_it_is_waited_for_is_raised_when_it_is_asked_for():
    trainer = Trainer()
    found = engine(trainer, workers(2))

    def interrupted(self=found.executor):
        others = [n for n in self.jobs if not found.refit.is_running(n)]
        if not others and not self.answers:
            raise KeyboardInterrupt
        for n in others:
            function, job, _ = self.jobs.pop(n)
            self.answers.append((n, function(job)))
        return self.answers.popleft()

    found.executor.next = interrupted
    found.run()
    assert found.stop_reason == "finished"
    assert found.refit.waited > 0
    with pytest.raises(KeyboardInterrupt):
        winner(found)


@settings(max_examples=40, deadline=None)
@given(failures, st.lists(st.integers(0, 30), max_size=4), st.integers(0, 2**32 - 1))
def test_a_crash_between_any_two_lines_changes_nothing(fails_at, crashes, seed):
    header = Header({}, 0, "epochs", N_FOLDS, [dict(row) for row in SCHEDULE.plan])
    clean = engine(Trainer(fails_at), workers(1))
    clean.run()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr("sktune.journal.storage.JournalFile", test_loop.CrashingFile)
        for n_lines in [*crashes, math.inf]:
            test_loop.CrashingFile.n_left = n_lines
            with suppress(test_loop.Crash), Storage(folder, header) as storage:
                trainer = Trainer(fails_at)
                last = engine(trainer, workers(2, seed), storage)
                last.run()
                found = winner(last)
        assert test_loop.outcome(last) == test_loop.outcome(clean)
        assert found == winner(clean)
        # once more: all of it is there, and nothing is trained
        with Storage(folder, header) as storage:
            idle = Trainer(fails_at)
            again = engine(idle, workers(2, seed), storage)
            again.run()
            assert winner(again) == found
            assert not idle.refits
            assert not idle.begun
