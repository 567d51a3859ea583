"""Searches held to what plain skorch in scikit-learn's GridSearchCV finds.

Modules that start from the same weights in each network make scores comparable to the digit.
"""

import warnings
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from sktune import SuccessiveHalvingSearchCV
from tests.user_nets import Perceptron

EPOCHS = 9
RATES = {"lr": [0.1, 0.03, 0.3]}
RNG = np.random.default_rng(0)
Y = np.arange(90) % 2
X = (RNG.normal(size=(90, 4)) + Y[:, None]).astype(np.float32)
NUMBERS = (2 * X[:, 0] + X[:, 1]).astype(np.float32)


def steady(make: Any) -> Any:
    """Return what a function makes, with weights that are the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


class Steady(Perceptron):
    """Its weights are the same in each network; ``gain`` is for callbacks to change."""

    def __init__(self, n_in=4, n_out=2, gain=1.0):
        steady(lambda: super(Steady, self).__init__(n_in=n_in, n_out=n_out))
        self.gain = gain

    def forward(self, X):
        return super().forward(X) * self.gain


class Flat(Steady):
    """It puts out one number for a row, not a column of one."""

    def __init__(self):
        super().__init__(n_out=1)

    def forward(self, X):
        return super().forward(X).squeeze(-1)


class SteadyLinear(nn.Linear):
    def __init__(self, n_in=4, n_out=2, dtype=None):
        steady(lambda: super(SteadyLinear, self).__init__(n_in, n_out, dtype=dtype))


def classifier(module=Steady, kind=NeuralNetClassifier, **settings):
    settings = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer__momentum": 0.9,
        "batch_size": 16,
        "max_epochs": EPOCHS,
        "train_split": None,
        "verbose": 0,
        **settings,
    }
    return kind(module, **settings)


def regressor(module=Flat, kind=NeuralNetRegressor, **settings):
    settings = {"criterion": nn.MSELoss, "lr": 0.01, "optimizer__momentum": 0.0, **settings}
    return classifier(module, kind, **settings)


def probabilities(net, X, y):
    """A scorer that tells apart networks that predict the same classes, whatever the target."""
    outputs = np.asarray(net.predict_proba(X), dtype=np.float64)
    return float(outputs.reshape(len(outputs), -1)[:, 0].mean())


def assert_same_as_grid_search(
    net, X=X, y=Y, space=RATES, *, peer=None, peer_X=None, atol=2e-4, **settings
):
    """Compare the scores in the last rung with those of GridSearchCV, stacked and alone.

    ``peer`` is the estimator that GridSearchCV is given, and ``peer_X`` the rows, where skorch
    needs others. Returns the search in stacks.
    """
    settings = {"cv": 2, "scoring": probabilities, **settings}
    grid = GridSearchCV(net if peer is None else peer, space, error_score="raise", **settings)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        grid.fit(X if peer_X is None else peer_X, y)
    expected = grid.cv_results_["mean_test_score"]
    for stacking, rung in ((False, 1), ("auto", EPOCHS), ("auto", 1)):
        search = SuccessiveHalvingSearchCV(
            net, space, sampler="grid", stacking=stacking, min_resources=rung,
            max_resources=EPOCHS, random_state=0, **settings,
        ).fit(X, y)  # fmt: skip
        found = search.cv_results_
        trained = found["n_resources"] == EPOCHS
        numbers = found["candidate_id"][trained]  # the grid's order
        np.testing.assert_allclose(found["mean_test_score"][trained], expected[numbers], atol=atol)
    return search
