"""The journal file: append-only lines, forced to disk one by one, read whole or not at all."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from sktune.exceptions import StorageError
from sktune.journal.lines import seal, unseal

Line = dict[str, Any]


class Contents(NamedTuple):
    """What a journal says: its lines, the checksum of the last, and how many bytes they take."""

    lines: list[Any]
    checksum: int
    n_bytes: int


def _as_it_is(line: Line) -> Any:
    return line


def read(path: Path, understood: Callable[[Line], Any] = _as_it_is) -> Contents:
    """Read a journal, which another process may be writing to.

    Each line is handed to ``understood`` at once, and what that returns is kept in its place.

    A last line without an end was being written when its writer died, or is being written now:
    it is left out.

    Raises
    ------
    StorageError
        If there is no such file, or one of its lines is not what was written.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror}).") from error
    end = content.rfind(b"\n") + 1
    lines, checksum = list[Any](), 0
    for number, line in enumerate(content[:end].split(b"\n")[:-1], start=1):
        try:
            event, checksum = unseal(line, checksum)
        except ValueError as error:
            raise StorageError(_damage(path, number, error)) from None
        lines.append(understood(event))
    if not lines:
        raise StorageError(_damage(path, 1, "it has no whole line"))
    return Contents(lines, checksum, end)


def _damage(path: Path, number: int, reason: object) -> str:
    if number == 1:
        return (
            f"{path} is not the journal of a search, or its first line is damaged ({reason}): "
            "choose another `storage`, or put the journal back from a copy."
        )
    return (
        f"{path} is damaged in line {number} ({reason}): something other than sktune has changed "
        "it. Put it back from a copy, or begin anew with another `storage`."
    )


class JournalFile:
    """A journal that is open for writing.

    Parameters
    ----------
    path : Path
        The file, which exists.
    contents : Contents
        What :func:`read` found in it; anything behind that is cut off.
    """

    def __init__(self, path: Path, contents: Contents) -> None:
        self._path = path
        self._checksum, self._n_bytes = contents.checksum, contents.n_bytes
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        with explained(path):
            os.ftruncate(self._file, self._n_bytes)

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Self:
        """Begin a journal with its first line, all of it or nothing."""
        line, checksum = seal(header, 0)
        with explained(path):
            replace_file(path, [line])
            journal = cls(path, Contents([dict(header)], checksum, len(line)))
            os.fsync(journal._file)
        return journal

    def append(self, event: Mapping[str, Any]) -> None:
        """Write a line and wait until it is on the disk.

        Raises
        ------
        StorageError
            If it cannot be written; the journal is then as it was before.
        """
        line, checksum = seal(event, self._checksum)
        try:
            with explained(self._path):
                _write_all(self._file, line)
                os.fsync(self._file)
        except StorageError:
            with suppress(OSError):  # what is left of the line is cut off at the next opening
                os.ftruncate(self._file, self._n_bytes)
            raise
        self._checksum = checksum
        self._n_bytes += len(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the system into one that says what can be done."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}): what it held before is whole. Make room "
            "or give the right to write, and fit again with the same `storage`."
        ) from error


def replace_file(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file beside its place and put it there when it is whole."""
    beside = path.with_name(f".{path.name}.new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        for part in parts:
            _write_all(file, part)
    finally:
        os.close(file)
    beside.replace(path)


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
