"""A storage directory: one owner at a time, snapshots that are what was written, or not used."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from sktune.candidates import Advance, Report, Run
from sktune.exceptions import DamagedSnapshotWarning, StorageError
from sktune.journal import (
    Begun,
    Header,
    Mark,
    Opened,
    Proposed,
    Reached,
    Refitted,
    Stopped,
    Storage,
    read_journal,
)
from sktune.journal.events import from_json, to_json
from sktune.journal.snapshots import Slice

HEADER = Header({"data": {"X": Mark("2 x 2 float64", "aa")}}, 7, "epochs", 2, [{"rung": 0}])
RUN = Run(3, 1)


def report(rung, n_resources=None, **more):
    n_resources = 3**rung if n_resources is None else n_resources
    return Report(*RUN, bracket=0, rung=rung, n_resources=n_resources, score=0.5, **more)


def opened(path):
    return Storage(path, HEADER)


EVENTS = [
    Opened(1, "here"),
    Proposed(0, [{"lr": np.float64(0.1), "layers": (8, 8), "name": None}], exhausted=True),
    Begun([Advance(3, 0, 1, 3, n_folds=2), Advance(5, 0, 1, 3, n_folds=2)]),
    Reached(
        [
            report(1, scores={"float": 0.5, "b": float("nan")}, n_parameters=9, stack_size=4),
            Report(4, 0, 0, 1, 3, float("nan"), status="failed", error="ValueError: ü", n_folds=2),
        ],
        {RUN: Slice("candidate-3", 10, 20, "abc")},
    ),
    Refitted(3, 9, Slice("refit", 0, 5, "def")),
    Stopped("finished"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("trusted", [True, False])
def test_events_come_back(event, trusted):
    line = json.loads(json.dumps(to_json(event), allow_nan=False))
    assert repr(from_json(line, trusted)) == repr(event)


class TestOwners:
    def test_a_second_search_is_told_who_has_it(self, tmp_path):
        with opened(tmp_path / "s"):
            with pytest.raises(StorageError, match=rf"in use by process {os.getpid()} on .*since"):
                opened(tmp_path / "s")
            with pytest.raises(StorageError, match="in use"):
                opened(tmp_path / "s")
        opened(tmp_path / "s").__exit__(None, None, None)

    def test_the_dead_lose_it_within_a_second(self, tmp_path):
        process = _owner(tmp_path / "s", seconds=60)
        assert process.stdout.readline() == "mine\n"
        with pytest.raises(StorageError, match=f"in use by process {process.pid}"):
            opened(tmp_path / "s")
        process.kill()
        process.wait()
        start = time.perf_counter()
        with opened(tmp_path / "s") as storage:
            assert len(storage.past) == 1
        assert time.perf_counter() - start < 1
        process.stdout.close()

    def test_of_ten_at_once_one_goes_on(self, tmp_path):
        processes = [_owner(tmp_path / "s", seconds=15) for _ in range(10)]
        told = []
        for process in processes:
            told.append(process.stdout.readline().strip())
        assert sorted(told) == ["mine", *["theirs"] * 9]
        for process in processes:
            process.kill()
            process.wait()
            process.stdout.close()
        assert [type(e) for _, e in read_journal(tmp_path / "s").events] == [Opened]


def _owner(path, seconds):
    script = (
        "import sys, time\n"
        "from sktune.exceptions import StorageError\n"
        "from tests.journal.test_storage import opened\n"
        "try: storage = opened(sys.argv[1])\n"
        "except StorageError as error: print('theirs' if 'in use by' in str(error) else error)\n"
        "else: print('mine', flush=True); time.sleep(float(sys.argv[2]))\n"
    )
    arguments = [sys.executable, "-c", script, str(path), str(seconds)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


class TestSnapshots:
    def test_the_last_two_are_kept(self, tmp_path):
        with opened(tmp_path) as storage:
            for rung in range(4):
                storage.reached([report(rung)], {RUN: b"%d" % rung})
        with opened(tmp_path) as storage:
            assert list(storage.kept(RUN)) == [(27, b"3"), (9, b"2")]
            assert len(list((tmp_path / "snapshots").iterdir())) == 2
            storage.keep_only([1, 2])
            assert list((tmp_path / "snapshots").iterdir()) == []

    @pytest.mark.parametrize("damage", ["torn", "missing", "flipped", "empty"])
    def test_a_damaged_one_is_told_and_the_one_before_is_taken(self, tmp_path, damage):
        with opened(tmp_path) as storage:
            for rung in range(2):
                storage.reached([report(rung)], {RUN: b"snapshot %d" % rung})
        (file,) = (tmp_path / "snapshots").glob("*rung-1-*.snapshot")
        content = file.read_bytes()
        file.unlink()
        if damage != "missing":
            flipped = bytes([content[0] ^ 1]) + content[1:]
            file.write_bytes({"torn": content[:-1], "empty": b"", "flipped": flipped}[damage])
        with opened(tmp_path) as storage, pytest.warns(DamagedSnapshotWarning, match="rung-1"):
            assert list(storage.kept(RUN)) == [(1, b"snapshot 0")]

    def test_what_a_dead_process_left_is_removed(self, tmp_path):
        with opened(tmp_path) as storage:
            storage.reached([report(0)], {RUN: b"0"})
        for name in (".candidate-9.snapshot.new", "candidate-9-fold-0.snapshot"):
            (tmp_path / "snapshots" / name).write_bytes(b"half")
        with opened(tmp_path) as storage:
            assert len(list((tmp_path / "snapshots").iterdir())) == 1
            assert list(storage.kept(RUN)) == [(1, b"0")]

    def test_the_refitted_network(self, tmp_path):
        with opened(tmp_path) as storage:
            assert storage.refit_of(3, 9) is None
            storage.refitted(3, 9, b"net")
        with opened(tmp_path) as storage:
            assert storage.refit_of(3, 9) == b"net"
            assert storage.refit_of(3, 3) is None
        (tmp_path / "snapshots" / "refit.snapshot").write_bytes(b"other")
        with opened(tmp_path) as storage, pytest.warns(DamagedSnapshotWarning, match="refit"):
            assert storage.refit_of(3, 9) is None


class TestStrangers:
    def test_another_search_is_refused_by_what_differs(self, tmp_path):
        opened(tmp_path).__exit__(None, None, None)
        marks = {"X": Mark("2 x 2 float64", "bb"), "y": Mark("2 int64", "cc")}
        other = Header({"data": marks}, 7, "epochs", 2, [])
        before = (tmp_path / "journal.jsonl").read_bytes()
        with pytest.raises(StorageError, match="belongs to another search") as caught:
            Storage(tmp_path, other)
        assert "data: `X` looks the same, but is not: 2 x 2 float64" in str(caught.value)
        assert "data: `y` was absent and is 2 int64" in str(caught.value)
        assert (tmp_path / "journal.jsonl").read_bytes() == before

    def test_a_directory_with_other_files_is_refused(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("years of work")
        with pytest.raises(StorageError, match=r"holds thesis.tex.*choose a new directory"):
            opened(tmp_path)
        assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]

    def test_a_newer_format_is_refused(self, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("sktune.journal.header._FORMAT", 2)
            opened(tmp_path).__exit__(None, None, None)
        with pytest.raises(StorageError, match="has the format 2"):
            opened(tmp_path)

    def test_a_file_is_no_directory(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StorageError, match="cannot be written"):
            opened(tmp_path / "file")

    def test_nothing_to_read(self, tmp_path):
        with pytest.raises(StorageError, match=r"there is no journal.jsonl in it"):
            read_journal(tmp_path)
