"""A finished search on disk: all of it or nothing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sktune.exceptions import InvalidSettingsError
from sktune.execution import dump
from sktune.temporary import clear_abandoned, temporary_folder


@contextmanager
def result_directory(path: str) -> Iterator[Path]:
    """Give a scratch directory that becomes ``path`` when the ``with`` block ends well.

    Raises
    ------
    InvalidSettingsError
        If ``path`` exists or cannot be made, before the block is entered.
    """
    goal = Path(path)
    if goal.exists():
        raise InvalidSettingsError(
            f"{path}: this exists already, and results are never overwritten: "
            "choose another --output, or remove it"
        )
    made = [folder for folder in goal.parents if not folder.exists()]
    try:
        with _scratch(goal) as scratch:
            yield scratch
            scratch.chmod(0o755)
            scratch.rename(goal)
    finally:
        for folder in [] if goal.exists() else filter(Path.exists, made):
            folder.rmdir()


@contextmanager
def _scratch(goal: Path) -> Iterator[Path]:
    """Give a folder beside the goal, and remove what searches that were killed left there."""
    prefix = f".{goal.name}-"
    with ExitStack() as stack:
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            clear_abandoned(goal.parent, prefix)
            scratch = stack.enter_context(temporary_folder(goal.parent, prefix))
        except OSError as error:
            raise InvalidSettingsError(
                f"{goal}: cannot be written ({error.strerror}): choose another --output"
            ) from None
        yield scratch


def save(directory: Path, estimator: Any, settings: Mapping[str, Any]) -> None:
    """Write the fitted estimator and the settings it was found with."""
    dump(estimator, directory / "model.joblib")
    (directory / "settings.json").write_text(json.dumps(dict(settings), indent=2) + "\n")
