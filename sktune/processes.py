"""Processes of this machine, told apart by pid and start time: a pid is given away again."""

import os
import socket
from functools import cache
from hashlib import blake2s
from pathlib import Path
from typing import NamedTuple, Self

_PROC = Path("/proc")
# Places in /proc/PID/stat after the name: the state, and the clock ticks from boot to start.
_STATE, _START = 0, 19


class Process(NamedTuple):
    """A process that runs or has run.

    Parameters
    ----------
    machine : str
        The machine and its pid namespace: containers count their processes from 1.
    pid : int
        Its number.
    start : int
        When it was started, in the clock of the machine; 0 where that cannot be known.

    Examples
    --------
    >>> Process.current().is_alive()
    True
    """

    machine: str
    pid: int
    start: int

    @classmethod
    def current(cls) -> Self:
        """Return the process that calls."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the process that has a pid now."""
        fields = _stat(pid)
        return cls(_machine(), pid, int(fields[_START]) if fields else 0)

    def is_alive(self) -> bool:
        """Whether it still runs; taken for granted of a process of another machine."""
        if self.machine != _machine():
            return True
        if not _PROC.joinpath("self", "stat").exists():
            return answers(self.pid)
        fields = _stat(self.pid)
        # A process that has ended has a state as long as nobody has asked for its exit status.
        if fields is None or fields[_STATE] in "ZX":
            return False
        return int(fields[_START]) == self.start


@cache
def _machine() -> str:
    try:
        namespace = os.readlink(_PROC / "self" / "ns" / "pid")
    except OSError:
        namespace = ""
    return blake2s(f"{socket.gethostname()} {namespace}".encode(), digest_size=4).hexdigest()


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name before may contain anything.
    return text.rpartition(")")[2].split()


def answers(pid: int) -> bool:
    """Whether a process of this number exists, as far as a system without /proc tells."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
