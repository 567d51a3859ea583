"""Nets and targets, and what plain skorch must be given in place of these."""

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import Dataset
from torch import nn

N_ROWS, N_IN, SEED = 42, 4, 7
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, N_IN)).astype(np.float32)
Y = np.arange(N_ROWS) % 3
NAMES = np.array(["red", "green", "blue"])
CODES = np.argsort(np.argsort(NAMES))[Y]  # of the names in order
UNLABELLED = np.where(np.arange(N_ROWS) % 5 == 0, -1, Y)
NUMBERS = RNG.normal(size=N_ROWS)
HOLES = np.where(RNG.random((N_ROWS, 2)) < 0.2, np.nan, X[:, :2])
SOFT = np.eye(3)[Y] * 0.7 + 0.1
IMAGES, PIXELS = RNG.normal(size=(N_ROWS, 1, 5, 5)).astype("f"), RNG.integers(0, 2, (N_ROWS, 5, 5))


class Column(nn.Linear):
    """It puts out a column, or several."""

    def __init__(self, n_out=1, dtype=torch.float32):
        super().__init__(N_IN, n_out, dtype=dtype)


class Flat(Column):
    """It puts out one number for a row."""

    def forward(self, X):
        return super().forward(X)[:, 0]


class Several(Column):
    """It puts out what else there is beside."""

    def forward(self, X):
        return super().forward(X), X


class FirstOnly(NeuralNetRegressor):
    """A net whose loss is that of the first output."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return super().get_loss(y_pred[0], y_true, *args, **kwargs)


class Known(nn.Module):
    """The squared error of the targets that are known."""

    def forward(self, outputs, y):
        return ((outputs - y)[~torch.isnan(y)] ** 2).mean()


class Squares(nn.Module):
    """A loss that says nothing of shapes that broadcast."""

    def forward(self, outputs, y):
        return ((outputs - y) ** 2).mean()


class Flattens(nn.Module):
    """A loss that sees to the shapes itself."""

    def forward(self, outputs, y):
        return (outputs.reshape(-1) - y.reshape(-1)).abs().mean()


class PairsAll(nn.Module):
    """A loss that is meant to broadcast: each output with each target of the mini-batch."""

    def forward(self, outputs, y):
        return (outputs.reshape(1, -1) - y.reshape(-1, 1)).abs().mean()


class Labelled(nn.CrossEntropyLoss):
    """A user's loss that gives a meaning to negative labels."""

    def forward(self, outputs, y):
        return super().forward(outputs[y >= 0], y[y >= 0])


def two_columns(outputs):
    return torch.stack([-outputs, outputs], dim=1)


class Margin(nn.Module):
    """A binary loss for targets -1 and 1."""

    def forward(self, outputs, y):
        return torch.relu(1 - outputs * y).mean()


def net_of(kind, module=Column, criterion=None, **settings):
    settings |= {"optimizer": torch.optim.Adam, "lr": 0.1, "max_epochs": 3, "batch_size": 16}
    settings |= {} if criterion is None else {"criterion": criterion}
    return kind(module, train_split=None, verbose=0, **settings)


def classes(n_out=3, criterion=nn.CrossEntropyLoss, **settings):
    return net_of(NeuralNetClassifier, criterion=criterion, module__n_out=n_out, **settings)


def binary(module=Column, **settings):
    return net_of(NeuralNetBinaryClassifier, module, **settings)


def numbers(module=Column, **settings):
    return net_of(NeuralNetRegressor, module, **settings)


def conv():
    sizes = {"module__in_channels": 1, "module__out_channels": 2, "module__kernel_size": 1}
    return net_of(NeuralNetClassifier, nn.Conv2d, nn.CrossEntropyLoss, **sizes)


def same(predictions):
    return predictions


def of(labels):
    return lambda predictions: np.asarray(labels)[predictions.astype(int)]


def flat(predictions):
    return predictions.reshape(-1)


def column(predictions):
    return predictions.reshape(-1, 1)


class CodesNames(Dataset):
    """A data set of the user's that makes numbers of names."""

    def transform(self, X, y):
        return X, torch.tensor(["red", "green", "blue"].index(y or "red"))


class CountsFromOne(NeuralNetClassifier):
    """A net that takes labels from 1."""

    def get_dataset(self, X, y=None):
        return super().get_dataset(X, None if y is None else y - 1)


class MakesColumns(Dataset):
    def transform(self, X, y):
        return X, torch.tensor([0.0 if y is None else float(y)])


class PassesOn(Dataset):
    """A data set of the user's that leaves targets to the net."""


SINGLE = NUMBERS.astype(np.float32)
# What a user gives, what plain skorch must be given in its place, and what its predictions mean.
CASES = {
    "codes": (classes, Y, Y, same),
    "codes of 8 bits": (classes, Y.astype(np.uint8), Y, same),
    "a list of codes": (classes, Y.tolist(), Y, same),
    "names": (classes, NAMES[Y], CODES, of(sorted(NAMES))),
    "names as objects": (classes, NAMES[Y].astype(object), CODES, of(sorted(NAMES))),
    "a list of names": (classes, NAMES[Y].tolist(), CODES, of(sorted(NAMES))),
    "a series of names": (classes, pd.Series(NAMES[Y]), CODES, of(sorted(NAMES))),
    "categories": (classes, pd.Series(NAMES[Y]).astype("category"), CODES, of(sorted(NAMES))),
    "numbers from 1": (classes, Y + 1, Y, of([1, 2, 3])),
    "codes as floats": (classes, Y.astype(float), Y, of([0.0, 1.0, 2.0])),
    "codes as objects": (classes, Y.astype(object), Y, same),
    "nullable codes": (classes, pd.Series(Y).astype("Int64"), Y, same),
    "bools": (classes, Y > 0, (Y > 0).astype(int), of([False, True])),
    "bools as objects": (classes, (Y > 0).astype(object), (Y > 0).astype(int), of([False, True])),
    "nullable bools": (
        classes,
        pd.Series(Y > 0).astype("boolean"),
        (Y > 0).astype(int),
        of([False, True]),
    ),
    "more outputs than labels": (lambda: classes(5), Y, Y, same),
    "gaps that fit the outputs": (lambda: classes(5), 2 * Y, 2 * Y, same),
    "gaps that do not": (classes, 2 * Y, Y, of([0, 2, 4])),
    "negative labels": (classes, Y - 1, Y, of([-1, 0, 1])),
    "an ignored label": (
        lambda: classes(criterion__ignore_index=-1),
        UNLABELLED,
        UNLABELLED,
        same,
    ),
    "an ignored label, more outputs": (
        lambda: classes(4, criterion__ignore_index=-1),
        UNLABELLED,
        UNLABELLED,
        same,
    ),
    "an ignored label among others": (lambda: classes(criterion__ignore_index=2), Y, Y, same),
    "torch's own ignored label": (
        classes,
        np.where(UNLABELLED < 0, -100, Y),
        np.where(UNLABELLED < 0, -100, Y),
        same,
    ),
    "a loss of one's own": (lambda: classes(criterion=Labelled), UNLABELLED, UNLABELLED, same),
    "names that a data set codes": (lambda: classes(dataset=CodesNames), NAMES[Y], NAMES[Y], same),
    "labels that a net codes": (
        lambda: net_of(CountsFromOne, criterion=nn.CrossEntropyLoss, module__n_out=3),
        Y + 1,
        Y + 1,
        same,
    ),
    "names, and a data set that passes them on": (
        lambda: classes(dataset=PassesOn),
        NAMES[Y],
        CODES,
        of(sorted(NAMES)),
    ),
    "columns of a data set": (lambda: numbers(dataset=MakesColumns), SINGLE, SINGLE, same),
    "soft labels": (classes, SOFT, SOFT.astype(np.float32), same),
    "a label per pixel": (conv, PIXELS, PIXELS, same),
    "two numbers": (binary, Y > 0, (Y > 0).astype(np.float32), of([False, True])),
    "binary codes": (binary, (Y > 0).astype(int), (Y > 0).astype(np.float32), same),
    "binary codes, flat": (
        lambda: binary(Flat),
        (Y > 0).astype(int),
        (Y > 0).astype(np.float32),
        same,
    ),
    "binary names": (
        binary,
        NAMES[:2][(Y > 0).astype(int)],
        1 - (Y > 0).astype(np.float32),
        of(sorted(NAMES[:2])),
    ),
    "binary numbers": (binary, (Y > 0) + 1, (Y > 0).astype(np.float32), of([1, 2])),
    "binary objects": (
        binary,
        (Y > 0).astype(object),
        (Y > 0).astype(np.float32),
        of([False, True]),
    ),
    "binary numbers of a loss": (
        lambda: binary(criterion=Margin, predict_nonlinearity=two_columns, threshold=0),
        np.where(Y > 0, 1, -1),
        np.where(Y > 0, 1, -1).astype(np.float32),
        same,
    ),
    "numbers": (numbers, NUMBERS, SINGLE[:, None], flat),
    "numbers in a column": (numbers, NUMBERS[:, None], SINGLE[:, None], same),
    "numbers, flat": (lambda: numbers(Flat), NUMBERS, SINGLE, same),
    "numbers in a column, flat": (lambda: numbers(Flat), NUMBERS[:, None], SINGLE, column),
    "whole numbers": (numbers, Y, Y[:, None].astype(np.float32), flat),
    "numbers as objects": (numbers, NUMBERS.astype(object), SINGLE[:, None], flat),
    "a list of numbers": (numbers, NUMBERS.tolist(), SINGLE[:, None], flat),
    "a series of numbers": (numbers, pd.Series(NUMBERS), SINGLE[:, None], flat),
    "nullable numbers": (numbers, pd.Series(NUMBERS).astype("Float64"), SINGLE[:, None], flat),
    "a frame of numbers": (numbers, pd.DataFrame(NUMBERS), SINGLE[:, None], same),
    "several outputs beside": (lambda: net_of(FirstOnly, Several), NUMBERS, SINGLE[:, None], flat),
    "several outputs, a loss of one's own": (
        lambda: net_of(FirstOnly, Several, Squares),
        NUMBERS,
        SINGLE[:, None],
        flat,
    ),
    "double precision": (
        lambda: numbers(module__dtype=torch.float64),
        SINGLE,
        SINGLE[:, None].astype(float),
        flat,
    ),
    "two targets": (
        lambda: numbers(module__n_out=2),
        pd.DataFrame(X[:, :2].astype(float)),
        X[:, :2],
        same,
    ),
    "unknown targets": (
        lambda: numbers(module__n_out=2, criterion=Known),
        HOLES,
        HOLES.astype(np.float32),
        same,
    ),
    "a loss that flattens": (lambda: numbers(criterion=Flattens), NUMBERS, SINGLE, same),
    "a net of no kind": (
        lambda: net_of(NeuralNet, criterion=nn.MSELoss),
        NUMBERS,
        SINGLE[:, None],
        flat,
    ),
}
