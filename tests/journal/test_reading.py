"""What a journal says of the state of its search."""

import pytest

from sktune.journal import Header, Opened, Refitted, Stopped, Storage, read_journal
from sktune.journal.snapshots import Slice

REFITTED = Refitted(0, 9, Slice("refit", 0, 1, "hash"))


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "running"),
        # the refit may be done before the last folds of the rung are
        ([REFITTED], "running"),
        ([REFITTED, Stopped("finished")], "finished"),
        ([Stopped("finished"), REFITTED], "finished"),
        ([Stopped("time_budget"), REFITTED], "time_budget"),
        ([Stopped("time_budget"), Opened(2, "elsewhere")], "running"),
        ([Stopped("time_budget"), Opened(2, "elsewhere"), Stopped("finished")], "finished"),
    ],
)
def test_a_search_has_ended_when_it_says_so(events, state, tmp_path):
    with Storage(tmp_path, Header({}, 0, "epochs", 2, [])) as storage:
        for event in events:
            storage.write(event)
    assert read_journal(tmp_path).state.startswith(state)
