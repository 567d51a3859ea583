"""Law 8: a torn last line is repaired, damage elsewhere is refused by name."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sktune.exceptions import StorageError
from sktune.journal.file import JournalFile, read


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def write(path, n_events):
    journal = JournalFile.create(path, {"event": "first"})
    for number in range(n_events):
        journal.append({"event": "one", "number": number, "text": "ö" * (number % 7)})
    journal.close()
    return path.read_bytes()


def reopened(path, number):
    journal = JournalFile(path, read(path))
    journal.append({"event": "more", "number": number})
    journal.close()


def test_lines_are_json_and_come_back(path):
    content = write(path, 5)
    lines = [json.loads(line) for line in content.splitlines()]
    assert all(len(line.pop("crc")) == 8 for line in lines)
    assert read(path).lines == lines
    assert read(path).n_bytes == len(content)


def test_a_journal_torn_at_any_byte_of_the_last_three_lines(path):
    content = write(path, 6)
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for length in range(ends[-4], len(content) + 1):
        path.write_bytes(content[:length])
        n_whole = sum(end <= length for end in ends)
        assert len(read(path).lines) == n_whole
        for number in range(5):
            reopened(path, number)
        found = read(path).lines
        assert [line.get("number") for line in found] == [
            None,
            *range(n_whole - 1),
            *range(5),
        ]


def damages(content, rng):
    """Yield (damaged content, what was done)."""
    lines = content.splitlines(keepends=True)
    while True:
        kind = rng.integers(5)
        place = int(rng.integers(len(content)))
        line = int(rng.integers(len(lines) - 1))
        if kind == 0:
            flipped = content[place] ^ (1 << int(rng.integers(8)))
            yield content[:place] + bytes([flipped]) + content[place + 1 :], f"flip at {place}"
        elif kind == 1:
            yield b"".join(lines[:line] + lines[line + 1 :]), f"without line {line}"
        elif kind == 2:
            yield b"".join(lines[: line + 1] + lines[line:]), f"line {line} twice"
        elif kind == 3:
            swapped = [*lines[:line], lines[line + 1], lines[line], *lines[line + 2 :]]
            yield b"".join(swapped), f"line {line} swapped"
        else:
            alien = rng.bytes(int(rng.integers(1, 200))) + b"\n"
            yield b"".join([*lines[:line], alien, *lines[line:]]), f"alien line {line}"


def test_a_thousand_damages_are_refused_by_name(path):
    content = write(path, 8)
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    n_refused = 0
    for damaged, what in damages(content, np.random.default_rng(0)):
        path.write_bytes(damaged)
        # The end of the last line, changed, looks like a line that was not finished.
        if damaged[:last] == content[:last] and not damaged.endswith(b"\n"):
            assert len(read(path).lines) == 8, what
            continue
        with pytest.raises(StorageError, match=r"(damaged in line|is not the journal)") as caught:
            read(path)
        assert str(path) in str(caught.value), what
        assert path.read_bytes() == damaged, what
        n_refused += 1
        if n_refused == 1000:
            break


@pytest.mark.parametrize("content", [b"", b"{}", b"not a journal\n", b'{"a": 1}\n', b"\0" * 100])
def test_a_foreign_file_is_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(StorageError, match="is not the journal of a search"):
        read(path)
    assert path.read_bytes() == content


def test_a_line_that_cannot_be_written_leaves_the_journal_whole(path, monkeypatch):
    content = write(path, 3)
    journal = JournalFile(path, read(path))
    real = os.write

    def half(file, view):
        if len(view) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, view[: len(view) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(StorageError, match=r"No space left.*Make room"):
            journal.append({"event": "lost", "text": "x" * 100})
    assert path.read_bytes() == content
    journal.append({"event": "kept"})
    journal.close()
    assert read(path).lines[-1] == {"event": "kept"}


def test_a_journal_is_created_whole_or_not_at_all(path, monkeypatch):
    def full(file, view):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        JournalFile.create(path, {"event": "first"})
    assert not path.exists()


def test_lines_are_on_the_disk_when_the_writer_is_killed(path):
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sktune.journal.file import JournalFile\n"
        "journal = JournalFile.create(Path(sys.argv[1]), {'event': 'first'})\n"
        "for number in range(10): journal.append({'number': number})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert [line.get("number") for line in read(path).lines] == [None, *range(10)]
