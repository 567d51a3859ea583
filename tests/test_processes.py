"""Processes told apart."""

import os
import subprocess
import sys
import time

import pytest

from sktune import processes
from sktune.processes import Process

CODE = """
from sktune.processes import Process
print(*Process.current(), flush=True)
input()
"""


@pytest.fixture
def other():
    """Return another process, and what it says of itself."""
    child = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    machine, pid, start = child.stdout.readline().split()
    yield child, Process(machine, int(pid), int(start))
    child.communicate("")


def test_a_process_is_alive_until_it_ends_also_when_nobody_asks_for_its_status(other):
    child, process = other
    assert process.pid == child.pid
    assert process.is_alive()
    child.stdin.write("\n")
    child.stdin.flush()
    deadline = time.perf_counter() + 10
    while process.is_alive() and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert not process.is_alive()
    child.wait()
    assert not process.is_alive()


def test_a_pid_that_is_used_again_is_another_process():
    now = Process.current()
    assert not now._replace(start=now.start + 1).is_alive()


def test_a_process_elsewhere_is_taken_to_be_alive(other):
    child, process = other
    child.communicate("\n")
    assert not process.is_alive()
    assert process._replace(machine="another").is_alive()


def test_without_proc_the_pid_decides(other, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    child, process = other
    assert Process.current().start == 0
    assert process.is_alive()
    child.communicate("\n")
    assert not process.is_alive()
    assert process._replace(pid=1).is_alive()
