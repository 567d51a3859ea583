"""What the ready-made nets share: a skorch net whose settings are a data scientist's words."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from skorch import NeuralNet
from skorch.callbacks import EpochTimer, LRScheduler, PassthroughScoring, PrintLog
from torch import nn

from sktune.exceptions import refuse
from sktune.nets.batches import TableDataset, batches
from sktune.nets.checks import OPTIMIZERS, RULES, mistakes
from sktune.nets.randomness import Randomness
from sktune.nets.rates import SCHEDULES
from sktune.nets.sparse import AnyRows, parts_of, sparse_or_dense
from sktune.nets.threads import at_most, multiplications, n_threads

# What is predicted at once: rows, and numbers in them.
_PREDICTION_ROWS = 1 << 12
_PREDICTION_NUMBERS = 1 << 22
_FLOATS = [np.float32, np.float64]


class ReadyNet(NeuralNet):
    """A skorch net for which only a module has to be given, by ``_module``.

    skorch's own settings are fixed here as class attributes, so that the constructor of a kind
    lists what a user chooses and nothing else.
    """

    module = nn.Module
    rules = RULES
    iterator_train = staticmethod(batches)
    iterator_valid = staticmethod(batches)
    dataset = TableDataset
    train_split = None
    predict_nonlinearity = None
    warm_start = False
    compile = False
    use_caching = "auto"
    torch_load_kwargs = None
    initialized_ = False
    history_ = None
    virtual_params_: dict[str, Any] = {}
    _params_to_validate: frozenset[str] = frozenset()

    # skorch reads parameters from the instance's dictionary, to allow any `module__...`; here
    # they are those of the constructor, as everywhere else in scikit-learn.
    _get_param_names: Any = classmethod(  # they are asked for all the time
        cast("Any", cache(BaseEstimator._get_param_names.__func__))
    )
    get_params = BaseEstimator.get_params
    set_params = BaseEstimator.set_params
    get_metadata_routing = BaseEstimator.get_metadata_routing
    __repr__ = BaseEstimator.__repr__

    _validation: dict[str, Any] = {"dtype": _FLOATS, "accept_sparse": "csr"}
    criterion: Callable[..., nn.Module]
    criterion_: Any
    n_outputs_: int

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train from scratch for ``max_epochs`` epochs.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, or images if the net takes them. Finite numbers; sparse rows are made dense a
            mini-batch at a time. Trained on as float32, or as float64 when all rows fit into one
            mini-batch, where double precision costs nothing.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets: classes, or for several labels a row an indicator matrix with a column
            for each; for a regressor one number or several.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row's loss; weights are scaled to a mean of 1.

        Returns
        -------
        self : estimator

        Raises
        ------
        InvalidSettingsError
            If a parameter has a value that is not allowed; all such mistakes at once.
        ValueError
            If the data cannot be trained on.
        """
        # A fresh net is trained, so that bad input costs no earlier result.
        fresh = type(self)(**self.get_params(deep=False))
        dataset = fresh.encode(X, y, sample_weight=sample_weight)
        fresh._begin(dataset)._advance(dataset, self.max_epochs)
        for name in [name for name in vars(self) if name.endswith("_")]:
            del self.__dict__[name]
        self.__dict__.update(vars(fresh))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one more epoch.

        ``max_epochs`` calls on the same data do what one ``fit`` does, to the bit: optimiser,
        learning-rate schedule and random generators go on from where they stopped. (A plain
        skorch net trains ``max_epochs`` epochs in each call and starts its schedules again.)

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array-like of shape (n_classes,), default=None
            All class labels, for the first call of a classifier; by default those of ``y``.

        Returns
        -------
        self : estimator
        """
        dataset = self.encode(X, y, classes=classes, sample_weight=sample_weight)
        if not self.initialized_:
            self._begin(dataset)
        return self._advance(dataset, 1)

    def encode(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> TableDataset:
        """Check the data and return it as the data set to train on.

        The first call of a training learns the shapes, the precision and the target's encoding.
        """
        if not self.initialized_:
            refuse(mistakes(self.get_params(deep=False), self.rules))
        X, y = validate_data(
            self,
            X,
            self._plain_target(y),
            reset=not self.initialized_,
            multi_output=True,
            **self._validation,
        )
        if not self.initialized_:
            self.row_shape_ = tuple(X.shape[1:])
            self._learn_target(y, classes, sample_weight)
            self.dtype_ = torch.float64 if len(y) <= self.batch_size else torch.float32
            self.n_steps_ = self.max_epochs * -(-len(y) // self.batch_size)
        weight = None if sample_weight is None else self._scaled_weight(X, sample_weight)
        return TableDataset(self._as_input(X), self._encode_target(y), weight)

    def learned(self) -> dict[str, Any]:
        """Return what ``encode`` has learned, before the net is initialised."""
        params = self._get_param_names()
        return {name: value for name, value in vars(self).items() if name not in params}

    def learn(self, learned: Mapping[str, Any]) -> None:
        """Take over what a net of the same class and batch size has learned from the same data."""
        refuse(mistakes(self.get_params(deep=False), self.rules))
        self.__dict__.update(learned)

    def _begin(self, dataset: TableDataset) -> Self:
        self.initialize()
        self.notify("on_train_begin", X=dataset, y=None)
        return self

    def _advance(self, dataset: TableDataset, epochs: int) -> Self:
        self.fit_loop(dataset, epochs=epochs)
        self.notify("on_train_end", X=dataset, y=None)
        return self

    def _plain_target(self, y: Any) -> Any:
        return y

    def _learn_target(self, y: npt.NDArray[Any], classes: Any, sample_weight: Any) -> None:
        raise NotImplementedError

    def _encode_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        raise NotImplementedError

    @property
    def _float(self) -> Any:
        return np.float64 if self.dtype_ == torch.float64 else np.float32

    def _as_input(self, X: Any) -> AnyRows:
        rows = X.astype(self._float, copy=False)
        return sparse_or_dense(rows) if issparse(rows) else rows

    def _scaled_weight(self, X: npt.NDArray[Any], sample_weight: Any) -> npt.NDArray[Any]:
        weight = checked_weight(X, sample_weight)
        scaled: npt.NDArray[Any] = (weight / weight.mean()).astype(self._float)
        return scaled

    # skorch's steps, each with the one thing that differs.

    @property
    def callbacks(self) -> list[tuple[str, Any]]:
        """The learning-rate schedule, as a skorch callback."""
        if self.lr_schedule == "constant":
            return []
        factor = SCHEDULES[self.lr_schedule](self.n_steps_)
        policy = torch.optim.lr_scheduler.LambdaLR
        return [("lr_schedule", LRScheduler(policy, lr_lambda=factor, step_every="batch"))]

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        loss = PassthroughScoring(name="train_loss", on_train=True)
        return [("epoch_timer", EpochTimer()), ("train_loss", loss), ("print_log", PrintLog())]

    def initialize(self) -> Self:
        """Make a new module, optimiser and history for the data seen by ``encode``."""
        self.randomness_ = self._own_randomness()
        with self._turn():
            super().initialize()
        return self

    def initialize_module(self) -> Self:
        """Make the module for the shape of a row and the number of outputs."""
        self.module_ = self._module(self.row_shape_, self.n_outputs_).to(self.dtype_)
        return self

    def blank_module(self, row_shape: tuple[int, ...]) -> nn.Module:
        """Return a module for rows of a shape, with no memory for its weights."""
        with torch.device("meta"):
            return self._module(row_shape, n_outputs=1)

    def row_input_shape(self, row_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a row as the module takes it."""
        return row_shape

    def _module(self, row_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
        raise NotImplementedError

    def initialize_criterion(self) -> Self:
        """Make the loss, one value for each row."""
        self.criterion_ = self.criterion(reduction="none")
        return self

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> Self:
        """Make the optimiser."""
        optimizer, settings = OPTIMIZERS[self.optimizer]
        self.optimizer_ = optimizer(
            self.module_.parameters(),
            lr=float(self.lr),
            weight_decay=float(self.weight_decay),
            **settings,
        )
        return self

    def fit_loop(self, X: Any, y: Any = None, epochs: int | None = None, **params: Any) -> Self:
        """Train for some epochs, drawing from the net's own random generators."""
        with self._turn(), at_most(self._n_threads(min(len(X), int(self.batch_size)))):
            super().fit_loop(X, y, epochs=epochs, **params)
        return self

    def _n_threads(self, n_rows: int) -> int:
        row_shape = self.row_input_shape(self.row_shape_)
        return n_threads(n_rows * multiplications(self.module_, row_shape))

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the mini-batches, shuffled for training."""
        return batches(dataset, int(self.batch_size), training)

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Any:
        """Return the mean loss of a batch, weighted if the rows have weights."""
        target, weight = y_true if isinstance(y_true, (list, tuple)) else (y_true, None)
        losses = self.criterion_(y_pred, target.to(self.device))
        if losses.dim() > 1:
            losses = losses.flatten(1).mean(dim=1)
        return losses.mean() if weight is None else (losses * weight.to(self.device)).mean()

    def _own_randomness(self) -> Randomness | None:
        if self.random_state is None:
            return None
        if isinstance(self.random_state, np.random.RandomState):
            return Randomness(int(check_random_state(self.random_state).randint(2**31)))
        return Randomness(int(self.random_state))

    def _turn(self) -> Any:
        return nullcontext() if self.randomness_ is None else self.randomness_.turn()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return self.initialized_

    def rows(self, X: Any) -> AnyRows:
        """Check rows to predict and return them as the module takes them."""
        X = validate_data(self, X, reset=False, **self._validation)
        return self._as_input(X)

    def _outputs(self, X: Any) -> npt.NDArray[Any]:
        """Return the module's outputs, of shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = self.rows(X)
        outputs = np.empty((len(X), self.n_outputs_), self._float)
        # No DataLoader here: each of them draws a number from torch's global generator.
        with at_most(self._n_threads(min(len(X), _PREDICTION_ROWS))):
            for rows in parts_of(X, _PREDICTION_ROWS, _PREDICTION_NUMBERS):
                # Outputs that were kept would lie between the rows in memory, and break it up.
                outputs[rows] = self.evaluation_step((torch.tensor(X[rows]), None)).cpu()
        return outputs


def checked_weight(X: npt.NDArray[Any], sample_weight: Any) -> npt.NDArray[Any]:
    """Return the weights as float64, after refusing those that cannot weigh rows."""
    weight: npt.NDArray[Any] = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.sum() > 0:
        raise ValueError("`sample_weight` is zero for every row: at least one must be positive.")
    return weight
