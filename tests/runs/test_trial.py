"""A few rows are tried on a net, which leaves no trace on it and the random generators."""

import copy
import random
import warnings

import numpy as np
import pytest
import torch
from skorch import NeuralNetRegressor
from skorch.dataset import Dataset, unpack_data
from torch import nn

from sktune.runs.adapt import adapted
from sktune.runs.trial import (
    broadcasts,
    first_of,
    loss_of,
    mini_batch,
    outputs_of,
    takes,
    trained_on,
    tried,
)
from tests.user_nets import NanAtEpoch, Perceptron, Raises, classifier, regressor

X = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
Y = np.arange(9) % 3


class Restless(nn.Module):
    """It changes and draws whenever it is called, and warns."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm, self.drop = nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)
        self.n_calls, self.seen = 0, []

    def forward(self, X):
        self.n_calls += 1
        self.seen.append(len(X))
        self.layer.weight.data += torch.rand(()) + np.random.rand() + random.random()
        warnings.warn("called", stacklevel=1)
        return self.drop(self.norm(self.layer(X)))


class Counting(nn.CrossEntropyLoss):
    def __init__(self):
        super().__init__()
        self.n_calls = 0

    def forward(self, outputs, y):
        self.n_calls += 1
        return super().forward(outputs, y)


class Pair(Perceptron):
    def forward(self, X):
        return super().forward(X), X


def net_of(module=Perceptron, **settings):
    return adapted(classifier(module, **settings)).initialize()


def batch_of(net, rows=range(3)):
    return mini_batch(net, X, Y, rows)


def traces(net):
    """Return what a trial could leave."""
    attributes = {name: copy.deepcopy(value) for name, value in vars(net.module_).items()}
    numbers = [t.clone() for t in net.module_.state_dict().values()]
    modes = [part.training for part in net.module_.modules()]
    generators = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    own = {name: id(value) for name, value in vars(net).items()}
    counts = attributes.get("n_calls"), attributes.get("seen"), vars(net.criterion_).get("n_calls")
    return counts, numbers, modes, generators, own, len(net.history)


TRIALS = {
    "tried": lambda net, Xi, yi: tried(net, Xi),
    "trained": lambda net, Xi, yi: trained_on(net, Xi),
    "outputs": lambda net, Xi, yi: outputs_of(net, X),
    "takes": lambda net, Xi, yi: takes(net, Xi),
    "loss": lambda net, Xi, yi: loss_of(net, torch.zeros(3, 3), yi, Xi),
    "broadcasts": lambda net, Xi, yi: broadcasts(net, torch.zeros(3, 3), yi),
    "mini-batch": lambda net, Xi, yi: mini_batch(net, X, Y),
}


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_leaves_no_trace(name, is_training):
    net = net_of(Restless, criterion=Counting)
    net.module_.train(is_training)
    Xi, yi = unpack_data(batch_of(net))
    before = traces(net)
    TRIALS[name](net, Xi, yi)
    for one, other in zip(before, traces(net), strict=True):
        assert str(one) == str(other)


class TestMiniBatches:
    def test_the_first_rows(self):
        Xi, yi = unpack_data(mini_batch(net_of(), X, Y))
        assert np.array_equal(Xi, X[:3])
        assert np.array_equal(yi, Y[:3])

    def test_rows_that_are_named_and_there(self):
        Xi, yi = unpack_data(mini_batch(net_of(), X, Y, [7, 2, 99]))
        assert np.array_equal(Xi, X[[7, 2]])
        assert np.array_equal(yi, Y[[7, 2]])

    def test_fewer_rows_than_wanted(self):
        assert len(unpack_data(mini_batch(net_of(), X[:2], Y[:2]))[0]) == 2

    def test_rows_without_targets(self):
        assert np.array_equal(unpack_data(mini_batch(net_of(), X))[0], X[:3])

    def test_they_are_loaded_as_the_net_loads_them(self):
        class Doubled(Dataset):
            def transform(self, X, y):
                return super().transform(2 * X, y)

        assert np.array_equal(unpack_data(mini_batch(net_of(dataset=Doubled), X, Y))[0], 2 * X[:3])


class TestOutputs:
    def test_they_are_those_of_an_evaluation(self):
        net = net_of(module__dropout=0.5)
        assert np.allclose(tried(net, torch.from_numpy(X)), net.forward(X), atol=1e-6)
        assert np.allclose(outputs_of(net, X), net.forward(X)[:3], atol=1e-6)

    def test_or_of_training(self):
        net = net_of(module__dropout=1.0)
        bias = net.module_.layers[-1].bias.detach().expand(3, 3)
        assert torch.equal(trained_on(net, torch.from_numpy(X[:3])), bias)
        assert not trained_on(net, torch.from_numpy(X[:3])).requires_grad

    def test_buffers_count_from_where_they_are(self):
        net = net_of(NanAtEpoch, module__nan_from_batch=0)
        assert torch.isnan(trained_on(net, torch.from_numpy(X))).all()
        assert torch.isfinite(tried(net, torch.from_numpy(X))).all()

    def test_of_several_all(self):
        outputs = outputs_of(net_of(Pair), X)
        assert torch.equal(outputs[1], torch.from_numpy(X[:3]))
        assert first_of(outputs) is outputs[0]
        assert first_of(outputs[0]) is outputs[0]

    @pytest.mark.parametrize(
        "rows", [X[:, :2], X.astype("U"), [{}, {}]], ids=["few", "texts", "no"]
    )
    def test_of_rows_that_are_not_taken_none(self, rows):
        assert outputs_of(net_of(), rows) is None

    def test_of_a_module_that_raises_none(self):
        assert outputs_of(net_of(Raises, module__broken=True), X) is None
        with pytest.raises(RuntimeError, match="no way forward"):
            tried(net_of(Raises, module__broken=True), torch.from_numpy(X))

    def test_of_a_module_that_puts_out_no_tensor_none(self):
        class Named(Perceptron):
            def forward(self, X):
                return {"scores": super().forward(X)}

        assert outputs_of(net_of(Named), X) is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(X, True), (X[:, :2], False), (X.astype(np.float64), False), (X.astype(int), False)],
    ids=["as they are", "too few columns", "another precision", "whole numbers"],
)
def test_takes(rows, expected):
    assert takes(net_of(), rows) is expected


def test_a_loss_is_that_of_a_step():
    net = net_of(module__dropout=0.0)
    Xi, yi = batch_of(net)
    outputs = trained_on(net, Xi)
    found = loss_of(net, outputs, yi, Xi)
    assert found.item() == net.train_step_single((Xi, yi))["loss"].item()
    assert not found.requires_grad


class Squares(nn.Module):
    def forward(self, outputs, y):
        return (outputs - y).pow(2).mean()


class Keywords(nn.Module):
    def forward(self, outputs, y):
        return torch.sub(input=outputs, other=y).abs().mean()


class Flattens(nn.Module):
    def forward(self, outputs, y):
        return (outputs.flatten() - y.flatten()).abs().mean()


class Sizes(nn.Module):
    """It looks at both shapes, and pairs none."""

    def forward(self, outputs, y):
        return Flattens()(outputs.reshape(y.shape), y)


class Strict(nn.Module):
    def forward(self, outputs, y):
        if outputs.shape != y.shape:
            raise ValueError("of one shape, please")
        return (outputs - y).abs().mean()


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        *((loss, True) for loss in (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)),
        *((loss, True) for loss in (Squares, Keywords, Strict, nn.BCEWithLogitsLoss)),
        *((loss, False) for loss in (Flattens, Sizes)),
    ],
)
@pytest.mark.parametrize("shapes", [((3, 1), (3,)), ((3,), (3, 1))], ids=str)
def test_which_losses_pair_each_output_with_each_target(loss, expected, shapes):
    net = adapted(regressor(criterion=loss)).initialize()
    outputs, y = (torch.rand(shape) for shape in shapes)
    assert broadcasts(net, outputs, y) is expected


def test_of_several_outputs_the_first_counts():
    class FirstOnly(NeuralNetRegressor):
        def get_loss(self, y_pred, y_true, *args, **params):
            return super().get_loss(y_pred[0], y_true, *args, **params)

    for loss, expected in ((Squares, True), (Flattens, False)):
        net = adapted(FirstOnly(Pair, module__n_out=1, criterion=loss, verbose=0)).initialize()
        assert broadcasts(net, outputs_of(net, X), torch.zeros(3)) is expected
