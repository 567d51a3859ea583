"""Watching a search: what is shown changes with it, and ends with it."""

import io
import sys
import threading

import pytest

from sktune.cli import main
from sktune.journal import Header, Stopped, Storage
from sktune.report import watch
from tests.report import made_up


def test_a_search_that_has_ended_is_shown_once(tmp_path, capsys):
    made_up.stored(tmp_path)
    assert main(["watch", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == "finished"
    assert sum(line.startswith("best so far") for line in told) == 1


def test_a_search_is_shown_again_until_it_ends(tmp_path, capsys):
    events = list(made_up.events(made_up.halving(9)))
    with Storage(tmp_path, _header(made_up.halving(9))) as storage:
        watcher = threading.Thread(target=watch, args=[tmp_path, 0.01])
        watcher.start()
        for event in events:
            storage.write(event)
            threading.Event().wait(0.02)
        storage.write(Stopped("finished"))
        watcher.join(timeout=30)
    assert not watcher.is_alive()
    told = capsys.readouterr().out
    counts = [line.split()[2] for line in told.splitlines() if line.split()[:1] == ["0"]]
    assert counts[-1] == "9"
    assert len(set(counts)) > 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_a_terminal_gets_a_table_that_is_redrawn_and_without_rich_lines(
    rich, tmp_path, monkeypatch
):
    made_up.stored(tmp_path)
    place = Terminal()
    monkeypatch.setattr(sys, "stdout", place)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.live", None)
    watch(tmp_path)
    text = place.getvalue()
    assert "27 of 27" in text
    assert ("\x1b[" in text) == rich


def _header(schedule):
    return Header({}, 0, "epochs", made_up.N_FOLDS, [dict(row) for row in schedule.plan])
