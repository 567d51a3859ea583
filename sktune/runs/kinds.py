"""What differs between our own nets and a user's skorch net, behind one door."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from skorch import NeuralNet
from torch import nn

from sktune.nets import ReadyNet
from sktune.nets.randomness import Randomness
from sktune.nets.sparse import AnyRows, SparseRows
from sktune.runs.adapt import is_raw
from sktune.runs.fold import PreparedFold
from sktune.runs.overrides import has_own_dataset
from sktune.runs.rows import ArrayDataset, precision
from sktune.runs.setup import Setup
from sktune.runs.targets import targets_for

Data = tuple[Any, Any, Mapping[str, Any]]
"""Rows and targets as a net takes them, and parameters of its fit."""
Known = dict[Any, Any]
"""What was found for the rows of a fold, for nets that are alike."""


class NetKind(Protocol):
    """What is asked of a net that depends on who wrote its class."""

    answers_row_by_row: bool
    """Whether outputs for a row surely do not depend on the rows beside it."""

    def learn_targets(self, net: NeuralNet, setup: Setup, fold: PreparedFold) -> None:
        """Tell a new net what it is to predict."""

    def training_data(self, net: NeuralNet, setup: Setup, fold: PreparedFold, known: Known) -> Data:
        """Return what the net is trained on."""

    def rows(self, net: NeuralNet, X: Any) -> AnyRows | None:
        """Return rows to predict as the module takes them, None if they are no plain ones."""

    def loader_settings(self, net: NeuralNet) -> dict[str, Any]:
        """Return the settings of the loader of mini-batches."""

    def randomness(self, net: NeuralNet) -> Randomness | None:
        """Return the net's own random generators, None if it draws from the run's."""

    def module(
        self, net: NeuralNet, row_shape: tuple[int, ...]
    ) -> tuple[nn.Module, tuple[int, ...]]:
        """Return a module of an untrained net, and the shape of a row as it takes it."""

    def settings(self, net: NeuralNet) -> Mapping[str, Any]:
        """Return the parameters that networks of one stack have in common."""


class _OurNets:
    answers_row_by_row = True

    def learn_targets(self, net: NeuralNet, setup: Setup, fold: PreparedFold) -> None:
        pass  # they learn from the data that they encode

    def training_data(self, net: NeuralNet, setup: Setup, fold: PreparedFold, known: Known) -> Data:
        ours = cast("ReadyNet", net)
        key = type(net), repr(sorted(self.settings(net).items())), net.initialized_
        if key not in known:
            train = fold.train
            dataset = ours.encode(train.X, train.y, classes=setup.classes, **fold.fit_params)
            known[key] = dataset, ours.learned()
        dataset, learned = known[key]
        if not net.initialized_:
            ours.learn(learned)
        return dataset, None, {}

    def rows(self, net: NeuralNet, X: Any) -> AnyRows | None:
        return cast("ReadyNet", net).rows(X)

    def loader_settings(self, net: NeuralNet) -> dict[str, Any]:
        return {"batch_size": int(net.batch_size), "shuffle": True}

    def randomness(self, net: NeuralNet) -> Randomness | None:
        return cast("ReadyNet", net).randomness_

    def module(
        self, net: NeuralNet, row_shape: tuple[int, ...]
    ) -> tuple[nn.Module, tuple[int, ...]]:
        ours = cast("ReadyNet", net)
        return ours.blank_module(row_shape), ours.row_input_shape(row_shape)

    def settings(self, net: NeuralNet) -> Mapping[str, Any]:
        own = {"lr", "dropout", "weight_decay", "lr_schedule", "random_state", "verbose"}
        return {k: v for k, v in net.get_params(deep=False).items() if k not in own}


class _UsersNets:
    answers_row_by_row = False

    def learn_targets(self, net: NeuralNet, setup: Setup, fold: PreparedFold) -> None:
        net.initialize()
        net.targets_ = targets_for(net, fold.train.X, fold.train.y, setup.classes)

    def training_data(self, net: NeuralNet, setup: Setup, fold: PreparedFold, known: Known) -> Data:
        X, y = fold.train.X, fold.train.y
        if isinstance(X, np.ndarray) and X.dtype.kind == "f" and not has_own_dataset(net):
            key = np.dtype(precision(net))
            if key not in known:
                known[key] = X.astype(key, copy=False)
            X = known[key]
        return _read_only(X), _read_only(net.targets_.encode(y)), fold.fit_params

    def rows(self, net: NeuralNet, X: Any) -> AnyRows | None:
        dataset = net.get_dataset(X)
        return plain_rows(dataset) if type(dataset) is ArrayDataset else None

    def loader_settings(self, net: NeuralNet) -> dict[str, Any]:
        given = net.get_params_for("iterator_train")
        return {"batch_size": net.batch_size, "shuffle": False, **given}

    def randomness(self, net: NeuralNet) -> Randomness | None:
        return None

    def module(
        self, net: NeuralNet, row_shape: tuple[int, ...]
    ) -> tuple[nn.Module, tuple[int, ...]]:
        with Randomness(0).turn(), net._current_init_context("module"):
            net.initialize_module()
        return net.module_, row_shape

    def settings(self, net: NeuralNet) -> Mapping[str, Any]:
        own = {"lr", "optimizer__lr", "optimizer__weight_decay", "verbose", "module", "callbacks"}
        return {
            name: value
            for name, value in net.get_params(deep=False).items()
            if name not in own and not name.startswith(("module__", "callbacks__"))
        }


_OURS, _USERS = _OurNets(), _UsersNets()


def kind_of(net: NeuralNet) -> NetKind:
    """Return how a net is asked."""
    return _USERS if is_raw(net) else _OURS


def plain_rows(dataset: ArrayDataset) -> AnyRows | None:
    """Return the rows of a data set, None if they are no array and no sparse table."""
    if issparse(dataset.X):
        return SparseRows(dataset.X)
    return dataset.X if isinstance(dataset.X, np.ndarray) else None


def _read_only(values: Any) -> Any:
    """Return arrays as a view that cannot be written to: other networks have the same rows."""
    if not isinstance(values, np.ndarray):
        return values
    view: npt.NDArray[Any] = values.view()
    view.flags.writeable = False
    return view
