"""Temporary folders and their owners."""

import os
import shutil
import tempfile

import pytest

from sktune.processes import Process
from sktune.temporary import clear_abandoned, note_elsewhere, temporary_folder

# No process has had this number since the machine was started.
DEAD = Process.current()._replace(start=1)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def abandoned(place, owner=DEAD, prefix="sktune-"):
    """Return a folder as a process leaves it that is killed."""
    folder = place / f"{prefix}{'-'.join(map(str, owner))}-0123abcd"
    folder.mkdir()
    (folder / "1.npy").write_bytes(b"1")
    return folder


def test_a_folder_is_there_for_the_block(place):
    with temporary_folder() as folder:
        assert folder.parent == place
        assert folder.stat().st_mode & 0o777 == 0o700
        clear_abandoned()
        assert folder.is_dir()
        (folder / "file").touch()
    assert not list(place.iterdir())


def test_folders_of_dead_processes_go(place):
    abandoned(place)
    clear_abandoned()
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    "owner",
    [Process.current(), DEAD._replace(machine="01234567")],
    ids=["alive", "of another machine"],
)
def test_folders_of_others_stay(place, owner):
    folder = abandoned(place, owner)
    clear_abandoned()
    assert folder.is_dir()


def test_folders_of_other_users_stay(place, monkeypatch):
    folder, uid = abandoned(place), os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    clear_abandoned()
    assert folder.is_dir()


def test_what_has_another_name_stays(place):
    for name in ("sktune-abc", "sktune-run-x", "other-" + abandoned(place).name, "sktune-1-2-3-4"):
        (place / name).mkdir()
    (place / f"{abandoned(place / 'sktune-abc').name}-more").mkdir()
    clear_abandoned()
    assert len(list(place.iterdir())) == 5


def test_links_stay_and_what_they_lead_to(place):
    folder = abandoned(place)
    goal = place / "mine"
    shutil.move(folder, goal)
    folder.symlink_to(goal)
    clear_abandoned()
    assert (goal / "1.npy").exists()


def test_folders_elsewhere_go_with_their_own(place):
    folder = abandoned(place)
    for name in (f"joblib_{DEAD.pid}_0_a", f"joblib_{DEAD.pid}_1_a", f"joblib_{DEAD.pid}_0_b"):
        (place / name).mkdir()
    (place / f"joblib_{DEAD.pid + 1}_0_a").mkdir()
    note_elsewhere(folder, place / "joblib_*_a")
    note_elsewhere(folder, place / "gone" / "joblib_*_a")
    clear_abandoned()
    left = {other.name for other in place.iterdir()}
    assert left == {f"joblib_{DEAD.pid}_0_b", f"joblib_{DEAD.pid + 1}_0_a"}


def test_a_prefix_with_letters_of_patterns(place):
    prefix = ".model[1].*-"
    abandoned(place, prefix=prefix)
    clear_abandoned(place, prefix)
    assert not list(place.iterdir())
