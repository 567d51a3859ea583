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

from sktune.nets import ReadyNet
from sktune.nets.batches import batches
from sktune.nets.randomness import Randomness


class FloatDataset(Dataset):
    """skorch's data set, with tables brought to dense arrays of single precision.

    ``arguments`` are those of the module's ``forward``: a DataFrame whose columns are among them
    is left to skorch, which passes each column by its name.
    """

    def __init__(
        self, X: Any, y: Any = None, length: int | None = None, arguments: Any = frozenset()
    ) -> None:
        super().__init__(_single_precision(X, arguments), y, length)

    def __getitem__(self, i: Any) -> Any:
        # skorch's way to index anything takes longer than a whole batch of a plain array does.
        if isinstance(i, list) and _are_arrays(self.X, self.y):
            return self.transform(self.X[i], None if self.y is None else self.y[i])
        return super().__getitem__(i)


def _are_arrays(X: Any, y: Any) -> bool:
    # Rows to predict have no y; skorch's data set then makes one up.
    return isinstance(X, np.ndarray) and isinstance(y, np.ndarray | None)


def _single_precision(X: Any, arguments: Any) -> Any:
    if _is_frame(X) and not set(X.columns) <= arguments:
        X = X.to_numpy()
    elif issparse(X):
        X = X.toarray()
    is_double = isinstance(X, np.ndarray) and X.dtype == np.float64
    return X.astype(np.float32) if is_double else X


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "iloc")


def _forward_arguments(module: Any) -> frozenset[str]:
    forward = getattr(module, "forward", None)
    return frozenset() if forward is None else frozenset(inspect.signature(forward).parameters)


def batches_fast(dataset: Any, **settings: Any) -> Any:
    """Load as torch does, by whole batches where that changes no result."""
    inner = getattr(dataset, "dataset", dataset)
    plain = type(inner) is FloatDataset and _are_arrays(inner.X, inner.y)
    if plain and settings.keys() <= {"batch_size", "shuffle", "drop_last"}:
        return batches(dataset, **settings)
    return DataLoader(dataset, **settings)


def trains_in_epochs(estimator: Any) -> bool:
    """Whether the estimator is a skorch net."""
    return isinstance(estimator, NeuralNet)


def is_raw(net: Any) -> bool:
    """Whether the net is a user's, on which skorch's own limits lie."""
    return isinstance(net, NeuralNet) and not isinstance(net, ReadyNet)


def adapted(net: Any, classes: npt.NDArray[Any] | None) -> Any:
    """Return a clone that takes scikit-learn's data; custom data sets and loaders are kept."""
    net = clone(net)
    if not is_raw(net):
        return net
    if net.dataset is Dataset:
        arguments = _forward_arguments(net.module)
        net.set_params(dataset=FloatDataset, dataset__arguments=arguments)
    for iterator in ("iterator_train", "iterator_valid"):
        if getattr(net, iterator) is DataLoader:
            net.set_params(**{iterator: batches_fast})
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
        """Return a classifier that answers with labels: the net itself if they are the codes."""
        is_code = self.classes.dtype.kind in "iu" and self.classes[-1] == len(self.classes) - 1
        return net if is_code and self.classes[0] == 0 else DecodedClassifier(net, self)


class ColumnCodec(Codec):
    """Numbers as columns, for a net whose outputs have shape (n_rows, n_outputs)."""

    def __init__(self, flat: bool) -> None:
        self.flat = flat

    def encode(self, y: Any) -> Any:
        """Return the targets as float32 columns."""
        return np.asarray(y, dtype=np.float32).reshape(len(y), -1)

    def view(self, net: Any) -> Any:
        """Return a regressor that answers in the shape of the targets."""
        return DecodedRegressor(net, self) if self.flat else net


class _Decoded(BaseEstimator):
    """A trained net whose answers are read for it; in all else it is the net."""

    _mixin: Any

    def __init__(self, net: Any, codec: Any) -> None:
        self.net, self.codec = net, codec

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("net", "codec"):
            raise AttributeError(name)
        return getattr(self.net, name)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing: the net is trained."""
        return self

    def score(self, X: Any, y: Any, **params: Any) -> Any:
        """Return scikit-learn's score, or that of the net's class if it has one of its own."""
        if type(self.net).score is not self._mixin.score:
            return self.net.score(X, self.codec.encode(y), **params)
        return self._mixin.score(self, X, y, **params)


class DecodedClassifier(ClassifierMixin, _Decoded):
    """A trained net that answers with class labels."""

    _mixin = ClassifierMixin
    score = _Decoded.score

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The class labels."""
        classes: npt.NDArray[Any] = self.codec.classes
        return classes

    def predict(self, X: Any) -> Any:
        """Return the labels."""
        return self.classes_[np.asarray(self.net.predict(X)).astype(int)]

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities, in the order of the labels."""
        return self.net.predict_proba(X)


class DecodedRegressor(RegressorMixin, _Decoded):
    """A trained net that answers with one number a row."""

    _mixin = RegressorMixin
    score = _Decoded.score

    def predict(self, X: Any) -> Any:
        """Return the numbers, of shape (n_samples,)."""
        return np.asarray(self.net.predict(X)).reshape(-1)


def codec_for(net: Any, classes: npt.NDArray[Any] | None, flat: bool) -> Codec:
    """Return the codec that a net needs, for targets of one dimension (``flat``) or two."""
    if isinstance(net, NeuralNetBinaryClassifier) and classes is not None:
        return LabelCodec(classes, np.float32)
    if isinstance(net, NeuralNetClassifier) and is_raw(net) and classes is not None:
        return LabelCodec(classes, np.int64)
    if isinstance(net, NeuralNetRegressor) and is_raw(net):
        return ColumnCodec(flat)
    return Codec()


class Gate(BaseEstimator):
    """Checks rows that no transformer checks before they reach a user's net.

    Arrays, lists and DataFrames must be finite numbers with the features of ``fit``; they come
    back as float32 arrays, whole numbers as they are if the module has an embedding to look
    them up in. What only the module can judge (skorch's SliceDict, tensors, data sets,
    DataFrames whose columns are arguments of ``forward``) is passed on.
    """

    def __init__(self, net: Any) -> None:
        self.net = net

    def enter(self, X: Any, *, reset: bool = False) -> Any:
        """Return the rows as the net takes them."""
        if reset:
            self.looks_up_ = _looks_up(self.net)
        is_sparse = issparse(X)  # of which some kinds are dicts
        if isinstance(X, (Mapping, torch.Tensor, torch.utils.data.Dataset)) and not is_sparse:
            return X
        if _is_frame(X) and set(X.columns) <= _forward_arguments(self.net.module):
            return X
        X = validate_data(self, X, reset=reset, allow_nd=True)
        return X if self.looks_up_ and X.dtype.kind in "iu" else X.astype(np.float32, copy=False)


def _looks_up(net: Any) -> bool:
    try:
        with Randomness(0).turn():
            net = clone(net).set_params(verbose=0).initialize()
    except Exception:
        # The module cannot be made without a candidate's arguments; whole numbers are then
        # taken for measurements, as in every other table.
        return False
    return any(
        isinstance(part, (torch.nn.Embedding, torch.nn.EmbeddingBag))
        for part in net.module_.modules()
    )
