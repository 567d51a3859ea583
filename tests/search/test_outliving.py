"""Nothing outlives a search that was ended by a signal."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sktune import MLPClassifier, SuccessiveHalvingSearchCV
from tests.search.outliving import begun, ended, folders, processes, what_is_left

if not sys.platform.startswith("linux"):
    pytest.skip("processes are counted by /proc", allow_module_level=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_search(number):
    found = ended(number, 8.0)
    assert not found["left"], found
    assert found["waited"] < 30


@pytest.mark.slow
def test_nothing_outlives_a_search_at_many_moments():
    command = [sys.executable, "-m", "tests.search.outliving", "20", "0"]
    path = os.pathsep.join([".", os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}
    )
    found = [json.loads(line) for line in done.stdout.splitlines()][1:]
    assert len(found) == 20
    assert not [moment for moment in found if moment["left"]]


def test_what_all_its_processes_left_goes_when_the_next_search_starts(tmp_path, monkeypatch):
    search = begun(tmp_path, "left behind")
    while len(processes("left behind")) < 4 or not folders(tmp_path, search.pid):
        assert search.poll() is None
    # Nobody is left to clear up.
    os.killpg(search.pid, signal.SIGKILL)
    search.wait()
    assert len(folders(tmp_path, search.pid)) == 3
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    X, y = [[0.0], [1.0]] * 6, [0, 1] * 6
    net = MLPClassifier(max_epochs=1)
    SuccessiveHalvingSearchCV(net, {"lr": [0.1]}, n_candidates=1, max_resources=1, cv=2).fit(X, y)
    assert what_is_left(tmp_path, "left behind", search.pid, seconds=0) == (0.0, [])


def test_a_single_process_makes_no_folder(tmp_path, monkeypatch):
    made, before = [], folders(tmp_path, os.getpid())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "mkdir", lambda *given, **_: made.append(given))
    X, y = [[0.0], [1.0]] * 6, [0, 1] * 6
    net = MLPClassifier(max_epochs=1)
    SuccessiveHalvingSearchCV(net, {"lr": [0.1]}, n_candidates=1, max_resources=1, cv=2).fit(X, y)
    assert not made
    assert folders(tmp_path, os.getpid()) == before
