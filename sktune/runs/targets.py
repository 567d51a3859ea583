"""Targets as a user's net is trained on them, and its predictions in the terms of the targets.

Labels that the net understands as they are stay: their numbers may mean something to the loss.
Only others are replaced by the codes 0, 1, 2, ... Numbers have the shape that the module puts out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.multiclass import type_of_target
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import unpack_data
from torch import nn

from sktune.runs.overrides import has_own_dataset
from sktune.runs.rows import precision
from sktune.runs.trial import (
    N_ROWS,
    broadcasts,
    first_of,
    loss_of,
    mini_batch,
    outputs_of,
    trained_on,
)


@dataclass(frozen=True)
class Targets:
    """Targets as they are, floating-point numbers in the precision of the module."""

    dtype: Any = None
    classes: Any = None
    """The classes that the net is trained on, in the order of its outputs; None if unknown."""

    @property
    def labels(self) -> Any:
        """The labels that codes stand for; None where targets are told as they are."""
        return None

    def encode(self, y: Any) -> Any:
        """Return the targets as the net is trained on them."""
        return y if self.dtype is None else _array(y).astype(self.dtype, copy=False)

    def decode(self, predictions: Any) -> Any:
        """Return predictions in the terms of the targets."""
        return predictions


@dataclass(frozen=True)
class Codes(Targets):
    """Labels of any type, for a net that is trained on the codes 0, 1, 2, ..."""

    coded: Any = None

    @property
    def labels(self) -> Any:
        """The labels, in the order of their codes."""
        return self.coded

    def encode(self, y: Any) -> Any:
        """Return the codes."""
        return np.searchsorted(self.coded, _array(y)).astype(self.dtype)

    def decode(self, predictions: Any) -> Any:
        """Return the labels."""
        return self.coded[np.asarray(predictions).astype(int)]


@dataclass(frozen=True)
class Shaped(Targets):
    """One number for each row, for a module whose outputs have another shape than the targets."""

    shape: tuple[int, ...] = ()
    """That of the outputs for a row."""
    is_flat: bool = True

    def encode(self, y: Any) -> Any:
        """Return the numbers in the shape of the module's outputs."""
        return super().encode(y).reshape(-1, *self.shape)

    def decode(self, predictions: Any) -> Any:
        """Return the predictions in the shape of the targets."""
        return np.asarray(predictions).reshape(-1 if self.is_flat else (-1, 1))


def class_labels(y: Any) -> npt.NDArray[Any] | None:
    """Return the class labels of some targets, None if these are something else."""
    # scikit-learn does not know what numbers and truth values among Python's objects are.
    known = _array(y) if str(getattr(y, "dtype", "")) == "object" else y
    if known is None or type_of_target(known) not in ("binary", "multiclass"):
        return None
    labels: npt.NDArray[Any] = np.unique(_array(known))
    return labels


def targets_for(net: NeuralNet, X: Any, y: Any, labels: npt.NDArray[Any] | None) -> Targets:
    """Return how an initialised net is told its targets.

    Parameters
    ----------
    net : NeuralNet
        A user's net.
    X : object
        Some rows, as the net's module takes them.
    y : object
        Their targets.
    labels : ndarray or None
        The class labels of all rows, if the targets are class labels.
    """
    if _are_made_by_the_user(net, X, y):
        return Targets(classes=labels)
    if isinstance(net, NeuralNetBinaryClassifier) and labels is not None:
        return _binary(net, labels)
    if isinstance(net, NeuralNetClassifier) and labels is not None:
        fits = _fit_as_they_are(net, X, labels)
        return Targets(np.int64, labels) if fits else _coded(np.int64, labels)
    kind = _kind(y)
    if isinstance(net, NeuralNetClassifier):
        return Targets({"f": precision(net), "i": np.int64, "u": np.int64}.get(kind))
    is_number = kind == "f" or (kind and isinstance(net, NeuralNetRegressor))
    return _numbers(net, X, _array(y)) if is_number else Targets()


def _array(y: Any) -> npt.NDArray[Any]:
    """Return targets as an array; numbers among Python's objects are numbers."""
    array = np.asarray(y)
    if array.dtype != object:
        return array
    try:
        plain = np.array(array.tolist())
    except ValueError:  # of parts with different lengths
        return array
    return plain if plain.dtype.kind in "fiub" else array


def _kind(y: Any) -> str:
    """Return the kind of numbers of a target, none if it is no array of them."""
    if y is None or isinstance(y, torch.Tensor | dict):
        return ""
    kind = _array(y).dtype.kind
    return kind if kind in "fiub" else ""


def _are_made_by_the_user(net: NeuralNet, X: Any, y: Any) -> bool:
    """Whether a data set of the user's makes other targets of those that it is given."""
    if y is None or not has_own_dataset(net):
        return False
    try:
        _, loaded = unpack_data(mini_batch(net, X, y))
    except Exception:  # whatever a data set says of rows or targets that it does not take
        return False
    given = _array(y)[:N_ROWS]
    return isinstance(loaded, torch.Tensor) and not np.array_equal(loaded.cpu().numpy(), given)


def _binary(net: NeuralNet, labels: npt.NDArray[Any]) -> Targets:
    # Of other losses than these, only the user knows what numbers they are made for.
    is_known = isinstance(net.criterion_, nn.BCEWithLogitsLoss | nn.BCELoss)
    is_number = labels.dtype.kind in "iuf"
    if is_number and (not is_known or {*labels.tolist()} <= {0, 1}):
        return Targets(precision(net))
    return _coded(precision(net), labels)


def _coded(dtype: Any, labels: npt.NDArray[Any]) -> Codes:
    return Codes(dtype, np.arange(len(labels)), labels)


def _fit_as_they_are(net: NeuralNet, X: Any, labels: npt.NDArray[Any]) -> bool:
    """Whether labels are whole numbers that the net is made for."""
    if labels.dtype.kind not in "iu":
        return False
    numbers = {*labels.tolist()} - {_ignored(net)}
    if min(numbers, default=0) < 0:
        if _is_torchs(net):
            return False  # torch's own losses take none but the one that they ignore
        numbers = {number for number in numbers if number >= 0}
    if numbers <= set(range(len(labels))) and max(numbers, default=-1) < len(numbers):
        return True
    shape: tuple[int, ...] = getattr(first_of(outputs_of(net, X)), "shape", ())
    if len(shape) > 1 and max(numbers, default=0) < shape[1]:
        return True
    # To a loss of the user's, numbers may be more than names of outputs.
    return not _is_torchs(net) and _takes(net, X, labels)


def _takes(net: NeuralNet, X: Any, labels: npt.NDArray[Any]) -> bool:
    """Whether the net's loss can be computed for labels as they are."""
    try:
        Xi = unpack_data(mini_batch(net, X, rows=[0] * len(labels)))[0]
        loss_of(net, trained_on(net, Xi), torch.as_tensor(labels.astype(np.int64)), Xi)
    except Exception:  # whatever a loss says of numbers that it does not take
        return False
    return True


def _ignored(net: NeuralNet) -> Any:
    return getattr(net.criterion_, "ignore_index", None)


def _is_torchs(net: NeuralNet) -> bool:
    losses = (NeuralNet.get_loss, NeuralNetClassifier.get_loss)
    is_own_method = type(net).get_loss not in losses
    return type(net.criterion_).__module__.startswith("torch.nn.") and not is_own_method


def _numbers(net: NeuralNet, X: Any, y: npt.NDArray[Any]) -> Targets:
    """Return how numbers are told: in the shape of the outputs where their own would broadcast."""
    dtype = precision(net)
    if y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        outputs, few = outputs_of(net, X), torch.as_tensor(y[:N_ROWS].astype(dtype))
        first = first_of(outputs)
        if first is None or not first.numel() == len(first) == len(few):
            return Targets(dtype)
        if first.shape != few.shape and broadcasts(net, outputs, few):
            return Shaped(dtype, shape=first.shape[1:], is_flat=y.ndim == 1)
    return Targets(dtype)
