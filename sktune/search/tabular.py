"""A user's table: read, understood, and given a pipeline that a network can end."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sktune.exceptions import InvalidSettingsError, refuse
from sktune.nets import MLPClassifier, MLPRegressor

READ_OPTIONS = {"na_values": ["?"], "skipinitialspace": True}
# A column of whole numbers with more different values than this is a quantity, not a label.
_MOST_CLASSES = 20
_MOST_CATEGORIES = 64


@dataclass(frozen=True)
class LabelledTable:
    """Rows and their target; ``task`` is "classification" or "regression"."""

    name: str
    X: Any
    y: Any
    task: str

    def split(self, test_size: float, seed: int) -> "tuple[LabelledTable, LabelledTable | None]":
        """Return (training rows, held-out rows), None if ``test_size`` is 0."""
        if not test_size:
            return self, None
        classes = self.y if self.task == "classification" else None
        parts = train_test_split(
            self.X, self.y, test_size=test_size, random_state=seed, stratify=classes
        )
        X, X_test, y, y_test = parts
        return LabelledTable(self.name, X, y, self.task), LabelledTable(
            self.name, X_test, y_test, self.task
        )


def digits() -> LabelledTable:
    """Return scikit-learn's embedded digits: 1,797 images of 8 x 8 pixels, ten classes."""
    X, y = load_digits(return_X_y=True)
    return LabelledTable("digits", X, y, "classification")


def read_table(path: str, target: str | None, task: str = "auto") -> LabelledTable:
    """Read a CSV file with a header line.

    Empty cells, "NA", "?" and the like are missing values; rows without a target are left out.

    Parameters
    ----------
    path : str
        The file; ``.gz``, ``.bz2``, ``.zip`` and ``.xz`` are unpacked.
    target : str
        Name of the column to predict.
    task : {"auto", "classification", "regression"}, default="auto"
        "auto" is regression for numbers with a fraction, or whole numbers with more than 20
        different values, and classification otherwise.

    Raises
    ------
    InvalidSettingsError
        If the file cannot be read or learned from; the message says what to do.
    """
    frame = _frame(path)
    if target not in frame.columns:
        raise InvalidSettingsError(_no_column(path, target, list(map(str, frame.columns))))
    frame = frame[frame[target].notna()]
    X, y = frame.drop(columns=[target]), frame[target]
    task = _task(y) if task == "auto" else task
    refuse(_table_mistakes(path, X, y, task))
    return LabelledTable(Path(path).name, X, y.to_numpy(), task)


def _frame(path: str) -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise InvalidSettingsError(
            "reading a table needs pandas, which is not installed: pip install 'sktune[table]'"
        ) from None
    try:
        return pd.read_csv(path, **READ_OPTIONS)
    except FileNotFoundError:
        reason = "there is no such file: give the path of a CSV file"
    except pd.errors.EmptyDataError:
        reason = "the file is empty: it needs a header line and rows"
    except IsADirectoryError:
        reason = "this is a directory: give the path of a CSV file in it"
    except (UnicodeDecodeError, pd.errors.ParserError) as error:
        reason = f"this is no CSV file ({' '.join(str(error).split())}): save it as CSV in UTF-8"
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror or error})"
    raise InvalidSettingsError(f"{path}: {reason}")


def _no_column(path: str, target: str | None, columns: list[str]) -> str:
    if target is None:
        return f"{path}: say which column to predict with --target, one of {', '.join(columns)}"
    close = difflib.get_close_matches(target, columns, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"its columns are {', '.join(columns)}"
    return f"{path}: there is no column {target!r}: {hint}"


def _task(y: Any) -> str:
    if y.dtype.kind not in "iuf":
        return "classification"
    is_whole = bool((y == y.round()).all())
    return "classification" if is_whole and y.nunique() <= _MOST_CLASSES else "regression"


def _table_mistakes(path: str, X: Any, y: Any, task: str) -> list[str]:
    if not len(y):
        return [f"{path}: there are no rows with a target: the table needs rows to learn from"]
    if X.shape[1] == 0:
        return [f"{path}: there is no column besides {y.name!r}: add features to predict it from"]
    if y.nunique() == 1:
        return [
            f"{path}: the column {y.name!r} is {y.iloc[0]!r} in every row: there is nothing to "
            "learn; choose another --target"
        ]
    if task == "regression":
        is_number = y.dtype.kind in "iuf" and bool(np.isfinite(y).all())
        hint = f"{path}: the column {y.name!r} does not hold finite numbers"
        return [] if is_number else [f"{hint}: use --task classification, or clean it"]
    counts = y.value_counts()
    if counts.min() < 2:
        return [
            f"{path}: the class {counts.idxmin()!r} of {y.name!r} has a single row, and each needs "
            "two or more: merge or drop rare classes, or use --task regression"
        ]
    return []


def table_pipeline(table: LabelledTable, seed: int) -> Pipeline:
    """Return a pipeline from the table's columns to a network.

    Numbers are imputed with the median and standardised, everything else is encoded one column
    per category, missing values being a category of their own.
    """
    net = MLPClassifier if table.task == "classification" else MLPRegressor
    return Pipeline([("columns", _columns(table.X)), ("net", net(random_state=seed))])


def _columns(X: Any) -> Any:
    if not hasattr(X, "columns"):
        return StandardScaler()
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_MOST_CATEGORIES, sparse_output=False
    )
    is_number = make_column_selector(dtype_include="number")
    is_other = make_column_selector(dtype_exclude="number")
    return ColumnTransformer([("numbers", numbers, is_number), ("other", categories, is_other)])
