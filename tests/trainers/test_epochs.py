"""What code of the user's does at an epoch, in a stack as alone."""

import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback

from sktune.trainers import SoloTrainer, StackedTrainer
from tests.trainers.laws import climbed, nets
from tests.user_nets import Perceptron, classifier, weights

STAGE = {"epoch": 0}


class ByStage(Perceptron):
    """What it computes depends on something that no stack can see."""

    def forward(self, X):
        outputs = super().forward(X)
        if STAGE["epoch"] > 2:
            return outputs.detach() + 0.1 * outputs + torch.tanh(outputs)
        return outputs


class Penalised(NeuralNetClassifier):
    """A penalty on the weights that starts late."""

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)
        if len(self.history) > 3:
            loss = loss + 0.5 * sum(w.square().sum() for w in self.module_.parameters())
        return loss


class Stages(Callback):
    def on_epoch_begin(self, net, **kwargs):
        STAGE["epoch"] = len(net.history)


def penalised():
    return Penalised(**classifier().get_params(deep=False))


@pytest.mark.parametrize(
    "net", [lambda: classifier(ByStage, callbacks=[("stages", Stages())]), penalised]
)
@pytest.mark.parametrize("rungs", [[9], [2, 5, 9]])
def test_what_code_does_at_a_later_epoch(net, rungs):
    STAGE["epoch"] = 0
    stacked = nets(climbed(StackedTrainer(), net(), rungs))
    alone = nets(climbed(SoloTrainer(), net(), rungs))
    for one, other in zip(stacked, alone, strict=True):
        assert torch.allclose(torch.tensor(weights(one)), torch.tensor(weights(other)), atol=1e-5)
