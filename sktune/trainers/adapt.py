"""What a user's skorch net needs to meet scikit-learn's data, and what its answers need.

skorch takes float32 rows, labels 0, 1, 2, ... and targets of shape (n, 1), and fetches rows one
by one. Our own nets see to all this themselves.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.validation import validate_data
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import Dataset
from torch.utils.data import DataLoader

from sktune.nets import TabularNet
from sktune.nets.batches import batches
from sktune.nets.randomness import Randomness


class FloatDataset(Dataset):
    """skorch's data set, with numbers of double precision brought to single precision."""

    def __init__(self, X: Any, y: Any = None, length: int | None = None) -> None:
        super().__init__(single_precision(X), y, length)


def single_precision(X: Any) -> Any:
    """Return a float64 array as float32, anything else as it is."""
    if isinstance(X, np.ndarray) and X.dtype == np.float64:
        return X.astype(np.float32)
    return X


def _batches_fast(dataset: Any, **settings: Any) -> Any:
    """Load as torch does, by whole batches where that changes no result."""
    inner = getattr(dataset, "dataset", dataset)
    # Rows to predict have no y; skorch's data set then makes one up.
    plain = (
        type(inner) is FloatDataset
        and isinstance(inner.X, np.ndarray)
        and isinstance(inner.y, np.ndarray | None)
    )
    if plain and settings.keys() <= {"batch_size", "shuffle", "drop_last"}:
        return batches(dataset, **settings)
    return DataLoader(dataset, **settings)


def trains_in_epochs(estimator: Any) -> bool:
    """Whether the estimator is a skorch net."""
    return isinstance(estimator, NeuralNet)


def is_raw(net: Any) -> bool:
    """Whether the net is a user's, on which skorch's own limits lie."""
    return isinstance(net, NeuralNet) and not isinstance(net, TabularNet)


def adapted(net: Any, classes: npt.NDArray[Any] | None) -> Any:
    """Return a clone that takes scikit-learn's data; custom data sets and loaders are kept."""
    net = clone(net)
    if not is_raw(net):
        return net
    if net.dataset is Dataset:
        net.set_params(dataset=FloatDataset)
    for iterator in ("iterator_train", "iterator_valid"):
        if getattr(net, iterator) is DataLoader:
            net.set_params(**{iterator: _batches_fast})
    # A fold can lack a class, the net must not.
    if classes is not None and getattr(net, "classes", classes) is None:
        net.set_params(classes=np.arange(len(classes)))
    return net


class Codec:
    """How targets are told to a net, and its answers read; here: as they are."""

    def encode(self, y: Any) -> Any:
        """Return the targets as the net takes them."""
        return y

    def view(self, net: Any) -> Any:
        """Return the trained net as scikit-learn would have it."""
        return net


class LabelCodec(Codec):
    """Class labels of any type, for a net that knows only the codes 0, 1, 2, ..."""

    def __init__(self, classes: npt.NDArray[Any], dtype: Any) -> None:
        self.classes, self.dtype = classes, dtype

    def encode(self, y: Any) -> Any:
        """Return the codes."""
        return np.searchsorted(self.classes, np.asarray(y)).astype(self.dtype)

    def view(self, net: Any) -> Any:
        """Return a classifier that answers with labels."""
        return DecodedClassifier(net, self.classes)


class ColumnCodec(Codec):
    """One-dimensional targets, for a net whose outputs have shape (n, 1)."""

    def encode(self, y: Any) -> Any:
        """Return the targets as a float32 column."""
        return np.asarray(y, dtype=np.float32).reshape(len(y), -1)

    def view(self, net: Any) -> Any:
        """Return a regressor that answers with one-dimensional arrays."""
        return DecodedRegressor(net)


class _Decoded(BaseEstimator):
    """A trained net whose answers are read for it."""

    net: Any

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing: the net is trained."""
        return self


class DecodedClassifier(ClassifierMixin, _Decoded):
    """A trained net that answers with class labels."""

    def __init__(self, net: Any, classes: npt.NDArray[Any]) -> None:
        self.net, self.classes = net, classes

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The class labels."""
        return self.classes

    def predict(self, X: Any) -> Any:
        """Return the labels."""
        return self.classes[np.asarray(self.net.predict(X)).astype(int)]

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities, in the order of the labels."""
        return self.net.predict_proba(X)


class DecodedRegressor(RegressorMixin, _Decoded):
    """A trained net that answers with one number a row."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def predict(self, X: Any) -> Any:
        """Return the numbers, of shape (n_samples,)."""
        return np.asarray(self.net.predict(X)).reshape(-1)


def codec_for(net: Any, y: Any, classes: npt.NDArray[Any] | None) -> Codec:
    """Return the codec that the net needs for these targets."""
    if isinstance(net, NeuralNetBinaryClassifier) and classes is not None:
        return LabelCodec(classes, np.float32)
    if isinstance(net, NeuralNetClassifier) and is_raw(net) and classes is not None:
        return LabelCodec(classes, np.int64)
    if isinstance(net, NeuralNetRegressor) and is_raw(net) and np.ndim(y) == 1:
        return ColumnCodec()
    return Codec()


class Gate(BaseEstimator):
    """Checks rows that no transformer checks before they reach a user's net.

    Arrays, lists and DataFrames must be finite numbers with the features of ``fit``; they come
    back as float32 arrays, whole numbers as they are if the module has an embedding to look
    them up in. What only the module can judge (dicts, tensors, data sets, DataFrames whose
    columns are arguments of ``forward``) is passed on.
    """

    def __init__(self, net: Any) -> None:
        self.net = net

    def enter(self, X: Any, *, reset: bool = False) -> Any:
        """Return the rows as the net takes them."""
        is_sparse = issparse(X)  # of which some kinds are dicts
        if isinstance(X, (Mapping, torch.Tensor, torch.utils.data.Dataset)) and not is_sparse:
            return X
        if _is_frame(X) and set(X.columns) <= _forward_arguments(self.net.module):
            return X
        if reset:
            self.looks_up_ = _looks_up(self.net)
        X = validate_data(self, X, reset=reset, allow_nd=True)
        return X if self.looks_up_ and X.dtype.kind in "iu" else X.astype(np.float32, copy=False)


def _looks_up(net: Any) -> bool:
    with Randomness(0).turn():
        net = clone(net).set_params(verbose=0).initialize()
    return any(
        isinstance(part, (torch.nn.Embedding, torch.nn.EmbeddingBag))
        for part in net.module_.modules()
    )


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "iloc")


def _forward_arguments(module: Any) -> set[Any]:
    forward = getattr(module, "forward", None)
    return set() if forward is None else set(inspect.signature(forward).parameters)
