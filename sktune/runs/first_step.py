"""The first training step of some candidates, tried on the data before anything is trained.

What no candidate can take (rows of another shape, texts, missing values) is said at once, and not
once for each run. Nothing is judged where code of the user's comes before the first step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import _num_samples
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import unpack_data

from sktune.candidates import Params
from sktune.exceptions import DivergedError, InvalidSettingsError, count_causes
from sktune.nets.randomness import Randomness
from sktune.runs.fold import Part, PreparedFold
from sktune.runs.kinds import kind_of
from sktune.runs.overrides import (
    BARS_STACKS,
    is_users_callback,
    own,
)
from sktune.runs.run import quiet, tell_begin
from sktune.runs.setup import Setup
from sktune.runs.snapshot import RunState, freeze
from sktune.runs.solo import is_raise, origin
from sktune.runs.targets import targets_for
from sktune.runs.trial import first_of, loss_of, mini_batch, trained_on, tried, without_trace

_N_MISSING = 3
_ANY_TABLE = {"accept_sparse": True, "allow_nd": True}
_HOOKS = ("on_train_begin", "on_epoch_begin", "on_batch_begin")
_LIBRARIES = {"torch", "numpy", "scipy", "sklearn", "skorch", "sktune", "pandas"}
_REMEDY = {
    "settings": "Change these parameters of the net.",
    "X": "Give the module the sizes of the rows by its parameters, or transform the rows.",
    "y": "Give the module as many outputs as the targets need, and a loss that takes both.",
}


class Trouble(NamedTuple):
    """What keeps a candidate from being trained: "settings", "X" or "y", and the error."""

    part: str
    error: Exception


@dataclass
class GivenData:
    """The rows and targets of a search, and what scikit-learn has to say against them."""

    X: Any
    y: Any
    missing: dict[str, npt.NDArray[np.intp]] = field(init=False)
    """The first rows with numbers that are not finite."""
    objections: dict[str, Exception | None] = field(init=False)

    def __post_init__(self) -> None:
        is_table = issparse(self.X) or hasattr(self.X, "__array__") or isinstance(self.X, list)
        finite = partial(assert_all_finite, self.y, input_name="y")
        table = partial(check_array, self.X, input_name="X", **_ANY_TABLE)
        self.missing = {"X": _not_finite(self.X), "y": _not_finite(self.y)}
        self.objections = {
            "settings": None,
            "X": _objection(table) if is_table else None,
            "y": _objection(finite) if self.missing["y"].size else None,
        }


def refuse_untrainable(setup: Setup, X: Any, y: Any, candidates: Iterable[Params]) -> None:
    """Refuse data that none of some candidates can take, and nets that no snapshot can hold.

    Raises
    ------
    ValueError, TypeError
        scikit-learn's, where it would not take such rows or targets either.
    InvalidSettingsError
        If it is the net that does not fit the data.
    """
    found: list[Trouble] = []
    data = GivenData(X, y)
    for params in candidates:
        with setup.at_work(), without_trace():
            trouble = _trouble(setup, params, data)
        if trouble is None:
            return
        found.append(trouble)
    if found:
        first = found[0]
        is_told = isinstance(first.error, InvalidSettingsError)
        known = first.error if is_told else data.objections[first.part]
        raise known or InvalidSettingsError(_message(found, data)) from first.error


def refuse_missing(net: NeuralNet, X: Any) -> None:
    """Refuse rows with missing values which a trained net answers with missing values.

    Raises
    ------
    ValueError
        scikit-learn's.
    """
    rows = _not_finite(X).tolist()
    if not rows:
        return
    Xi, _ = unpack_data(mini_batch(net, X, None, rows))
    if not _is_finite(first_of(tried(net, Xi))):
        check_array(X, input_name="X", **_ANY_TABLE)


def _message(found: list[Trouble], data: GivenData) -> str:
    part = found[0].part
    what = part if part == "settings" else f"`{part}` {_described(getattr(data, part))}"
    causes = count_causes(f"{type(t.error).__name__}: {t.error}" for t in found)
    return (
        f"No candidate can be trained, because of {what}; {len(found)} were tried:\n"
        f"{causes}\n{_REMEDY[part]}"
    )


def _described(values: Any) -> str:
    shape = getattr(values, "shape", None)
    kind = getattr(values, "dtype", type(values).__name__)
    return f"of type {kind}" if shape is None else f"of shape {tuple(shape)} and type {kind}"


def _trouble(setup: Setup, params: Params, data: GivenData) -> Trouble | None:
    """Return why a candidate cannot be trained, None if it can for all that is known."""
    part = "settings"
    try:
        net = _ready(setup, params)
        if not _is_judged(net, data):
            return None
        part, fold = "y", PreparedFold(Part(data.X, data.y))
        net.targets_ = targets_for(net, data.X, data.y, setup.classes)
        given = kind_of(net).training_data(net, setup, fold, {})
        part = "settings"
        _, targets, _ = tell_begin(net, setup, fold, given)
        part = "X"
        net.check_data(data.X, targets)
        rows = _rows(net, data)
        Xi, _ = unpack_data(mini_batch(net, data.X, None, rows))
        outputs = trained_on(net, Xi)
        if 0 in np.shape(data.X)[1:] and data.objections["X"]:
            return Trouble(part, data.objections["X"])
        if data.missing["X"].size and not _is_finite(outputs):
            return Trouble(part, DivergedError("the outputs are not finite for rows that are not"))
        part = "y"
        _, yi = unpack_data(mini_batch(net, data.X, targets, rows))
        loss = loss_of(net, outputs, yi, Xi)
        if data.missing["y"].size and not _is_finite(loss):
            return Trouble(part, DivergedError("the loss is not finite for targets that are not"))
    except Exception as error:
        # What the user's own code raises is counted with the runs that fail.
        is_told = data.objections[part] or not _is_users(error)
        return Trouble(part, error) if is_told else None
    return None


def _ready(setup: Setup, params: Params) -> NeuralNet:
    net = setup.net(params)
    with quiet(net):
        net.initialize()
    freeze(RunState(net, Randomness(0)))
    return net


def _is_judged(net: NeuralNet, data: GivenData) -> bool:
    """Whether nothing but skorch comes before the first step; odd data are always judged."""
    if any(own(net, *BARS_STACKS)):
        return False
    users = {type(callback) for _, callback in net.callbacks_ if is_users_callback(callback)}
    acts = any(getattr(kind, h) is not getattr(Callback, h) for kind in users for h in _HOOKS)
    return not acts or any(data.objections.values())


def _is_users(error: Exception) -> bool:
    """Whether an exception was raised by a statement of the user's."""
    frame = origin(error)
    root = str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0] if frame else ""
    return frame is not None and root not in _LIBRARIES and is_raise(frame)


def _rows(net: NeuralNet, data: GivenData) -> list[int]:
    """Return rows as a first mini-batch of training may have, those with missing values first."""
    n_rows = _num_samples(data.X) if hasattr(data.X, "shape") else len(data.X)
    is_shuffled = net.get_params_for("iterator_train").get("shuffle")
    order = np.random.permutation(n_rows) if is_shuffled else np.arange(n_rows)
    size = n_rows if net.batch_size == -1 else int(net.batch_size)
    rows = np.concatenate([*data.missing.values(), order]).tolist()
    return list(dict.fromkeys(rows))[:size]


def _not_finite(values: Any) -> npt.NDArray[np.intp]:
    """Return the first rows of a table of numbers that are not finite; none of another thing."""
    none = np.array([], dtype=np.intp)
    try:
        array = np.asarray([] if issparse(values) or values is None else values)
        array = array.astype(float) if array.dtype == object else array
    except (TypeError, ValueError):
        return none
    if array.dtype.kind != "f" or np.isfinite(array.sum()):
        return none
    return np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[:_N_MISSING]


def _objection(check: Callable[[], Any]) -> Exception | None:
    try:
        check()
    except (TypeError, ValueError) as error:
        return error
    return None


def _is_finite(values: Any) -> bool:
    parts = values if isinstance(values, list | tuple) else [values]
    return all(torch.isfinite(p).all() for p in parts if isinstance(p, torch.Tensor))
