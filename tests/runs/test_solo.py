"""What the solo trainer sees to between rungs, besides what all trainers owe."""

import numpy as np
import pytest
from skorch.callbacks import Callback

from sktune.candidates import Failure
from sktune.trainers import SoloTrainer, StackedTrainer
from tests.trainers.laws import climbed, jobs_of, nets
from tests.user_nets import classifier, weights


class OtherRows(Callback):
    """Replaces the rows or the targets of training when an epoch begins or ends."""

    def __init__(self, moment="begin", what="X", epoch=2):
        self.moment, self.what, self.epoch = moment, what, epoch

    def _replace(self, net, moment, dataset):
        if moment == self.moment and len(net.history) == self.epoch:
            setattr(dataset, self.what, np.roll(getattr(dataset, self.what), 1, axis=0))

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        self._replace(net, "begin", dataset_train)

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        self._replace(net, "end", dataset_train)


@pytest.mark.parametrize("trainer", [SoloTrainer(), StackedTrainer()], ids=["solo", "stacked"])
@pytest.mark.parametrize("what", ["X", "y"])
@pytest.mark.parametrize(("moment", "epoch"), [("begin", 1), ("begin", 2), ("end", 3)])
def test_rows_that_a_callback_replaced_are_not_forgotten(trainer, moment, what, epoch):
    net = classifier(callbacks=[OtherRows(moment, what, epoch)])
    first = climbed(trainer, net, [3])
    assert not any(isinstance(outcome, Failure) for outcome in first)
    snapshots = [outcome.snapshot for outcome in first]
    for outcome in trainer.advance(jobs_of(net, snapshots=snapshots)):
        assert "replaced the training rows at an earlier rung" in outcome.reason


def test_in_one_go_they_are_trained_on():
    net = classifier(callbacks=[OtherRows()])
    alone, stacked = (nets(climbed(t, net, [9]))[0] for t in (SoloTrainer(), StackedTrainer()))
    untouched = nets(climbed(SoloTrainer(), classifier(), [9]))[0]
    assert np.allclose(weights(alone), weights(stacked), atol=1e-4)
    assert not np.allclose(weights(alone), weights(untouched), atol=1e-4)
