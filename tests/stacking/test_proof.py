"""Before a stack is trained it is tried whether it does what a network does alone."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sktune.stacking import proof, rewrites
from sktune.stacking.programs import Template
from sktune.trainers.settings import attributes
from tests.user_nets import Perceptron, classifier

X = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
Y = (torch.tensor([0, 1, 2] * 2),)


def reason(module, **settings):
    return proof.reason_against(
        Template(classifier(module, **settings).initialize(), attributes), X, Y
    )


class Replaces(Perceptron):
    def __init__(self):
        super().__init__()
        self.register_buffer("n", torch.zeros(()))

    def forward(self, X):
        self.n = self.n + 1
        return super().forward(X)


class Keeps(Replaces):
    def forward(self, X):
        self.n += 1
        return Perceptron.forward(self, X) * (1 + self.n)


class Tuple(Perceptron):
    def forward(self, X):
        outputs = super().forward(X)
        return outputs if self.training else (outputs, X)


class Draws(Perceptron):
    def forward(self, X):
        return functional.dropout(super().forward(X), 0.5, self.training)


class DrawsElsewhere(Perceptron):
    def forward(self, X):
        return super().forward(X) * (1 if np.random.random() < 2 else 0)


class DrawsInPython(Perceptron):
    def forward(self, X):
        return super().forward(X) * (1 if random.random() < 2 else 0)


class Bounded(Perceptron):
    """Its weights are kept within bounds by each forward."""

    def forward(self, X):
        with torch.no_grad():
            self.layers[0].weight.clamp_(-0.1, 0.1)
        return super().forward(X)


class Shrinking(Perceptron):
    """Its weights become smaller with each forward."""

    def forward(self, X):
        with torch.no_grad():
            self.layers[0].weight.mul_(0.5)
        return super().forward(X)


# torch has no rule to batch clamp_, and says that it makes a loop; trainers ignore it.
@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Perceptron, ""),
        (DrawsElsewhere, "draws random numbers"),
        (DrawsInPython, "draws random numbers"),
        (Bounded, ""),
        (Shrinking, "not do what the module does alone"),
        (Keeps, ""),
        (Replaces, "replaces weights or buffers"),
        (Tuple, "more than one tensor"),
        (Draws, "draws random numbers"),
    ],
)
def test_reasons(module, words):
    found = reason(module)
    assert words in found
    assert bool(words) == bool(found)


def test_a_program_that_computes_something_else_is_found_out(monkeypatch):
    linear = rewrites._FORMS[functional.linear]
    monkeypatch.setitem(rewrites._FORMS, functional.linear, lambda *given: 1.01 * linear(*given))
    assert "does not do what the module does alone" in reason(Perceptron)


class Forgets(nn.Module):
    """Its gradients are not those of what it computes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, X):
        return Wrong.apply(self.layer(X))


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


def test_what_torch_cannot_batch_is_told():
    assert "cannot be batched" in reason(Forgets)
