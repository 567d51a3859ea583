"""A job that takes too long ends its process, and tells where it was."""

import os
import subprocess
import sys
import time

import pytest

from sktune.execution.watch import limited, where_it_hung

CODE = """
import time
from pathlib import Path
from sktune.execution.watch import limited

def never_comes_back():
    {hangs}

with limited(0.5, {note}):
    never_comes_back()
"""


def ended(hangs, note):
    code = CODE.format(hangs=hangs, note="None" if note is None else f"Path({str(note)!r})")
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("hangs", ["time.sleep(600)", "sum(range(10**12))"])
def test_whatever_hangs_is_ended_and_named(hangs, tmp_path):
    note = tmp_path / "note"
    assert ended(hangs, note).returncode == 1
    assert "in never_comes_back" in where_it_hung(note)


def test_without_a_note_it_is_told_on_stderr():
    found = ended("time.sleep(600)", None)
    assert found.returncode == 1
    assert "in never_comes_back" in found.stderr


def test_who_is_in_time_leaves_no_note(tmp_path):
    note = tmp_path / "note"
    with limited(60.0, note):
        # the process may also be ended by something else
        assert where_it_hung(note) is None
    assert not note.exists()
    assert where_it_hung(note) is None
    with limited(0.2, note):
        pass
    time.sleep(0.4)


def test_an_error_ends_the_watch_too(tmp_path):
    with pytest.raises(ZeroDivisionError), limited(0.2, tmp_path / "note"):
        raise ZeroDivisionError
    time.sleep(0.4)
    assert where_it_hung(tmp_path / "note") is None
