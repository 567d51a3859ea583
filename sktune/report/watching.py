"""A search that another process runs, in a terminal: redrawn until it ends."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sktune.report.data import SearchData
from sktune.report.extras import extra
from sktune.report.status import lines, rung_table, summary_lines


class Screen(Protocol):
    """Shows how a search stands."""

    def show(self, data: SearchData, note: str = "") -> None:
        """Show it in the place of what was shown before."""


class Plain:
    """Prints lines, whenever something has changed: for files and pipes."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def show(self, data: SearchData, note: str = "") -> None:
        """Print all lines again if one of them is new."""
        found = [*lines(data), *([note] if note else [])]
        if found != self._last:
            print("\n".join(found), flush=True)
        self._last = found


class Terminal:
    """Redraws a table in its place, by rich."""

    def __init__(self, live: Any) -> None:
        self._live = live

    def show(self, data: SearchData, note: str = "") -> None:
        """Redraw."""
        self._live.update(_drawn(data, note))


def _drawn(data: SearchData, note: str) -> Any:
    console = extra("rich.console", "progress", "watch")
    table = extra("rich.table", "progress", "watch").Table(box=None, pad_edge=False)
    text = extra("rich.text", "progress", "watch").Text
    names, rows = rung_table(data)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(text, row))
    said = [*summary_lines(data), *([note] if note else [])]
    below = [text(line, no_wrap=True, overflow="ellipsis") for line in said]
    if data.is_running:
        # Something moves, since a stack may take long to report.
        below[-1] = extra("rich.spinner", "progress", "watch").Spinner("line", below[-1])
    return console.Group(table, *below)


@contextmanager
def screen() -> Iterator[Screen]:
    """Give what shows a search: a table in a terminal where rich is installed, else lines."""
    if not sys.stdout.isatty():
        yield Plain()
        return
    try:
        live = extra("rich.live", "progress", "watch").Live
    except ValueError:
        yield Plain()
        return
    with live(refresh_per_second=4) as shown:
        yield Terminal(shown)


def watch(directory: str | os.PathLike[str], interval: float = 1.0) -> None:
    """Show a stored search until it ends, or until Ctrl-C.

    Parameters
    ----------
    directory : str or path
        The ``storage`` of a search, which another process may be running.
    interval : float, default=1.0
        Seconds between two looks at it, at least; a look takes at most a fifth of the time.

    Raises
    ------
    StorageError
        If there is no journal, or it is damaged.
    """
    with screen() as place:
        while True:
            start = time.perf_counter()
            data = SearchData.of(directory)
            place.show(data, data.state)
            if not data.is_running:
                return
            time.sleep(max(interval, 4 * (time.perf_counter() - start)))
