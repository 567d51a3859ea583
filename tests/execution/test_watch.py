"""A job that takes too long ends its process, and tells where it was."""

import os
import subprocess
import sys

import pytest

from sktune.execution.watch import limited, where_it_hung

HANGS = """
import time
from pathlib import Path
from sktune.execution.watch import limited

def never_comes_back():
    {hangs}

with limited(0.5, {note}):
    never_comes_back()
"""
IN_TIME = """
import time
from contextlib import suppress
from sktune.execution.watch import limited

with limited(1.0, None):
    pass
with suppress(ZeroDivisionError), limited(1.0, None):
    1 / 0
time.sleep(1.5)
print("still here")
"""


def run(code):
    path = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


def ended(hangs, note):
    return run(HANGS.format(hangs=hangs, note=note and f"Path({str(note)!r})"))


@pytest.mark.parametrize("hangs", ["time.sleep(600)", "sum(range(10**12))"])
def test_whatever_hangs_is_ended_and_named(hangs, tmp_path):
    note = tmp_path / "note"
    assert ended(hangs, note).returncode == 1
    assert "in never_comes_back" in where_it_hung(note)


def test_without_a_note_it_is_told_on_stderr():
    found = ended("time.sleep(600)", None)
    assert found.returncode == 1
    assert "in never_comes_back" in found.stderr


def test_who_is_in_time_or_raises_is_not_ended():
    found = run(IN_TIME)
    assert (found.returncode, found.stdout, found.stderr) == (0, "still here\n", "")


def test_who_is_in_time_leaves_no_note(tmp_path):
    note = tmp_path / "note"
    assert where_it_hung(note) is None
    with limited(60.0, note):
        # the process may also be ended by something else
        assert where_it_hung(note) is None
    assert not note.exists()
    with pytest.raises(ZeroDivisionError), limited(60.0, note):
        raise ZeroDivisionError
    assert where_it_hung(note) is None
