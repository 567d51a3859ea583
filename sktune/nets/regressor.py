"""A multi-layer perceptron that predicts numbers from the rows of a table."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from torch import nn

from sktune.nets.base import checked_weight
from sktune.nets.tabular import TabularNet


class MLPRegressor(RegressorMixin, TabularNet):
    """A multi-layer perceptron regressor, as a skorch net.

    It minimises the squared error. Each target is scaled inside to mean 0 and variance 1, so
    that a learning rate means the same for dollars and for degrees. Features should be of
    similar scale: put a :class:`~sklearn.preprocessing.StandardScaler` in front of it.

    Parameters
    ----------
    depth : int, default=2
        Hidden layers; 0 is linear regression.
    width : int, default=128
        Units of each hidden layer.
    dropout : float, default=0.0
        Rate of hidden units dropped in training, at least 0 and below 1.
    activation : {"relu", "gelu", "silu", "elu", "leaky_relu", "tanh"}, default="relu"
        The non-linearity.
    normalization : {None, "batch", "layer"}, default=None
        Normalisation before each activation.
    lr : float, default=0.001
        Learning rate; with a schedule, its highest value.
    batch_size : int, default=64
        Rows in a mini-batch.
    max_epochs : int, default=30
        Passes over the data in ``fit``, and the horizon of the learning-rate schedule.
    weight_decay : float, default=0.0
        Strength of the decay: decoupled with "adamw", an L2 penalty with the others.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"}, default="adamw"
        The optimiser; "sgd" has a Nesterov momentum of 0.9.
    lr_schedule : {"constant", "cosine", "onecycle"}, default="cosine"
        How the learning rate changes from batch to batch.
    device : str or torch.device, default="cpu"
        Where to train, such as "cpu" or "cuda".
    random_state : int, RandomState or None, default=None
        Seed of the weights, the order of the rows and the dropout. With None they are drawn
        from torch's global generator; otherwise no global generator is touched.
    verbose : int, default=0
        1 prints a line for each epoch.

    Attributes
    ----------
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.
    n_outputs_ : int
        Number of targets.
    module_ : torch.nn.Module
        The network, which predicts scaled targets.
    optimizer_ : torch.optim.Optimizer
        Its optimiser.
    history_ : skorch.history.History
        What was measured in each epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sktune import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPRegressor(lr=0.01, random_state=0).fit(X, y)
    >>> net.predict(X).shape
    (442,)
    >>> net.score(X, y) > 0.4
    True
    """

    criterion = nn.MSELoss

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the predicted targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the shape of the targets that were trained on, as float64.
        """
        scaled = self._outputs(X).astype(np.float64)
        predicted: npt.NDArray[Any] = scaled * self._scale + self._mean
        return predicted.ravel() if self._is_1d else predicted

    @property
    def predict_proba(self) -> Any:
        """Absent: every skorch net has it, but a regressor has no probabilities."""
        raise AttributeError("MLPRegressor has no probabilities: use `predict`.")

    def _learn_target(self, y: npt.NDArray[Any], classes: Any, sample_weight: Any) -> None:
        columns = self._columns(y)
        weight = None if sample_weight is None else checked_weight(columns, sample_weight)
        self._is_1d = y.ndim == 1
        self._mean = np.average(columns, axis=0, weights=weight)
        spread = np.sqrt(np.average((columns - self._mean) ** 2, axis=0, weights=weight))
        self._scale = np.where(spread > 0, spread, 1.0)
        self.n_outputs_ = columns.shape[1]

    def _encode_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        scaled: npt.NDArray[Any] = (self._columns(y) - self._mean) / self._scale
        return scaled.astype(self._float)

    @staticmethod
    def _columns(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        columns: npt.NDArray[Any] = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        return columns
