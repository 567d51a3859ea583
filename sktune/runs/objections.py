"""What our own nets say of their settings and of data, asked before anything is trained."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from sktune.nets import ReadyNet
from sktune.nets.checks import mistakes
from sktune.runs.anatomy import heads
from sktune.runs.fold import FoldJob, prepare

_N_ROWS = 500


def setting_objections(net: Any, name: str, values: Iterable[Any]) -> Iterator[str]:
    """Yield a line for each value of a parameter of one of our nets, if none of them can work."""
    if isinstance(net, ReadyNet):
        found = [list(mistakes({name: value}, net.rules)) for value in values]
        # Among others that work, one that does not is a candidate that fails.
        yield from chain.from_iterable(found if all(found) else [])


def data_objections(job: FoldJob) -> Iterator[str]:
    """Yield what one of our nets says against the rows of a fold, with the way out.

    Where rows lack values or are not all numbers, it depends on the transformers in front what
    reaches the net. They are fitted on few rows first, which are enough to find nothing; what these
    seem to show is told only if all rows show it.
    """
    try:
        estimator, net = job.setup.whole(job.params), job.setup.net(job.params)
    except ValueError:
        return  # a parameter that only other candidates have
    if not isinstance(net, ReadyNet):
        return
    if not heads(estimator):
        yield from _said(job, net, job.X, job.y, job.fit_params)
    elif _is_suspect(job.X) and any(_said_behind(_few_rows(job), net)):
        yield from _said_behind(job, net)


def _said_behind(job: FoldJob, net: ReadyNet) -> Iterator[str]:
    """Yield what the net says against what reaches it behind the transformers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what there is to warn of, training will
            fold = prepare(job)
    except Exception:  # whatever a transformer says, it will say again
        return
    yield from _said(job, net, fold.train.X, fold.train.y, fold.fit_params)


def _said(
    job: FoldJob, net: ReadyNet, X: Any, y: Any, fit_params: Mapping[str, Any]
) -> Iterator[str]:
    try:
        _with_sound_settings(clone(net)).encode(X, y, classes=job.setup.classes, **fit_params)
    except ValueError as error:
        yield _with_way_out(str(error), X)


def _few_rows(job: FoldJob) -> FoldJob:
    """Return the job for the first rows and the first ones with missing values."""
    few = np.arange(min(_N_ROWS, len(job.train)))
    return replace(job, train=np.union1d(few, _rows_with_missing(job.X)[:_N_ROWS]))


def _is_suspect(X: Any) -> bool:
    dtypes = X.dtypes if _is_frame(X) else [getattr(X, "dtype", None)]
    kinds = {getattr(dtype, "kind", "") for dtype in dtypes}
    return bool(kinds & {"O", "U", "S", "T"}) or bool(_rows_with_missing(X).size)


def _rows_with_missing(X: Any) -> npt.NDArray[np.intp]:
    if hasattr(X, "isna"):
        missing = X.isna().to_numpy()
    elif isinstance(X, np.ndarray) and X.dtype.kind == "f":
        missing = np.isnan(X)
    else:
        return np.arange(0)
    return np.flatnonzero(missing.any(axis=tuple(range(1, missing.ndim))))


def _with_sound_settings(net: ReadyNet) -> ReadyNet:
    """Return the net with the default for each setting that is refused, which is told apart."""
    defaults = type(net)().get_params(deep=False)
    given = net.get_params(deep=False)
    refused = [name for name, value in given.items() if not net.rules[name][0](value)]
    sound: ReadyNet = net.set_params(**{name: defaults[name] for name in refused})
    return sound


def _with_way_out(said: str, X: Any) -> str:
    if "X contains NaN" in said:
        return (
            f"{said.splitlines()[0]} Fill missing values in: put sklearn.impute.SimpleImputer in "
            "front of the net, in a pipeline."
        )
    if "could not convert string" in said:
        return (
            f"`X` holds text{_where(X)}, and the net takes numbers ({said}). Encode it: put "
            "sklearn.preprocessing.OneHotEncoder in front of the net, in a pipeline, by "
            "sklearn.compose.make_column_transformer for some of the columns."
        )
    return said


def _where(X: Any) -> str:
    """Return in which columns of a frame there is text."""
    if not _is_frame(X):
        return ""
    texts = [repr(name) for name in X.columns if _is_text(np.asarray(X[name], dtype=object))]
    return f" in the columns {', '.join(texts)}" if texts else ""


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns")


def _is_text(values: Any) -> bool:
    return any(isinstance(value, str) for value in values)
