"""Results as a table in a file."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_csv(results: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Write ``cv_results_`` as CSV, one row per candidate and rung.

    ``params`` is left out: its values stand in the ``param_*`` columns, where a parameter that
    a candidate does not have is empty.

    Parameters
    ----------
    results : mapping of column names to sequences of equal length
        The columns.
    path : Path
        The file to write.
    """
    names = [name for name in results if name != "params"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(
            map(_cell, row) for row in zip(*(results[name] for name in names), strict=True)
        )


def _cell(value: Any) -> Any:
    is_masked = type(value).__name__ == "MaskedConstant"
    return "" if is_masked else value
