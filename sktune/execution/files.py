"""Objects in files, by joblib."""

from pathlib import Path
from typing import Any

import joblib


def dump(thing: Any, path: Path) -> None:
    """Write an object that ``joblib.load`` reads."""
    joblib.dump(thing, path)
