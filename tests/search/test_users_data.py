"""Rows and targets as people have them: searches train on what GridSearchCV would train on."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetRegressor
from skorch.dataset import Dataset
from skorch.helper import SliceDataset, SliceDict
from torch import nn

from tests.search.peers import (
    NUMBERS,
    RNG,
    Flat,
    Steady,
    SteadyLinear,
    X,
    Y,
    assert_same_as_grid_search,
    classifier,
    probabilities,
    regressor,
    steady,
)

SLOW_RATES = {"lr": [0.01, 0.003, 0.03]}
THREE = np.arange(90) % 3
UNKNOWN = np.arange(90) % 5 == 0


class Forward(Steady):
    """A function of the rows comes first."""

    def __init__(self, first):
        super().__init__()
        self.first = first

    def forward(self, X):
        return super().forward(self.first(X))


class Column(SteadyLinear):
    def __init__(self, n_out=1):
        super().__init__(n_out=n_out)


class Squares(nn.Module):
    """It broadcasts what it is given."""

    def forward(self, outputs, y):
        return ((outputs - y) ** 2).mean()


class Squeezing(Squares):
    def forward(self, outputs, y):
        return super().forward(outputs.squeeze(-1), y)


class Quantiles(nn.Module):
    """Three outputs for one number."""

    def forward(self, outputs, y):
        quantiles = torch.tensor([0.1, 0.5, 0.9])
        errors = y.reshape(-1, 1) - outputs
        return torch.maximum(quantiles * errors, (quantiles - 1) * errors).mean()


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.L1Loss, nn.HuberLoss, Squares])
@pytest.mark.parametrize(("module", "shape"), [(Flat, (-1,)), (Column, (-1, 1))])
def test_numbers_have_the_shape_of_the_outputs(loss, module, shape):
    net, y = regressor(module, criterion=loss), NUMBERS.reshape(shape)
    found = assert_same_as_grid_search(net, y=y, space=SLOW_RATES, scoring="r2")
    assert found.predict(X).shape == y.shape


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.SmoothL1Loss, Squares])
@pytest.mark.parametrize(("module", "shape"), [(Flat, (-1, 1)), (Column, (-1,))])
def test_numbers_of_another_shape_are_not_broadcast(loss, module, shape):
    """skorch itself would broadcast them; it is given the shape that the module puts out."""
    fitting = FittingShape(module, criterion=loss, max_epochs=9, batch_size=16, train_split=None)
    fitting.set_params(verbose=0, shape=(-1,) if module is Flat else (-1, 1))
    net = regressor(module, criterion=loss)
    assert_same_as_grid_search(
        net, y=NUMBERS.reshape(shape), space=SLOW_RATES, peer=fitting, scoring="r2"
    )


class FittingShape(NeuralNetRegressor):
    def __init__(self, *args, shape=(-1,), optimizer__momentum=0.0, **settings):
        self.shape = shape
        super().__init__(*args, optimizer__momentum=optimizer__momentum, **settings)

    def fit(self, X, y, **params):
        return super().fit(X, y.reshape(self.shape), **params)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (nn.MSELoss, np.stack([NUMBERS, -NUMBERS, NUMBERS / 2], axis=1)),
        (Quantiles, NUMBERS),
        (Quantiles, NUMBERS[:, None]),
    ],
)
def test_several_outputs(loss, y):
    def scorer(net, X, y):
        return float(net.predict(X).sum(1).mean())

    net = regressor(Column, module__n_out=3, criterion=loss)
    assert_same_as_grid_search(net, y=y, space=SLOW_RATES, scoring=scorer)


def test_a_loss_that_squeezes_its_outputs():
    net = regressor(Column, criterion=Squeezing)
    assert_same_as_grid_search(net, y=NUMBERS, space=SLOW_RATES, scoring="r2")


def known(net, X, y):
    """Accuracy where a label is known, and what tells apart nets of one accuracy."""
    return float((net.predict(X) == y)[y >= 0].mean()) + probabilities(net, X, y) / 1000


class Masked(nn.Module):
    """A label below zero is none."""

    def forward(self, outputs, y):
        losses = nn.functional.cross_entropy(outputs, y.clamp(min=0), reduction="none")
        return (losses * (y >= 0)).mean()


class Margin(nn.Module):
    """For labels -1 and 1."""

    def forward(self, outputs, y):
        return torch.relu(1 - y * (outputs[:, 1] - outputs[:, 0])).mean()


class Distances(nn.Module):
    """It takes labels for numbers."""

    def forward(self, outputs, y):
        return (outputs[:, 0] / 10 - y / 10).square().mean()


LABELS = {
    "ignored -1": ({"criterion__ignore_index": -1}, np.where(UNKNOWN, -1, Y)),
    "ignored -100": ({}, np.where(UNKNOWN, -100, Y)),
    "ignored -1, three outputs": (
        {"criterion__ignore_index": -1, "module__n_out": 3},
        np.where(UNKNOWN, -1, Y),
    ),
    "ignored 2 of three outputs": (
        {"criterion__ignore_index": 2, "module__n_out": 3},
        np.where(UNKNOWN, 2, Y),
    ),
    "ignored 255": ({"criterion__ignore_index": 255}, np.where(UNKNOWN, 255, Y)),
    "not all in use": ({"module__n_out": 4}, Y * 2),
    "from one on": ({"module__n_out": 3}, Y + 1),
    "weighed": ({"criterion__weight": torch.tensor([1.0, 5.0])}, Y),
    "weighed from one on": (
        {"criterion__weight": torch.tensor([0.0, 1.0, 5.0]), "module__n_out": 3},
        Y + 1,
    ),
    "masked by an own loss": ({"criterion": Masked}, np.where(UNKNOWN, -1, Y)),
    "-1 and 1 for an own loss": ({"criterion": Margin}, 2 * Y - 1),
    "numbers for an own loss": ({"criterion": Distances}, np.array([0, 1, 5])[THREE]),
    "far numbers for an own loss": ({"criterion": Distances}, np.array([10, 20, 50])[THREE]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_mean_something_to_the_loss(kind):
    settings, y = LABELS[kind]
    assert_same_as_grid_search(classifier(**settings), y=y, scoring=known)


class Focal(nn.Module):
    """A loss of the user's for which labels are names of outputs."""

    def forward(self, outputs, y):
        chosen = torch.log_softmax(outputs, 1).gather(1, y[:, None])
        return -((1 - chosen.exp()) ** 2 * chosen).mean()


@pytest.mark.parametrize("labels", [[1, 2], [10, 20], ["u", "v"]])
@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, Focal])
def test_labels_that_fit_no_output_are_encoded(labels, loss):
    """skorch takes none of them; it is given their codes."""
    net = classifier(criterion=loss)
    found = assert_same_as_grid_search(net, y=Y)
    encoded = assert_same_as_grid_search(net, y=np.array(labels)[Y], peer=Coded(net))
    assert encoded.best_score_ == found.best_score_
    assert set(encoded.predict(X)) <= set(labels)


def Coded(net):  # noqa: N802
    class Coding(type(net)):
        def fit(self, X, y, **params):
            return super().fit(X, np.unique(y, return_inverse=True)[1], **params)

    coding = Coding.__new__(Coding)
    vars(coding).update(vars(net))
    return coding


@pytest.mark.parametrize("module", [Flat, Column])
def test_binary_targets(module):
    net = classifier(module, NeuralNetBinaryClassifier, criterion=nn.BCEWithLogitsLoss)
    assert_same_as_grid_search(net, y=Y.astype(np.float32))


def test_targets_of_a_net_that_is_neither():
    net = classifier(Flat, NeuralNet, criterion=nn.SoftMarginLoss)
    y = (2 * Y - 1).astype(np.float32)
    assert_same_as_grid_search(
        net, y=y, scoring=lambda net, X, y: float((net.predict(X) * y).sum())
    )


class Pixels(nn.Conv2d):
    def __init__(self):
        steady(lambda: super(Pixels, self).__init__(1, 2, 1))


MAPS = RNG.integers(0, 2, (90, 5, 5))
IMAGES = (MAPS[:, None] + RNG.normal(size=(90, 1, 5, 5))).astype(np.float32)


class Known(nn.Module):
    def forward(self, outputs, y):
        return ((outputs - y)[~torch.isnan(y)] ** 2).mean()


class Soft(nn.Module):
    def forward(self, outputs, y):
        return -(y * torch.log_softmax(outputs, 1)).sum(1).mean()


HOLES = np.where(RNG.random((90, 2)) < 0.2, np.nan, X[:, :2]).astype(np.float32)
ONE_HOT = np.eye(2, dtype=np.float32)[Y]
TARGETS = {
    "unknown numbers": lambda: (regressor(SteadyLinear, criterion=Known), X, HOLES),
    "soft labels": lambda: (classifier(), X, ONE_HOT * 0.8 + 0.1),
    "soft labels of an own loss": lambda: (classifier(criterion=Soft), X, ONE_HOT),
    "a label for a pixel": lambda: (classifier(Pixels), IMAGES, MAPS),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_that_only_the_net_can_judge(kind):
    net, rows, y = TARGETS[kind]()
    assert_same_as_grid_search(net, rows, y, space=SLOW_RATES)


class Files(Dataset):
    """It stands for one that opens what X names."""

    def transform(self, X, y):
        number = float(str(X)[4:]) / 90
        return torch.full((4,), number), torch.tensor(0 if y is None else int(y))


class Bag(nn.Module):
    """It looks whole numbers up in a table."""

    def __init__(self, size=3):
        super().__init__()
        self.table = steady(lambda: nn.Embedding(9, size))
        self.last = steady(lambda: nn.Linear(3 * size, 2))

    def forward(self, X):
        return self.last(self.table(X).flatten(1))


class ByName(Steady):
    def forward(self, a, b, c, d):
        return super().forward(torch.cat([a, b, c, d], dim=1))


class ByAnyName(Steady):
    def forward(self, **columns):
        return super().forward(torch.cat([columns[name] for name in "abcd"], dim=1))


FRAME = pd.DataFrame(X, columns=list("abcd"))
IDS, BYTES = RNG.integers(0, 9, (90, 3)), RNG.integers(0, 256, (90, 4)).astype(np.uint8)
ROWS = {
    "sparse": lambda: (classifier(), csr_matrix(X)),
    "names of files": lambda: (
        classifier(dataset=Files),
        np.array([f"img-{k}" for k in range(90)]),
    ),
    "unknown": lambda: (
        classifier(Forward, module__first=torch.nan_to_num),
        np.where(X > 2, np.nan, X),
    ),
    "indices": lambda: (classifier(Bag), IDS),
    "short indices": lambda: (classifier(Bag), IDS.astype(np.int32)),
    "one dimension": lambda: (
        classifier(Forward, module__first=lambda X: X[:, None].expand(-1, 4)),
        X[:, 0].copy(),
    ),
    "bytes": lambda: (classifier(Forward, module__first=lambda X: X / 255), BYTES),
    "bytes by their type": lambda: (
        classifier(Forward, module__first=lambda X: X / 255 if X.dtype == torch.uint8 else X / 2),
        BYTES,
    ),
    "truth": lambda: (
        classifier(Forward, module__first=lambda X: torch.where(X, 1.0, -1.0)),
        X > 0,
    ),
    "sequences": lambda: (
        classifier(Forward, module__first=lambda X: X.mean(1)),
        np.stack([X, X], axis=1),
    ),
    "complex": lambda: (classifier(Forward, module__first=torch.abs), (X + 1j * X)),
    "double": lambda: (classifier(SteadyLinear, module__dtype=torch.float64), X.astype(float)),
    "tensor": lambda: (classifier(), torch.from_numpy(X)),
    "slices of a data set": lambda: (classifier(), SliceDataset(Dataset(X, Y))),
    "slices of a dictionary": lambda: (
        classifier(ByName),
        SliceDict(**{name: X[:, [k]] for k, name in enumerate("abcd")}),
    ),
    "frame by names": lambda: (classifier(ByName), FRAME),
    "frame by any name": lambda: (classifier(ByAnyName), FRAME),
}


@pytest.mark.parametrize("kind", ROWS)
def test_rows_that_only_the_net_can_judge(kind):
    net, rows = ROWS[kind]()
    assert_same_as_grid_search(net, rows)


def test_indices_for_a_table_whose_size_is_searched():
    assert_same_as_grid_search(classifier(Bag), IDS, space={"module__size": [1, 2, 4]})


class One(SteadyLinear):
    def __init__(self):
        super().__init__(1, 2)

    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize("name", ["age", "x"])
def test_a_column_that_is_named_like_the_argument_is_a_table(name):
    frame = pd.DataFrame({name: X[:, 0].astype(np.float64)})
    assert_same_as_grid_search(classifier(One), frame, peer_X=X[:, :1])


def as_single(X):
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float32)


WORDS = np.where(Y, "good day", "bad night")
KINDS = np.where(Y, "u", "v")
mixed = make_column_transformer(
    (StandardScaler(), list("ab")), (OneHotEncoder(sparse_output=False), ["kind"])
)
BEHIND_STEPS = {
    "truth": lambda: (FunctionTransformer(), FRAME > 0),
    "nullable truth": lambda: (FunctionTransformer(), (FRAME > 0).astype("boolean")),
    "nullable": lambda: (FunctionTransformer(), FRAME.round().astype("Int64")),
    "nullable numbers": lambda: (FunctionTransformer(), FRAME.astype("Float64")),
    "mixed": lambda: (FunctionTransformer(), FRAME.assign(a=FRAME.a > 0, b=1)),
    "objects": lambda: (FunctionTransformer(), FRAME.astype(object)),
    "bytes": lambda: (FunctionTransformer(), (X * 10 + 60).astype(np.uint8)),
    "half": lambda: (FunctionTransformer(), X.astype(np.float16)),
    "words": lambda: (CountVectorizer(), WORDS),
    "columns": lambda: (mixed, FRAME.assign(kind=KINDS)),
    "frame of columns": lambda: (
        make_column_transformer((StandardScaler(), list("abc")), remainder="passthrough")
        .set_output(transform="pandas"),
        FRAME.assign(d=FRAME.d > 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BEHIND_STEPS)
def test_numbers_of_any_type_behind_a_step(kind):
    step, rows = BEHIND_STEPS[kind]()
    net = classifier()
    pipe, peer = make_pipeline(step, net), make_pipeline(step, FunctionTransformer(as_single), net)
    space = {"neuralnetclassifier__lr": [0.03, 0.01, 0.1]}
    assert_same_as_grid_search(pipe, rows, space=space, peer=peer, atol=1e-3)
