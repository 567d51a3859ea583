"""The last two snapshots of each run are kept, against lists of all that there were."""

import numpy as np
import pytest

from sktune.candidates import Report, Run
from sktune.journal.events import Reached
from sktune.journal.generations import Generations
from sktune.journal.snapshots import Slice


def event(name, runs, n_resources, without=()):
    reports = [Report(*run, 0, 0, n_resources, score=0.5) for run in runs]
    places = {run: Slice(name, k, 1, "") for k, run in enumerate(runs) if run not in without}
    return Reached(reports, places)


@pytest.mark.parametrize("seed", range(20))
def test_files_are_dropped_when_no_run_needs_them(seed):
    rng, generations = np.random.default_rng(seed), Generations()
    history, files = {}, set()
    for number in range(1, 30):
        if number % 11 == 0:
            kept = {int(c) for c in rng.integers(0, 5, 3)}
            dropped = generations.keep_only(kept)
            history = {run: all_ for run, all_ in history.items() if run.candidate_id in kept}
        else:
            # a file has some folds of a candidate, and one of them may have no snapshot
            folds = np.flatnonzero(rng.random(3) < 0.7)
            candidate = int(rng.integers(0, 5))
            runs = [Run(candidate, int(fold)) for fold in folds]
            found = event(f"file {number}", runs, number, without=runs[: int(rng.random() < 0.2)])
            dropped = generations.add(found)
            for run, place in found.snapshots.items():
                history.setdefault(run, []).append((number, place))
                files.add(place.name)
        needed = {place.name for all_ in history.values() for _, place in all_[-2:]}
        assert generations.names() == needed
        assert dropped == files - needed
        files -= dropped
        for run, all_ in history.items():
            assert list(generations.of(run)) == all_[-2:]


def test_a_run_that_is_unknown_has_none():
    assert list(Generations().of(Run(0, 0))) == []
    assert Generations().names() == set()
