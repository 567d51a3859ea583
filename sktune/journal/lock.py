"""One search at a time in a directory: a lock that the system takes back from the dead."""

import json
import os
import socket
import sys
import time
from pathlib import Path

from sktune.exceptions import StorageError

if sys.platform == "win32":
    import msvcrt

    def _take(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: int) -> None:
        # The lock belongs to this opening of the file: the system drops it when the process ends,
        # however it ends, and a second search in the same process is a stranger too.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """The right to write to a storage directory.

    Parameters
    ----------
    path : Path
        The lock file; it tells others who has the lock.

    Raises
    ------
    StorageError
        If another search has it; the message says who.
    """

    def __init__(self, path: Path) -> None:
        # On Windows a locked byte cannot be read by others: it lies behind the text.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(self._file)
        except OSError:
            owner = _owner(path)
            os.close(self._file)
            raise StorageError(
                f"{path.parent} is in use by {owner}: wait until that search has ended, stop it, "
                "or choose another `storage`."
            ) from None
        os.ftruncate(self._file, 0)
        me = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.write(self._file, json.dumps(me).encode())

    def release(self) -> None:
        """Let others have it."""
        os.close(self._file)


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner["since"]))
        return f"process {owner['pid']} on {owner['host']} since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        # It has been taken this very moment, and the name is not written yet.
        return "another process"
