"""A user's skorch net as a search trains it: a subclass of the net's own class.

skorch takes float32 rows, labels 0, 1, 2, ... and fetches rows one by one. Here rows are brought
to what the module takes and fetched by whole mini-batches, and targets are told to the net in its
own terms. All else is skorch's, and the user's: parameters, methods and callbacks are untouched.
Our own nets see to all this themselves.
"""

from functools import cache
from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin, clone
from skorch import NeuralNet
from skorch.callbacks import LoadInitState
from torch.utils.data import DataLoader

from sktune.nets import ReadyNet
from sktune.nets.batches import batches
from sktune.runs.overrides import fits_itself, has_own_dataset, is_own, user_class
from sktune.runs.rows import ArrayDataset, is_plain, rows_for, whole
from sktune.runs.targets import Targets, class_labels, targets_for

_LOADED_AT_ONCE = {"batch_size", "shuffle", "drop_last"}


class Adapted:
    """Mixed into a user's class; such classes are made when they are needed.

    ``user_class_`` is the user's class, ``role_`` the class of this module that is mixed in.
    """

    user_class_: Any
    role_: Any

    def __reduce_ex__(self, protocol: Any) -> Any:
        # pickle would look the class up by its name.
        return blank, (self.user_class_, self.role_), self.__getstate__()


class TrainingNet(Adapted):
    """A net in training: it takes any rows, and targets as :class:`Targets` encodes them."""

    targets_ = Targets()

    def initialize_callbacks(self: Any) -> Any:
        """Initialise the callbacks; those that load a checkpoint load that of the net itself."""
        super().initialize_callbacks()  # type: ignore[misc]
        _rejoin([callback for _, callback in self.callbacks_])
        return self

    def get_dataset(self: Any, X: Any, y: Any = None) -> Any:
        """Return skorch's data set, of rows as the module takes them; a user's own is kept."""
        if has_own_dataset(self):
            return super().get_dataset(X, y)  # type: ignore[misc]
        X = rows_for(self, X)
        return ArrayDataset(X, y) if is_plain(X, y) else super().get_dataset(X, y)  # type: ignore[misc]

    def get_iterator(self: Any, dataset: Any, training: bool = False) -> Any:
        """Return torch's mini-batches, fetched whole where that changes no result."""
        name = "iterator_train" if training else "iterator_valid"
        settings = {"batch_size": self.batch_size, **self.get_params_for(name)}
        inner = whole(dataset)
        is_torchs = getattr(self, name) is DataLoader and type(inner) is ArrayDataset
        is_skorchs = not is_own(self.user_class_, "get_iterator")
        if not (is_torchs and is_skorchs and settings.keys() <= _LOADED_AT_ONCE):
            return super().get_iterator(dataset, training)  # type: ignore[misc]
        n_rows = settings.pop("batch_size")
        return batches(dataset, len(dataset) if n_rows == -1 else n_rows, **settings)

    @property
    def classes_(self: Any) -> Any:
        """The classes that the net is trained on; a fold can lack some, the net must not."""
        known = self.targets_.classes
        # Binary classifiers have no such parameter.
        is_given = getattr(self, "classes", None) is not None
        is_users = is_given or is_own(self.user_class_, "classes_")
        return super().classes_ if known is None or is_users else known  # type: ignore[misc]


class AnsweringNet(TrainingNet):
    """A trained net: it predicts in the terms of the targets, and is fitted like any other."""

    def fit(self: Any, X: Any, y: Any = None, **params: Any) -> Any:
        """Train from scratch; ``y`` may hold any labels or numbers."""
        if not self.warm_start or not self.initialized_:
            self.initialize()
        return self.partial_fit(X, y, **params)

    def partial_fit(self: Any, X: Any, y: Any = None, **params: Any) -> Any:
        """Train on."""
        if not self.initialized_:
            self.initialize()
        labels = class_labels(y) if isinstance(self, ClassifierMixin) else None
        self.targets_ = targets_for(self, X, y, labels)
        net = in_role(self, TrainingNet)
        net.partial_fit(X, self.targets_.encode(y), **params)
        vars(self).update(vars(net))
        return self

    def predict(self: Any, X: Any) -> Any:
        """Return the predictions, in the terms of the targets."""
        return self.targets_.decode(super().predict(X))  # type: ignore[misc]

    def score(self: Any, X: Any, y: Any, *args: Any, **params: Any) -> Any:
        """Return scikit-learn's score, or that of the user's class if it has one of its own."""
        mixin = ClassifierMixin if isinstance(self, ClassifierMixin) else RegressorMixin
        if self.user_class_.score is mixin.score:
            return mixin.score(self, X, y, *args, **params)
        net = in_role(self, TrainingNet)
        return net.score(X, self.targets_.encode(y), *args, **params)

    @property
    def classes_(self: Any) -> Any:
        """The class labels; those that the user gave, unless the net is trained on codes."""
        labels = self.targets_.labels
        return super().classes_ if labels is None else labels


def _rejoin(callbacks: list[Any]) -> None:
    """Put a checkpoint that is written in the place of its copy: cloning a net parts the two."""
    for callback in callbacks:
        if isinstance(callback, LoadInitState):
            copied = callback.checkpoint
            alike = (c for c in callbacks if type(c) is type(copied))
            same = (c for c in alike if _settings(c) == _settings(copied))
            callback.checkpoint = next(same, copied)


def _settings(callback: Any) -> dict[str, Any]:
    params: dict[str, Any] = callback.get_params(deep=False)
    return params


@cache
def class_for(user_class: Any, role: Any) -> Any:
    """Return the class that is a user's net in a role; always the same."""
    described = {name: getattr(user_class, name) for name in ("__module__", "__doc__")}
    own = {"user_class_": user_class, "role_": role, **described}
    return type(user_class.__name__, (role, user_class), own)


def blank(user_class: Any, role: Any) -> Any:
    """Return a net without attributes, for pickle to fill."""
    return object.__new__(class_for(user_class, role))


def trains_in_epochs(estimator: Any) -> bool:
    """Whether the estimator is a skorch net."""
    return isinstance(estimator, NeuralNet)


def is_raw(net: Any) -> bool:
    """Whether the net is a user's, on which skorch's own limits lie."""
    return isinstance(net, NeuralNet) and not isinstance(net, ReadyNet)


def adapted(net: Any) -> Any:
    """Return a clone of a net that takes scikit-learn's data."""
    net = clone(net)
    if is_raw(net):
        net.__class__ = class_for(user_class(net), TrainingNet)
    return net


def in_role(net: Any, role: Any) -> Any:
    """Return a user's net in another role; the net itself is left as it is."""
    other = blank(user_class(net), role)
    vars(other).update(vars(net))
    return other


def answering(net: Any) -> Any:
    """Return a trained net as it answers a user; the net itself is left as it is."""
    if not is_raw(net) or fits_itself(net):
        return net
    return in_role(net, AnsweringNet)
