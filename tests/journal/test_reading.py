"""What a journal says of the state of its search."""

import socket
import subprocess
import sys

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


def test_a_process_of_this_machine_that_is_gone_is_said_to_be(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Storage(tmp_path, Header({}, 0, "epochs", 2, [])) as storage:
        assert read_journal(tmp_path).state.startswith("running")
        storage.write(Opened(gone.pid, socket.gethostname()))
    state = read_journal(tmp_path).state
    assert state == f"interrupted, process {gone.pid} on {socket.gethostname()} has ended"
