"""Snapshots come back as they were written, or not at all."""

import hashlib

import pytest

from sktune.candidates import Run
from sktune.exceptions import StorageError
from sktune.journal.snapshots import SnapshotFolder

SNAPSHOTS = {Run(3, 0): b"first", Run(3, 1): b"", Run(3, 2): bytes(range(256)) * 40}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "snapshots"


def the_file(path):
    (file,) = path.iterdir()
    return file


def test_each_is_found_by_its_place(path):
    places = SnapshotFolder(path).save("three", SNAPSHOTS)
    assert places.keys() == SNAPSHOTS.keys()
    content = the_file(path).read_bytes()
    # another process reads them
    folder = SnapshotFolder(path)
    for run, place in places.items():
        assert folder.load(place) == SNAPSHOTS[run]
        assert content[place.start : place.start + place.length] == SNAPSHOTS[run]
        assert place.checksum == hashlib.sha256(SNAPSHOTS[run]).hexdigest()


def test_damage_is_that_of_one_snapshot(path):
    folder = SnapshotFolder(path)
    places = folder.save("three", SNAPSHOTS)
    content = bytearray(the_file(path).read_bytes())
    content[2] ^= 1
    the_file(path).write_bytes(content)
    assert folder.load(places[Run(3, 0)]) is None
    assert folder.load(places[Run(3, 2)]) == SNAPSHOTS[Run(3, 2)]
    the_file(path).write_bytes(content[:-1])
    assert folder.load(places[Run(3, 2)]) is None


def test_a_file_is_written_again_and_removed(path):
    folder = SnapshotFolder(path)
    old, new = (folder.save("one", {Run(0, 0): text})[Run(0, 0)] for text in (b"old", b"new one"))
    assert folder.load(new) == b"new one"
    assert folder.load(old) is None
    for _ in range(2):
        folder.delete("one")
        assert folder.load(new) is None
    assert list(path.iterdir()) == []


def test_only_files_that_are_wanted_are_kept(path):
    folder = SnapshotFolder(path)
    places = [folder.save(name, {Run(0, 0): name.encode()})[Run(0, 0)] for name in "abc"]
    (path / ".c.snapshot.new").write_bytes(b"half")
    folder.keep_only({"b", "never written"})
    assert [folder.load(place) for place in places] == [None, b"b", None]
    assert len(list(path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_told(path):
    with pytest.raises(StorageError, match="cannot be written"):
        SnapshotFolder(path / "below" / "nothing")
