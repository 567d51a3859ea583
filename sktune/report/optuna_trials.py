"""Candidates as Optuna has them, and Optuna itself without its lines about each study."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sktune.report.axes_of_values import ValueAxis, is_missing, word
from sktune.report.extras import extra


@contextmanager
def quiet_optuna(user: str) -> Iterator[Any]:
    """Give Optuna, which tells of warnings only in the ``with`` block."""
    optuna = extra("optuna", "optuna", user)
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(level)


def created_trial(
    optuna: Any,
    params: Mapping[str, Any],
    axes: Mapping[str, ValueAxis],
    spaces: Mapping[str, Any],
    **facts: Any,
) -> Any:
    """Return a trial with those of the hyperparameters that are not missing."""
    mine = {
        name: word(value) if axes[name].words else float(value)
        for name, value in params.items()
        if not is_missing(value)
    }
    own = {name: spaces[name] for name in mine}
    return optuna.trial.create_trial(params=mine, distributions=own, **facts)
