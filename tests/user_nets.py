"""Networks as users write them, for skorch nets in the tests."""

import ctypes
import os
import resource
import signal
import time

import numpy as np
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn


class Perceptron(nn.Module):
    def __init__(self, n_in=4, width=8, n_out=3, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, n_out)
        )

    def forward(self, X):
        return self.layers(X)


class NanAtEpoch(Perceptron):
    """Its outputs are NaN from some training batch on."""

    def __init__(self, nan_from_batch=10**9, **settings):
        super().__init__(**settings)
        self.nan_from_batch = nan_from_batch
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, X):
        self.seen += int(self.training)
        outputs = super().forward(X)
        return outputs * float("nan") if self.seen > self.nan_from_batch else outputs


class NanInEvaluation(Perceptron):
    """It trains like any other, and predicts NaN."""

    def __init__(self, broken=False, **settings):
        super().__init__(**settings)
        self.broken = broken

    def forward(self, X):
        outputs = super().forward(X)
        return outputs * float("nan") if self.broken and not self.training else outputs


class Raises(Perceptron):
    def __init__(self, broken=False, **settings):
        super().__init__(**settings)
        self.broken = broken

    def forward(self, X):
        if self.broken:
            raise RuntimeError("no way forward")
        return super().forward(X)


class Memory(nn.Module):
    """Memorises: it answers with the label that it has been shown for a row's first number."""

    def __init__(self, n_rows=1000, n_out=2):
        super().__init__()
        self.labels = nn.Embedding(n_rows, n_out)

    def forward(self, X):
        return self.labels(X[:, 0].long())


class ByName(nn.Module):
    """Takes the columns of a DataFrame by their names."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, a, b):
        return self.layer(torch.cat([a, b], dim=1))


class Trouble(Callback):
    """Does something terrible at an epoch of networks with a learning rate above a limit."""

    def __init__(self, kind, epoch=1, above=0.1):
        self.kind, self.epoch, self.above = kind, epoch, above

    def on_epoch_end(self, net, **kwargs):
        if net.lr > self.above and len(net.history) == self.epoch:
            getattr(self, self.kind)()

    def exit(self):
        os._exit(7)

    def segfault(self):
        ctypes.string_at(0)

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self):
        while True:
            time.sleep(3600)

    def error(self):
        raise RuntimeError("trouble in an epoch")

    def eat(self):
        """Ask for more memory than a limit leaves, which is lifted again."""
        limits = resource.getrlimit(resource.RLIMIT_AS)
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2**28, limits[1]))
        try:
            torch.ones(2**30)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)


class ShapeSetter(Callback):
    """Gives the module the shapes of the data, as skorch's documentation shows."""

    def __repr__(self):
        return "ShapeSetter()"  # ids of tests are made of this

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        if X.shape[1] == net.module_.layers[0].in_features:
            n_out = len(net.classes_) if hasattr(net, "classes_") else 1
            if n_out == net.module_.layers[-1].out_features:
                return
        n_out = len(net.classes_) if isinstance(net, NeuralNetClassifier) else 1
        net.set_params(module__n_in=X.shape[1], module__n_out=n_out)


def classifier(module=Perceptron, **settings):
    settings = {
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.AdamW,
        "lr": 0.02,
        "batch_size": 16,
        "max_epochs": 9,
        "train_split": None,
        "iterator_train__shuffle": True,
        "verbose": 0,
        **settings,
    }
    return NeuralNetClassifier(module, **settings)


def regressor(**settings):
    settings = {
        "optimizer": torch.optim.AdamW,
        "lr": 0.02,
        "max_epochs": 9,
        "train_split": None,
        "module__n_out": 1,
        "verbose": 0,
        **settings,
    }
    return NeuralNetRegressor(Perceptron, **settings)


def weights(net):
    return torch.cat([p.detach().reshape(-1) for p in net.module_.parameters()]).numpy()


def same_bits(one, other):
    return np.array_equal(weights(one), weights(other))
