"""What a run reports, whatever came of it."""

import math
from dataclasses import fields
from typing import Any

from sktune.candidates import Advance, Failure, Report, Run
from sktune.exceptions import DivergedError
from sktune.runs import Advanced

_MEASURED = [field.name for field in fields(Advanced) if field.name != "snapshot"]


def reached(run: Run, action: Advance, result: Advanced) -> Report:
    """Return the report of a run that has reached its rung."""
    return _report(run, action, **{name: getattr(result, name) for name in _MEASURED})


def failed(run: Run, action: Advance, failure: Failure) -> Report:
    """Return the report of a run that has not, with the reason."""
    return _report(
        run,
        action,
        score=math.nan,
        fit_time=failure.seconds,
        status="diverged" if isinstance(failure.error, DivergedError) else "failed",
        error=failure.reason,
    )


def _report(run: Run, action: Advance, **measured: Any) -> Report:
    return Report(
        *run,
        bracket=action.bracket,
        rung=action.rung,
        n_resources=action.n_resources,
        n_folds=action.n_folds,
        **measured,
    )
