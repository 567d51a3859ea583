"""A finished search on disk: all of it or nothing."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sktune.exceptions import InvalidSettingsError
from sktune.execution import dump


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
        goal.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{goal.name}-", dir=goal.parent))
    except OSError as error:
        raise InvalidSettingsError(
            f"{path}: cannot be written ({error.strerror}): choose another --output"
        ) from None
    try:
        yield scratch
        scratch.chmod(0o755)
        scratch.rename(goal)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in [] if goal.exists() else made:
            folder.rmdir()


def save(directory: Path, estimator: Any, settings: Mapping[str, Any]) -> None:
    """Write the fitted estimator and the settings it was found with."""
    dump(estimator, directory / "model.joblib")
    (directory / "settings.json").write_text(json.dumps(dict(settings), indent=2) + "\n")
