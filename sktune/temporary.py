"""Temporary folders that go with their process, however it ends.

When a process is killed, joblib's resource tracker removes its folders; where the tracker was
killed with it, the next search does, since their names say whose they are.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from joblib.externals.loky.backend import resource_tracker

from sktune.processes import Process

PREFIX = "sktune-"
_OWNER = r"([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}"
_ELSEWHERE = "elsewhere"


@contextmanager
def temporary_folder(parent: Path | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """Give a folder that is there for the length of a ``with`` block.

    Parameters
    ----------
    parent : Path or None, default=None
        Where to make it; None is the system's place for temporary files.
    prefix : str, default="sktune-"
        What its name begins with.

    Examples
    --------
    >>> with temporary_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    owner = "-".join(map(str, Process.current()))
    folder = _place(parent) / f"{prefix}{owner}-{token_hex(4)}"
    resource_tracker.register(str(folder), "folder")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        resource_tracker.unregister(str(folder), "folder")


def note_elsewhere(folder: Path, pattern: Path) -> None:
    """Have folders that another library makes for this process go with a temporary one.

    The names that fit the pattern must contain the pid.
    """
    with (folder / _ELSEWHERE).open("a") as file:
        file.write(f"{pattern}\n")


def clear_abandoned(parent: Path | None = None, prefix: str = PREFIX) -> None:
    """Remove the temporary folders of this user's processes that have died on this machine."""
    for folder in _place(parent).iterdir():
        owner = _owner(folder.name, prefix)
        if owner is not None and not owner.is_alive() and _is_ours(folder):
            for other in _elsewhere(folder, owner):
                shutil.rmtree(other, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)


def _place(parent: Path | None) -> Path:
    return Path(tempfile.gettempdir()) if parent is None else parent


def _owner(name: str, prefix: str) -> Process | None:
    found = re.fullmatch(f"{re.escape(prefix)}{_OWNER}", name)
    return found and Process(found[1], int(found[2]), int(found[3]))


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of this user's, and no link to one."""
    try:
        return folder.is_dir() and folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
    except OSError:
        return False


def _elsewhere(folder: Path, owner: Process) -> Iterator[Path]:
    """Yield the folders that fit what was noted, if their names say that they are the owner's."""
    try:
        noted = (folder / _ELSEWHERE).read_text().splitlines()
    except OSError:
        return
    for pattern in map(Path, noted):
        for other in pattern.parent.glob(pattern.name):
            if f"_{owner.pid}_" in other.name and _is_ours(other):
                yield other
