"""Nets as people write them: functions of one name, methods of their own, settings of theirs."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_multilabel_classification
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import DataLoader

from tests.search.peers import (
    NUMBERS,
    Steady,
    SteadyLinear,
    assert_same_as_grid_search,
    classifier,
    regressor,
    steady,
)

FACTORS = (1.0, 0.0, 1.0, 0.3)


class Scaled(Steady):
    """A function of the user's is part of its forward."""

    def __init__(self, scale=None):
        super().__init__()
        self.scale = scale

    def forward(self, X):
        return super().forward(self.scale(X))


class Settings:
    def __init__(self, factor):
        self.factor = factor


class Scale(Settings):
    """A callable object that shows nothing of what it does."""

    def __call__(self, x):
        return x * self.factor

    def method(self, x):
        return x * self.factor

    def __repr__(self):
        return "Scale()"


class Slots:
    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return x * self.factor


def default(factor):
    def scaled(x, factor=factor):
        return x * factor

    return scaled


def closure(factor):
    def scaled(x):
        return x * factor

    return scaled


def attribute(factor):
    def scaled(x):
        return x * itself[0].factor

    itself = [scaled]
    scaled.factor = factor
    return scaled


def executed(factor):
    names = {"factor": factor}
    exec("def scaled(x):\n    return x * factor\n", names)
    return names["scaled"]


def reads_settings(factor):
    names = {"settings": Settings(factor)}
    exec("def scaled(x):\n    return x * settings.factor\n", names)
    return names["scaled"]


def class_method(factor):
    class Local:
        number = factor

        @classmethod
        def scaled(cls, x):
            return x * cls.number

    return Local.scaled


def class_settings(factor):
    class Local:
        settings = Settings(factor)

        def __call__(self, x):
            return x * self.settings.factor

    return Local()


def multiplied(x, factor):
    return x * factor


FUNCTIONS = {
    "default": default,
    "closure": closure,
    "lambda": lambda factor: lambda x: x * factor,
    "attribute of a function": attribute,
    "global": executed,
    "global object": reads_settings,
    "class method": class_method,
    "object of a class": class_settings,
    "partial": lambda factor: partial(multiplied, factor=factor),
    "partial of torch's": lambda factor: partial(torch.mul, other=torch.tensor(factor)),
    "object": Scale,
    "bound method": lambda factor: Scale(factor).method,
    "slots": Slots,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions_of_one_name(kind):
    scales = [FUNCTIONS[kind](factor) for factor in FACTORS]
    assert_same_as_grid_search(classifier(Scaled), space={"module__scale": scales})


@pytest.mark.parametrize("kind", ["closure", "global object", "attribute of a function", "object"])
def test_transformers_with_functions_of_one_name(kind):
    scales = [FUNCTIONS[kind](np.float32(factor)) for factor in FACTORS]
    pipe = make_pipeline(FunctionTransformer(), classifier())
    assert_same_as_grid_search(pipe, space={"functiontransformer__func": scales})


def a_module(factor):
    class Local(Steady):
        def forward(self, X):
            return super().forward(X * factor)

    return Local


def a_module_factory(factor):
    return lambda: Steady(gain=factor)


def a_loss(factor):
    class Local(nn.CrossEntropyLoss):
        def forward(self, outputs, y):
            return super().forward(outputs, y) * factor

    return Local


def an_optimizer(factor):
    class Local(torch.optim.SGD):
        def step(self, closure=None):
            for weight in self.param_groups[0]["params"]:
                if weight.grad is not None:
                    weight.grad *= factor
            return super().step(closure)

    return Local


def an_optimizer_factory(factor):
    def sgd(params, lr, momentum):
        return torch.optim.SGD(params, lr=lr, momentum=momentum, weight_decay=factor / 10)

    return sgd


def a_data_set(factor):
    class Local(Dataset):
        def transform(self, X, y):
            X, y = super().transform(X, y)
            return X * np.float32(factor), y

    return Local


def a_loader(factor):
    class Local(DataLoader):
        def __iter__(self):
            return ((X * factor, y) for X, y in super().__iter__())

    return Local


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("module", a_module),
        ("module", a_module_factory),
        ("criterion", a_loss),
        ("criterion", lambda factor: partial(nn.CrossEntropyLoss, label_smoothing=factor)),
        ("optimizer", an_optimizer),
        ("optimizer", an_optimizer_factory),
        ("dataset", a_data_set),
        ("iterator_train", a_loader),
    ],
)
def test_classes_of_one_name(name, make):
    assert_same_as_grid_search(classifier(), space={name: [make(factor) for factor in FACTORS]})


def test_steps_of_one_name():
    def step(factor):
        class Local(TransformerMixin, BaseEstimator):
            def fit(self, X, y=None):
                return self

            def transform(self, X):
                return X * np.float32(factor)

        return Local()

    pipe = make_pipeline(FunctionTransformer(), classifier())
    space = {"functiontransformer": [step(factor) for factor in FACTORS]}
    assert_same_as_grid_search(pipe, space=space)


def test_an_optimiser_of_some_weights_only():
    class Last(NeuralNetClassifier):
        def initialize_optimizer(self, *args, **kwargs):
            weights = self.module_.layers[-1].parameters()
            self.optimizer_ = torch.optim.SGD(weights, lr=self.lr)
            return self

    search = assert_same_as_grid_search(classifier(kind=Last))
    reason = "its optimiser does not train all weights of its module"
    assert list(search.stacking_["reasons"]) == [reason]


class Standardised(NeuralNetRegressor):
    """Its ``fit`` sees to its targets."""

    def fit(self, X, y, **params):
        self.mean_, self.spread_ = np.mean(y), np.std(y)
        return super().fit(X, ((y - self.mean_) / self.spread_)[:, None], **params)

    def predict(self, X):
        return super().predict(X)[:, 0] * self.spread_ + self.mean_


class Halved(NeuralNetRegressor):
    """Its ``partial_fit`` sees to its rows."""

    def partial_fit(self, X, y=None, classes=None, **params):
        return super().partial_fit(X / 2, y, classes, **params)


@pytest.mark.parametrize(
    ("kind", "module", "y"),
    [(Standardised, partial(SteadyLinear, n_out=1), 1000 + 50 * NUMBERS), (Halved, None, NUMBERS)],
)
def test_methods_of_its_own_that_fit(kind, module, y):
    net = regressor(kind=kind) if module is None else regressor(module, kind)
    assert_same_as_grid_search(net, y=y, space={"lr": [0.01, 0.03, 0.1]}, scoring="r2")


def test_many_labels_and_the_scorers_for_them():
    class Labels(NeuralNetClassifier):
        def predict(self, X):
            return (self.predict_proba(X) > 0.5).astype(int)

    rows, labels = make_multilabel_classification(120, 12, n_classes=3, random_state=0)
    settings = {"criterion": nn.BCEWithLogitsLoss, "predict_nonlinearity": torch.sigmoid}
    net = classifier(partial(SteadyLinear, 12, 3), Labels, **settings)
    rows, labels = rows.astype(np.float32), labels.astype(np.float32)
    assert_same_as_grid_search(net, rows, labels, scoring="f1_micro")


class Centred(Steady):
    def forward(self, X):
        return super().forward(X - X.mean(0))


class Shared(Steady):
    def forward(self, X):
        return super().forward(X) / len(X)


class Unmoving(Steady):
    """Batch normalisation without moving averages."""

    def __init__(self):
        super().__init__()
        self.normal = nn.BatchNorm1d(4, track_running_stats=False)

    def forward(self, X):
        return super().forward(self.normal(X))


@pytest.mark.parametrize("module", [Centred, Shared, Unmoving])
def test_outputs_that_depend_on_the_other_rows_of_a_mini_batch(module):
    assert_same_as_grid_search(classifier(module))


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_a_weight_that_is_computed_from_others():
    def normed():
        layer = steady(lambda: nn.Linear(4, 8))
        return nn.Sequential(nn.utils.weight_norm(layer), steady(lambda: nn.Linear(8, 2)))

    assert_same_as_grid_search(classifier(normed))


class Slowing(torch.optim.SGD):
    """It counts its steps in an attribute that torch does not keep."""

    n_steps = 0

    def step(self, closure=None):
        self.n_steps += 1
        self.param_groups[0]["lr"] = 0.1 / self.n_steps
        return super().step(closure)


@pytest.mark.parametrize("kind", [Slowing, torch.optim.LBFGS])
def test_attributes_of_an_optimiser_are_kept(kind):
    net = classifier(optimizer=kind)
    del net.optimizer__momentum
    assert_same_as_grid_search(net, space={"lr": [0.01, 0.003, 0.03]}, atol=2e-3)


def test_no_two_modules_of_a_factory_are_taken_for_one():
    """Two modules of one class, one of which multiplies by nothing."""
    networks = [lambda: steady(lambda: nn.Linear(4, 2)), lambda: Steady(gain=0.0)]
    assert_same_as_grid_search(classifier(), space={"module": networks})
