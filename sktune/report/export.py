"""A search handed on to the tools that people track experiments with: a candidate, a run there."""

from collections.abc import Callable

from sktune.exceptions import InvalidSettingsError
from sktune.report.data import SearchData, Source
from sktune.report.trackers import to_csv, to_mlflow, to_optuna, to_tensorboard, to_wandb

_TRACKERS: dict[str, tuple[Callable[[SearchData, str], None], str]] = {
    "csv": (to_csv, "results.csv"),
    "optuna": (to_optuna, "sqlite:///optuna.db"),
    "mlflow": (to_mlflow, "sqlite:///mlflow.db"),
    "tensorboard": (to_tensorboard, "runs"),
    "wandb": (to_wandb, "sktune"),
}


def export(source: Source, to: str, target: str | None = None) -> str:
    """Hand the candidates of a search to an experiment tracker.

    Parameters
    ----------
    source : fitted search or path
        A search, or the directory of its storage, also while it is running.
    to : {"csv", "optuna", "mlflow", "tensorboard", "wandb"}
        The tool. Each candidate is a row, a trial or a run, with a value for each rung.
    target : str, default=None
        Where to: a file for "csv" (``results.csv``), a database's address for "optuna"
        (``sqlite:///optuna.db``), a directory for "tensorboard" (``runs``), a tracking address for
        "mlflow" (``sqlite:///mlflow.db``), a project for "wandb" (``sktune``).

    Returns
    -------
    target : str
        Where it is now. What was exported there before of a search of this name is replaced, except
        by "wandb", which has new runs each time.

    Raises
    ------
    InvalidSettingsError
        If ``to`` is none of these, or its library is missing.
    StorageError
        If the path is no storage directory, or it is damaged.
    """
    if to not in _TRACKERS:
        raise InvalidSettingsError(f"`to`={to!r} must be one of {', '.join(map(repr, _TRACKERS))}.")
    write, usual = _TRACKERS[to]
    place = usual if target is None else target
    write(SearchData.of(source), place)
    return place
