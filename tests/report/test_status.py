"""How a search stands: what is said of its rungs, and how long it still takes."""

import pytest

from sktune.report.status import lines, rung_table, seconds_left
from tests.report import made_up
from tests.report.kinds import KINDS


def n_events(schedule):
    return len(list(made_up.events(schedule)))


@pytest.mark.parametrize("schedule", [made_up.halving(27), made_up.hyperband()])
def test_at_a_steady_speed_the_time_left_is_what_it_takes(schedule):
    # Each resource of a candidate takes 0.01 s more than those of the rung before.
    whole = made_up.search(schedule)
    total = sum(row["epochs"] for row in schedule.plan) * made_up.N_FOLDS
    for share in (0.3, 0.6, 0.9):
        part = made_up.search(schedule, n_events=int(share * n_events(schedule)))
        done = {}
        for report in part.history:
            done[report.run] = max(report.n_resources, done.get(report.run, 0))
        trained = sum(done.values())
        now = max(report.end_time for report in part.history)
        assert seconds_left(part) == pytest.approx(now * (total - trained) / trained)
    assert seconds_left(whole) == pytest.approx(0)


def test_nothing_is_foretold_without_a_report_or_an_end():
    assert seconds_left(made_up.search(n_events=0)) is None
    endless = KINDS["asynchronous"]()
    assert "left" not in lines(endless)[-1] or all("n_candidates" in row for row in endless.plan)


@pytest.mark.parametrize("kind", KINDS)
def test_every_search_is_told_in_80_columns(kind):
    data = KINDS[kind]()
    names, rows = rung_table(data)
    assert all(len(row) == len(names) for row in rows)
    assert all(len(line) <= 80 for line in lines(data))


def test_the_lines_of_a_search_that_is_running():
    data = made_up.search(n_events=31, fails=lambda candidate: candidate == 3)
    told = lines(data)
    assert told[0].split() == ["rung", "epochs", "candidates", "failed", "best"]
    assert told[1].split()[:6] == ["0", "1", "27", "of", "27", "1"]
    assert told[-2].startswith("best so far: candidate ")
    assert told[-1].startswith("0 s so far, about ")
