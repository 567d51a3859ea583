"""What is due in a wave, and what the halves of a stack train."""

import pytest

from sktune.candidates import Advance, History, Report, Run
from sktune.engine.faults import Faults
from sktune.engine.waves import StackJob, Wave

ADVANCES = [Advance(candidate, 1, 2, 9, n_folds=3) for candidate in (5, 2)]
RUNS = [Run(5, 0), Run(5, 1), Run(5, 2), Run(2, 0), Run(2, 1), Run(2, 2)]


def report(run, bracket=1, rung=2):
    return Report(*run, bracket, rung, 9, score=0.5, n_folds=3)


def test_all_folds_of_all_candidates_are_due_in_order():
    wave = Wave(ADVANCES, History())
    assert [run for run, _ in wave.due] == RUNS
    assert [advance for _, advance in wave.due] == [ADVANCES[0]] * 3 + [ADVANCES[1]] * 3
    assert (wave.bracket, wave.rung) == (1, 2)
    assert wave.unreported == set(RUNS)


def test_what_has_reported_at_this_rung_is_not_due_again():
    history = History()
    for done in (RUNS[1], RUNS[3]):
        history.add(report(done))
    # what happened at other rungs and in other brackets is no matter
    history.add(report(RUNS[0], rung=1))
    history.add(report(RUNS[0], bracket=0))
    wave = Wave(ADVANCES, history)
    assert [run for run, _ in wave.due] == [RUNS[0], RUNS[2], RUNS[4], RUNS[5]]
    assert wave.unreported == {RUNS[0], RUNS[2], RUNS[4], RUNS[5]}


@pytest.mark.parametrize("n_runs", [2, 5, 6])
def test_halves_train_the_same_runs(n_runs):
    wave = Wave(ADVANCES, History())
    jobs = [f"job of {run}" for run in RUNS[:n_runs]]
    stack = StackJob(3.0, wave, wave.due[:n_runs], jobs)
    parts = stack.halves(Faults(n_own=1))
    assert [pair for part in parts for pair in part.due] == list(stack.due)
    assert [job for part in parts for job in part.jobs] == jobs
    sizes = [len(part.jobs) for part in parts]
    assert sizes == [len(part.due) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert all(part.faults == Faults(n_own=1) and part.wave is wave for part in parts)
