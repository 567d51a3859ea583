"""Learning rates of an epoch against those of torch's schedulers."""

import pytest
import torch
from skorch.callbacks import LRScheduler
from torch.optim import lr_scheduler

from sktune.nets.rates import Cosine
from sktune.trainers.schedules import epoch_rates
from tests.user_nets import classifier

SCHEDULES = {
    "lambda": (lr_scheduler.LambdaLR, {"lr_lambda": Cosine(20)}),
    "cyclic": (lr_scheduler.CyclicLR, {"base_lr": 1e-3, "max_lr": 1e-2, "step_size_up": 5}),
    "onecycle": (lr_scheduler.OneCycleLR, {"max_lr": 0.1, "total_steps": 40}),
    "step": (lr_scheduler.StepLR, {"step_size": 3}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_torchs_scheduler(name):
    policy, settings = SCHEDULES[name]

    def net():
        callbacks = [("lr", LRScheduler(policy, step_every="batch", **settings))]
        made = classifier(
            callbacks=callbacks, optimizer=torch.optim.SGD, optimizer__momentum=0.9
        ).initialize()
        made.notify("on_train_begin", X=None, y=None)
        made.optimizer_._opt_called = True
        return made, dict(made.callbacks_)["lr"]

    (one, schedule), (other, real) = net(), net()
    for _ in range(3):
        found = epoch_rates(one, 7)
        for step in range(7):
            group = other.optimizer_.param_groups[0]
            assert found.rates[step] == group["lr"] == found.events["event_lr"][step]
            assert found.momenta[step]["momentum"] == group["momentum"]
            real.lr_scheduler_.step()
    mine, theirs = schedule.lr_scheduler_.state_dict(), real.lr_scheduler_.state_dict()
    assert mine.keys() == theirs.keys()
    for key in mine:
        if "lambda" not in key and "func" not in key:
            assert mine[key] == theirs[key], key
    assert one.optimizer_.param_groups[0]["lr"] == other.optimizer_.param_groups[0]["lr"]
    assert schedule.batch_idx_ == 21
