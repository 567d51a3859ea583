"""The settings of a net that a stack makes use of."""

import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sktune import MLPClassifier
from sktune.trainers.settings import runs_users_code
from tests.user_nets import Perceptron, classifier


def activation(x):
    return torch.relu(x)


class OwnLoss(NeuralNetClassifier):
    def get_loss(self, y_pred, y_true, *args, **kwargs):
        return 2 * super().get_loss(y_pred, y_true, *args, **kwargs)


def layers(*given):
    return lambda **_: nn.Sequential(nn.Linear(4, 8), *given, nn.Linear(8, 3))


def encoder(function):
    return nn.TransformerEncoderLayer(8, 1, 8, dropout=0.0, activation=function, batch_first=True)


class OwnCriterion(nn.CrossEntropyLoss):
    pass


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (classifier(layers(nn.ReLU())), False),
        (MLPClassifier(), False),
        (classifier(layers(encoder("gelu"))), False),
        (classifier(layers(encoder(activation))), True),
        (classifier(Perceptron), True),
        (classifier(layers(nn.ReLU()), criterion=OwnCriterion), True),
        (OwnLoss(**classifier(layers(nn.ReLU())).get_params(deep=False)), True),
    ],
)
def test_whether_a_step_runs_code_of_the_users(net, expected):
    if isinstance(net, MLPClassifier):
        net.partial_fit(torch.rand(6, 4).numpy(), [0, 1, 2] * 2)
    else:
        net.initialize()
    assert runs_users_code(net) == expected
