"""Callbacks of the user's that change a network: searches find what GridSearchCV finds."""

import copy
import math
import threading

import numpy as np
import pytest
import torch
from sklearn.model_selection import KFold
from skorch.callbacks import Callback, Checkpoint, LoadInitState, TrainEndCheckpoint
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm

from sktune import SuccessiveHalvingSearchCV
from sktune.exceptions import InvalidSettingsError
from tests.search.peers import (
    EPOCHS,
    SteadyLinear,
    X,
    Y,
    assert_same_as_grid_search,
    classifier,
    steady,
)
from tests.user_nets import Memory


class At(Callback):
    """Calls a function with the net at a moment of training."""

    def __init__(self, change, hook, epoch=0):
        self.change, self.hook, self.epoch = change, hook, epoch

    def _call(self, hook, net):
        if hook == self.hook and len(net.history) == self.epoch:
            self.change(net)

    def on_train_begin(self, net, **kwargs):
        self._call("train begin", net)

    def on_epoch_begin(self, net, **kwargs):
        self._call("epoch begin", net)

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        self.rows = dataset_train
        self._call("epoch end", net)

    def on_train_end(self, net, **kwargs):
        if self.hook == "train end":
            self.change(net)


def gain(net):
    net.module_.gain = 0.3


def gain_of_one(net):
    if net.lr == 0.1:
        gain(net)


def freeze(net):
    net.module_.layers[0].requires_grad_(False)


def shrink(net):
    state = {name: weight / 2 for name, weight in net.module_.state_dict().items()}
    net.module_.load_state_dict(state)


def assign(net):
    state = {name: weight / 2 for name, weight in net.module_.state_dict().items()}
    net.module_.load_state_dict(state, assign=True)


def copy_module(net):
    net.module_ = copy.deepcopy(net.module_)
    shrink(net)


def replace_layer(net):
    net.module_.layers[1] = nn.Tanh()


def replace_forward(net):
    forward = net.module_.forward
    net.module_.forward = lambda X: forward(X) / 5


def hook(net):
    net.module_.register_forward_hook(lambda module, inputs, outputs: outputs / 2)


def hook_of_gradients(net):
    net.module_.layers[0].weight.register_hook(lambda gradient: gradient / 10)


def hook_after_gradients(net):
    net.module_.layers[0].weight.register_post_accumulate_grad_hook(halve)


def halve(weight):
    weight.grad /= 2


def smooth(net):
    net.criterion_.label_smoothing = 0.3


def weigh(net):
    net.criterion_.weight = torch.tensor([1.0, 5.0])


def replace_optimizer(net):
    net.optimizer_ = torch.optim.Adam(net.module_.parameters(), lr=0.01)


def forget_momentum(net):
    net.optimizer_.state.clear()


def momentum(net):
    net.set_params(optimizer__momentum=0.5)


def train_last_layer_only(net):
    net.optimizer_.param_groups[0]["params"] = list(net.module_.layers[-1].parameters())


def rate(net):
    net.optimizer_.param_groups[0]["lr"] /= 10


def own_loss(net):
    get_loss = net.get_loss
    net.get_loss = lambda *args, **kwargs: get_loss(*args, **kwargs) / 10


def own_infer(net):
    infer = net.infer
    net.infer = lambda x, **params: infer(x * 0.3, **params)


def add_callback(net):
    net.callbacks_.append(("late", At(gain, "epoch begin", 5)))


def stop(net):
    raise KeyboardInterrupt


CHANGES = [
    *(gain, gain_of_one, freeze, shrink, assign, copy_module, replace_layer, replace_forward),
    *(hook, hook_of_gradients, hook_after_gradients, smooth, weigh, rate, replace_optimizer),
    *(forget_momentum, momentum, train_last_layer_only, own_loss, own_infer, add_callback, stop),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_network_that_is_changed_in_training(change):
    assert_same_as_grid_search(classifier(callbacks=[At(change, "epoch end", 2)]))


@pytest.mark.parametrize("when", [("train begin",), ("epoch begin", 5), ("train end",)], ids=str)
@pytest.mark.parametrize("change", [gain, copy_module, freeze, own_infer, hook_of_gradients])
def test_a_network_that_is_changed_at_any_moment(change, when):
    assert_same_as_grid_search(classifier(callbacks=[At(change, *when)]))


def other_batches(net):
    net.set_params(batch_size=7)


@pytest.mark.parametrize("name", ["X", "y"])
def test_rows_that_are_replaced_in_training(name):
    class Replace(Callback):
        def on_epoch_end(self, net, dataset_train=None, **kwargs):
            if len(net.history) == 4:
                setattr(dataset_train, name, getattr(dataset_train, name)[::-1].copy())

    search = assert_same_as_grid_search(classifier(callbacks=[Replace()]))
    assert list(search.stacking_["reasons"]) == [
        "a callback changed its training rows in epoch 4; from there on it was trained alone"
    ]


@pytest.mark.parametrize("when", [("train begin",), ("epoch end", 1), ("epoch end", 4)], ids=str)
def test_mini_batches_are_of_the_size_that_training_began_with(when):
    assert_same_as_grid_search(classifier(callbacks=[At(other_batches, *when)]))


def test_what_a_module_multiplies_by_in_the_end_decides_its_score():
    net = classifier(callbacks=[At(lambda net: setattr(net.module_, "gain", 0.0), "epoch end", 2)])
    search = SuccessiveHalvingSearchCV(
        net, {"lr": [0.1, 0.2]}, sampler="grid", cv=3, scoring="neg_log_loss", random_state=0
    ).fit(X, Y)
    assert math.isclose(search.best_score_, -math.log(2), abs_tol=1e-5)


ROWS = np.arange(120, dtype=np.float32)[:, None]
NOISE = np.random.default_rng(1).integers(0, 2, 120)


def checkpoints(folder):
    keep = Checkpoint(monitor="train_loss_best", dirname=folder, load_best=True)
    prefixed = Checkpoint(
        monitor="train_loss_best", dirname=folder, fn_prefix="a_", f_history="own.json",
        f_criterion=None, load_best=True,
    )  # fmt: skip
    return {
        "load_best": [keep],
        "names of files": [prefixed],
        "at the end": [TrainEndCheckpoint(dirname=folder)],
        "read in the beginning": [keep, LoadInitState(keep)],
        "whole nets": [Checkpoint(monitor="train_loss_best", dirname=folder, f_pickle="net.pkl")],
    }


@pytest.mark.parametrize("kind", checkpoints(""))
@pytest.mark.parametrize(("stacking", "min_resources"), [("auto", 1), ("auto", 9), (False, 1)])
def test_no_network_reads_the_files_of_another(kind, stacking, min_resources, tmp_path):
    """Memories know nothing of rows that they have not seen, and the labels are noise."""
    net = classifier(
        Memory, module__n_rows=len(ROWS), optimizer=torch.optim.Adam, lr=0.3,
        callbacks=checkpoints(str(tmp_path))[kind],
    )  # fmt: skip
    del net.optimizer__momentum
    search = SuccessiveHalvingSearchCV(
        net, {"lr": [0.3, 0.2, 0.4]}, sampler="grid", stacking=stacking, max_resources=9,
        min_resources=min_resources, cv=KFold(3, shuffle=True, random_state=0), random_state=0,
    )  # fmt: skip
    assert search.fit(ROWS, NOISE).best_score_ < 0.67


def test_a_network_goes_back_to_its_own_best_weights(tmp_path):
    keep = Checkpoint(monitor="train_loss_best", dirname=str(tmp_path), load_best=True)
    harm = At(lambda net: net.module_.layers[0].weight.data.mul_(-5), "epoch end", 7)
    assert_same_as_grid_search(classifier(callbacks=[harm, keep]))


def parametrized(make):
    def module():
        return steady(lambda: nn.Sequential(make(nn.Linear(4, 8)), nn.ReLU(), nn.Linear(8, 2)))

    return module


@pytest.mark.parametrize("make", [weight_norm, spectral_norm, orthogonal])
def test_parametrized_modules(make):
    assert_same_as_grid_search(classifier(parametrized(make)))


class Log(Callback):
    """It holds what belongs to a process."""

    def initialize(self):
        self.lock_ = threading.Lock()
        return self


class PicklableLog(Log):
    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "lock_"}


@pytest.mark.parametrize("stacking", ["auto", False])
def test_what_cannot_be_kept_is_named_with_its_callback(stacking):
    settings = {"sampler": "grid", "stacking": stacking, "max_resources": EPOCHS, "cv": 3}
    net = classifier(SteadyLinear, callbacks=[Log()])
    with pytest.raises(InvalidSettingsError, match="callback Log has `lock_`, a lock"):
        SuccessiveHalvingSearchCV(net, {"lr": [0.1]}, **settings).fit(X, Y)


def test_what_a_callback_leaves_out_need_not_be_kept():
    assert_same_as_grid_search(classifier(SteadyLinear, callbacks=[PicklableLog()]))
