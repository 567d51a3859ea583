"""What no candidate can be trained on is refused at its first step, and nothing else is."""

import re
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.helper import SliceDict
from torch import nn

from sktune.exceptions import InvalidSettingsError
from sktune.runs import Setup, class_labels, refuse_missing, refuse_untrainable
from tests.user_nets import ByName, Perceptron, Raises, ShapeSetter, classifier, regressor

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
HOLES = np.where(np.arange(600).reshape(150, 4) == 577, np.nan, X)
TEXTS = np.array([["red", "round"]] * 150)


class Fills(Perceptron):
    def forward(self, X):
        return super().forward(torch.nan_to_num(X))


class Known(nn.Module):
    """The squared error of the targets that are known."""

    def forward(self, outputs, y):
        return ((outputs - y)[~torch.isnan(y)] ** 2).mean()


class Files(Dataset):
    def transform(self, X, y):
        return torch.full((4,), float(len(X))), torch.tensor(0 if y is None else int(y))


class RaisesInDataset(Dataset):
    def transform(self, X, y):
        raise FileNotFoundError("no such image")


class Named(nn.Module):
    """It takes two inputs by name."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, a, b):
        return self.layer(torch.cat([a, b], dim=1))


class Looks(nn.Module):
    def __init__(self, size=5, n_rows=2):
        super().__init__()
        self.table, self.layer = nn.Embedding(n_rows, size), nn.Linear(4 * size, 3)

    def forward(self, X):
        return self.layer(self.table(X.long()).flatten(1))


class OwnFit(NeuralNetClassifier):
    def fit(self, X, y=None, **params):
        return super().fit(X[:, :4], y, **params)


class OwnStep(NeuralNetClassifier):
    def train_step_single(self, batch, **params):
        Xi, yi = batch
        return super().train_step_single((Xi[:, :4], yi), **params)


class Locks(Callback):
    def on_train_begin(self, net, **kwargs):
        raise AssertionError("training has begun")

    def initialize(self):
        self.lock_ = threading.Lock()
        return self


class Begins(Callback):
    begun = 0

    def on_train_begin(self, net, **kwargs):
        Begins.begun += 1


def of_class(kind, **settings):
    found = classifier(**settings).get_params(deep=False)
    return kind(**{name: value for name, value in found.items() if name[0] != "_"})


def refuse(net, X, y, candidates=({},)):
    setup = Setup(net, check_scoring(net, "accuracy"), horizon=3, classes=None)
    if isinstance(net, NeuralNetClassifier):
        setup = Setup(net, setup.scorer, horizon=3, classes=class_labels(y))
    refuse_untrainable(setup, X, y, candidates)


WIDE = np.column_stack([X, X])
NOT_X = "because of `X` of shape .*Give the module the sizes of the rows"
NOT_Y = "because of `y` of shape .*as many outputs as the targets need"
NOT_SETTINGS = "because of settings.*Change these parameters"
REFUSED = {
    "too many columns": (classifier(), WIDE, Y, InvalidSettingsError, "150, 8.*Give the module"),
    "too few columns": (classifier(), X[:, :2], Y, InvalidSettingsError, NOT_X),
    "one dimension": (classifier(), X[:, 0], Y, ValueError, "1D array"),
    "images": (classifier(), X.reshape(150, 2, 2), Y, InvalidSettingsError, NOT_X),
    "no columns": (classifier(), X[:, :0], Y, ValueError, "0 feature"),
    "sparse rows": (classifier(), csr_matrix(WIDE), Y, InvalidSettingsError, NOT_X),
    "texts": (classifier(), TEXTS, Y, ValueError, "numeric|could not convert"),
    "a frame of texts": (classifier(), pd.DataFrame(TEXTS), Y, ValueError, "could not convert"),
    "NaN": (classifier(), HOLES, Y, ValueError, "X contains NaN"),
    "infinity": (classifier(), np.where(X > 7, np.inf, X), Y, ValueError, "X contains infinity"),
    "a frame with NaN": (classifier(), pd.DataFrame(HOLES), Y, ValueError, "X contains NaN"),
    "ids that are not in the table": (
        classifier(Looks),
        np.full((150, 4), 7),
        Y,
        InvalidSettingsError,
        NOT_X,
    ),
    "a missing input": (
        classifier(Named),
        {"a": X[:, :2]},
        Y,
        InvalidSettingsError,
        "because of `X` of type dict",
    ),
    "too few outputs": (classifier(module__n_out=2), X, Y, InvalidSettingsError, NOT_Y),
    "NaN in the targets": (
        regressor(),
        X,
        np.where(Y == 2, np.nan, X[:, 0]),
        ValueError,
        "y contains NaN",
    ),
    "texts as numbers": (regressor(), X, TEXTS[:, 0], InvalidSettingsError, NOT_Y),
    "a parameter of the module": (
        classifier(module__colour=1),
        X,
        Y,
        InvalidSettingsError,
        NOT_SETTINGS,
    ),
    "a parameter of the optimiser": (
        classifier(optimizer__colour=1),
        X,
        Y,
        InvalidSettingsError,
        NOT_SETTINGS,
    ),
    "a callback that holds a lock": (
        classifier(callbacks=[Locks()]),
        X,
        Y,
        InvalidSettingsError,
        "the callback Locks has `lock_`, a lock .*__getstate__",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name):
    net, rows, y, kind, said = REFUSED[name]
    with pytest.raises(kind, match=f"(?s){said}"):
        refuse(net, rows, y)


NOT_REFUSED = {
    "what fits": (classifier(), X, Y),
    "double precision": (classifier(), X.astype(float), Y),
    "names of classes": (classifier(), X, TEXTS[:, 0][Y % 2]),
    "numbers as targets": (regressor(), X, X[:, 0].astype(float)),
    "NaN for a module that fills it": (classifier(Fills), HOLES, Y),
    "infinity for a module that fills it": (classifier(Fills), np.where(X > 7, np.inf, X), Y),
    "NaN for a loss that passes it over": (
        NeuralNetRegressor(Perceptron, module__n_out=2, criterion=Known, verbose=0),
        X,
        np.where(X[:, :2] > 6, np.nan, X[:, :2]),
    ),
    "soft labels": (classifier(), X, np.eye(3, dtype=np.float32)[Y]),
    "a callback that sets shapes": (
        classifier(module__n_in=1, module__n_out=1, callbacks=[ShapeSetter()]),
        X,
        Y,
    ),
    "a callback that sets shapes, and NaN": (
        classifier(Fills, module__n_in=1, module__n_out=1, callbacks=[ShapeSetter()]),
        HOLES,
        Y,
    ),
    "a module that raises by itself": (classifier(Raises, module__broken=True), X, Y),
    "a data set that raises by itself": (classifier(dataset=RaisesInDataset), X, Y),
    "names for a data set": (classifier(dataset=Files), np.array(["a", "bc"] * 75), Y),
    "a fit of one's own": (of_class(OwnFit), WIDE, Y),
    "a step of one's own": (of_class(OwnStep), WIDE, Y),
    "sparse rows": (classifier(), csr_matrix(X), Y),
    "several inputs": (classifier(Named), {"a": X[:, :2], "b": X[:, 2:]}, Y),
    "several inputs, sliced": (classifier(Named), SliceDict(a=X[:, :2], b=X[:, 2:]), Y),
    "columns by name": (classifier(ByName), pd.DataFrame(X[:, :2], columns=["a", "b"]), Y),
    "a module that looks up": (classifier(Looks, module__n_rows=9), X.astype(int), Y),
    "a label that the first mini-batch lacks": (
        classifier(module__n_out=2, iterator_train__shuffle=False),
        X,
        Y,
    ),
    "all rows at once": (classifier(batch_size=-1), X, Y),
    "a split of one's own": (classifier(train_split=False), X, Y),
}


@pytest.mark.parametrize("name", NOT_REFUSED)
def test_it_is_not_refused(name):
    net, rows, y = NOT_REFUSED[name]
    refuse(net, rows, y)


class TestCandidates:
    def test_one_that_fits_is_enough(self):
        ids = np.arange(600).reshape(150, 4) % 9
        sizes = [{"module__n_rows": n_rows} for n_rows in (2, 5, 9)]
        refuse(classifier(Looks), ids, Y, sizes)
        with pytest.raises(InvalidSettingsError, match="2 were tried"):
            refuse(classifier(Looks), ids, Y, sizes[:2])

    def test_none_after_one_that_fits_are_tried(self):
        tried = []

        def candidates():
            for n_in in (2, 4, 3):
                tried.append(n_in)
                yield {"module__n_in": n_in}

        refuse(classifier(), X, Y, candidates())
        assert tried == [2, 4]

    def test_causes_are_counted(self):
        widths = [{"module__n_in": n_in} for n_in in (2, 2, 3)]
        with pytest.raises(InvalidSettingsError) as caught:
            refuse(classifier(), X, Y, widths)
        message = str(caught.value)
        assert "`X` of shape (150, 4) and type float32; 3 were tried" in message
        assert len(re.findall("mat1 and mat2", message)) == 2
        assert caught.value.__cause__ is not None

    def test_of_none_nothing_is_said(self):
        refuse(classifier(), WIDE, Y, [])


class TestNothingIsLeft:
    def test_of_the_generators_and_the_net(self):
        net = classifier(module__dropout=0.5)
        states = torch.get_rng_state(), np.random.get_state()[1].tolist()
        refuse(net, X, Y)
        assert torch.equal(torch.get_rng_state(), states[0])
        assert np.random.get_state()[1].tolist() == states[1]
        assert not net.initialized_

    @pytest.mark.parametrize("rows", [X, X[:, :2]], ids=["that fit", "that do not"])
    def test_callbacks_of_the_users_are_not_told_of_a_beginning(self, rows):
        Begins.begun = 0
        refuse(classifier(callbacks=[Begins()]), rows, Y)
        assert Begins.begun == 0

    def test_nor_before_settings_are_refused(self):
        Begins.begun = 0
        with pytest.raises(InvalidSettingsError):
            refuse(classifier(module__colour=1, callbacks=[Begins()]), HOLES, Y)
        assert Begins.begun == 0


class TestPrediction:
    def test_missing_values_are_refused_where_the_answer_lacks_some(self):
        with pytest.raises(ValueError, match="X contains NaN"):
            refuse_missing(classifier().initialize(), HOLES.astype(np.float32))

    @pytest.mark.parametrize(
        ("module", "rows"), [(Fills, HOLES), (Perceptron, X), (Fills, np.array([["a"] * 4]))]
    )
    def test_others_are_not(self, module, rows):
        rows = rows.astype(np.float32) if rows.dtype.kind == "f" else rows
        refuse_missing(classifier(module).initialize(), rows)
