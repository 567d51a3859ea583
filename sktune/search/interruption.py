"""Ctrl-C during ``fit``: what was found so far stays, and one line says how to go on."""

import functools
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from sktune.engine import INTERRUPTED
from sktune.exceptions import SearchInterrupt

Fit = Callable[..., Any]
Hook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]
_STATUS = 128 + signal.SIGINT
_SHOWN = ("cv_results_", "best_params_", "history_")


def interruptible(fit: Fit) -> Fit:
    """Have a ``fit`` that is interrupted raise what says how to go on."""

    @functools.wraps(fit)
    def interruptible_fit(search: Any, *args: Any, **params: Any) -> Any:
        earlier = vars(search).get("cv_results_")
        try:
            return fit(search, *args, **params)
        except KeyboardInterrupt:
            sys.excepthook = OneLine.after(sys.excepthook)
            raise SearchInterrupt(_message(search, earlier)) from None

    return interruptible_fit


def _message(search: Any, earlier: Any) -> str:
    found = vars(search).get("cv_results_")
    if found is earlier:
        text = "The search was interrupted before a candidate was scored on every fold."
    else:
        is_early = search.stop_reason_ == INTERRUPTED
        moment = f"after {len(search.history_)} runs" if is_early else "in the refit"
        names = ", ".join(f"`{name}`" for name in _SHOWN if hasattr(search, name))
        text = f"The search was interrupted {moment}; {names} tell the best so far."
    return f"{text} {_way_on(search.storage)}"


def _way_on(storage: Any) -> str:
    if storage is None:
        return "Fit again begins anew; with a directory as `storage` it would go on from there."
    return f"Fit again with `storage`={str(storage)!r} to go on from there."


class OneLine:
    """An ``excepthook`` that prints an interrupt nobody catches as one line, without a traceback.

    Parameters
    ----------
    otherwise : callable
        The hook for everything else.
    """

    def __init__(self, otherwise: Hook) -> None:
        self._otherwise = otherwise

    @classmethod
    def after(cls, hook: Hook) -> Hook:
        """Return such a hook; the one given if it is one already."""
        return hook if isinstance(hook, cls) else cls(hook)

    def __call__(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Print an exception; a script ends with the status of one that was interrupted."""
        if not isinstance(error, SearchInterrupt):
            self._otherwise(kind, error, trace)
            return
        print(f"KeyboardInterrupt: {error}", file=sys.stderr)
        if not hasattr(sys, "ps1"):  # where commands are typed in, that goes on
            raise SystemExit(_STATUS)
