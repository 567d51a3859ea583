"""A limit on the time of a job, kept by its own process: it ends itself, whatever it is doing."""

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path


@contextmanager
def limited(seconds: float, note: Path | None) -> Iterator[None]:
    """End this process if the ``with`` block takes longer.

    The watch is a thread of the interpreter that needs none of Python's locks, so that code that
    never comes back is ended too. Where it hung is written to ``note``, else to stderr.
    """
    with nullcontext(sys.stderr) if note is None else note.open("w") as file:
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    if note is not None:
        note.unlink()


def where_it_hung(note: Path) -> str | None:
    """Return the innermost line of a job that was ended, None if it was not.

    The note is empty while a job runs, and when its process was ended by something else.
    """
    try:
        lines = note.read_text().splitlines()
    except FileNotFoundError:
        return None
    # The main thread is told last, its innermost call first.
    starts = [number for number, line in enumerate(lines) if "most recent call first" in line]
    if not starts:
        return None
    line = lines[starts[-1] + 1].strip() if starts[-1] + 1 < len(lines) else "an unknown place"
    return line.replace(os.getcwd() + os.sep, "")
