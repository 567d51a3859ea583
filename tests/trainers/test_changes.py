"""Each kind of thing that code of the user's can change of a network in a stack is noticed."""

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import check_scoring
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import nn

from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.adapt import adapted
from sktune.trainers import SoloTrainer, StackedTrainer
from sktune.trainers.changes import changed, facts
from tests.user_nets import classifier

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3


class Net(nn.Module):
    """It has what callbacks change."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(dropout)
        self.last, self.gain, self.kinds = nn.Linear(8, 3), 1.0, ["a"]

    def forward(self, X):
        return self.last(self.drop(self.norm(self.first(X)))) * self.gain


class Loss(nn.CrossEntropyLoss):
    def __init__(self):
        super().__init__()
        self.smoothing = 0.1
        self.register_buffer("shares", torch.ones(3))


class Penalised(NeuralNetClassifier):
    """A step of its own reads an attribute of the net."""

    penalty = 0.1

    def get_loss(self, y_pred, y_true, *args, **params):
        return super().get_loss(y_pred, y_true, *args, **params) * self.penalty


@pytest.fixture
def net():
    """A net within a training, with all that can change."""
    clip = ("clip", GradientNormClipping(1.0))
    settings = {
        "criterion": Loss,
        "optimizer": torch.optim.SGD,
        "optimizer__momentum": 0.9,
        "callbacks": [clip],
        "max_epochs": 1,
    }
    given = classifier(Net, **settings).get_params(deep=False)
    net = Penalised(**{name: value for name, value in given.items() if name[0] != "_"})
    return adapted(net).fit(X, Y)


@pytest.fixture
def dataset(net):
    return net.get_dataset(X.copy(), Y.copy())


def replace_a_weight(net, dataset):
    net.module_.last.weight = nn.Parameter(net.module_.last.weight.clone())


def replace_the_numbers_of_a_weight(net, dataset):
    net.module_.last.weight.data = net.module_.last.weight.data.clone()


def replace_a_buffer(net, dataset):
    net.module_.norm.running_mean = torch.zeros(8)


def replace_the_module(net, dataset):
    vars(net)["module_"] = copy.deepcopy(net.module_)


def freeze(net, dataset):
    net.module_.first.requires_grad_(False)


def set_an_attribute(net, dataset):
    net.module_.gain = 0.5


def change_a_list(net, dataset):
    net.module_.kinds.append("b")


def replace_a_layer(net, dataset):
    net.module_.drop = nn.Identity()


def swap_the_forward(net, dataset):
    net.module_.forward = lambda X: X[:, :3]


def hook(net, dataset):
    net.module_.last.register_forward_hook(lambda module, given, outputs: outputs * 0.5)


def set_the_epsilon_of_a_norm(net, dataset):
    net.module_.norm.eps = 0.1


def set_the_loss(net, dataset):
    net.criterion_.smoothing = 0.5


def change_a_buffer_of_the_loss(net, dataset):
    net.criterion_.shares *= 2


def replace_the_loss(net, dataset):
    vars(net)["criterion_"] = nn.CrossEntropyLoss()


def set_the_momentum(net, dataset):
    net.optimizer_.param_groups[0]["momentum"] = 0.5


def forget_the_moments(net, dataset):
    net.optimizer_.state.clear()


def replace_the_optimiser(net, dataset):
    vars(net)["optimizer_"] = torch.optim.SGD(net.module_.parameters(), lr=0.1, momentum=0.9)


def group_the_weights(net, dataset):
    net.optimizer_.add_param_group({"params": [nn.Parameter(torch.ones(1))]})


def set_the_clipping(net, dataset):
    dict(net.callbacks_)["clip"].gradient_clip_value = 0.1


def set_the_norm_of_the_clipping(net, dataset):
    dict(net.callbacks_)["clip"].gradient_clip_norm_type = 1


def stop_clipping(net, dataset):
    net.callbacks_ = [c for c in net.callbacks_ if c[0] != "clip"]


def add_a_callback(net, dataset):
    net.callbacks_.append(("more", Callback()))


def set_the_batch_size(net, dataset):
    net.batch_size = 8


def shuffle_no_more(net, dataset):
    net.iterator_train__shuffle = False


def replace_the_rows(net, dataset):
    dataset.X = dataset.X * 2


def replace_the_targets(net, dataset):
    dataset.y = dataset.y[::-1].copy()


def set_what_a_step_reads(net, dataset):
    net.penalty = 0.5


def give_it_a_method(net, dataset):
    net.train_step = lambda batch, **params: None


def compile_it(net, dataset):
    net.compile = True


NOTICED = {
    **dict.fromkeys(
        [replace_a_weight, replace_the_numbers_of_a_weight, replace_a_buffer, replace_the_module,
         freeze, set_an_attribute, change_a_list, replace_a_layer, swap_the_forward,
         set_the_epsilon_of_a_norm],
        "module",
    ),
    **dict.fromkeys([set_the_loss, change_a_buffer_of_the_loss, replace_the_loss], "loss"),
    **dict.fromkeys([set_the_momentum, forget_the_moments, replace_the_optimiser], "optimiser"),
    **dict.fromkeys(
        [set_the_clipping, set_the_norm_of_the_clipping], "clipping"
    ),
    add_a_callback: "callbacks",
    **dict.fromkeys([set_the_batch_size, shuffle_no_more], "mini-batches"),
    **dict.fromkeys([replace_the_rows, replace_the_targets], "training rows"),
    set_what_a_step_reads: "attributes",
    **dict.fromkeys([hook, group_the_weights], "settings"),
    stop_clipping: "callbacks",
    give_it_a_method: "methods",
    compile_it: "attributes",
}  # fmt: skip


@pytest.mark.parametrize("change", NOTICED)
def test_a_change_is_named(change, net, dataset):
    before = facts(net, dataset)
    change(net, dataset)
    assert changed(before, facts(net, dataset)) == NOTICED[change]


def nothing(net, dataset):
    pass


def set_the_rate(net, dataset):
    net.optimizer_.param_groups[0]["lr"] = 0.5


def set_the_decay(net, dataset):
    net.optimizer_.param_groups[0]["weight_decay"] = 0.5


def set_the_dropout(net, dataset):
    net.module_.drop.p = 0.9


def change_weights_in_place(net, dataset):
    with torch.no_grad():
        net.module_.last.weight.mul_(0.5)


def evaluate(net, dataset):
    net.module_.eval()


def draw(net, dataset):
    torch.rand(3)


def predict(net, dataset):
    net.predict(X)


def note_in_the_history(net, dataset):
    net.history.record("note", 1)


def say_more(net, dataset):
    net.verbose = 1


def set_a_callback_of_ones_own(net, dataset):
    for _, callback in net.callbacks_:
        callback.note = 1


TAKEN_OVER = (
    *(nothing, set_the_rate, set_the_decay, set_the_dropout, change_weights_in_place, evaluate),
    *(draw, predict, note_in_the_history, say_more, set_a_callback_of_ones_own),
)


@pytest.mark.parametrize("change", TAKEN_OVER)
def test_what_a_stack_takes_over_is_no_change(change, net, dataset):
    before = facts(net, dataset)
    change(net, dataset)
    assert changed(before, facts(net, dataset)) == ""


class ClipsHarder(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            set_the_clipping(net, None)


def test_a_network_whose_clipping_changes_leaves_the_stack():
    callbacks = [("clip", GradientNormClipping(1.0)), ClipsHarder()]
    settings = {"optimizer": torch.optim.SGD, "lr": 0.2, "module__dropout": 0.0}
    net = classifier(Net, callbacks=callbacks, **settings)
    setup = Setup(net, check_scoring(net, "neg_log_loss"), horizon=3, classes=np.unique(Y))
    jobs = [AdvanceJob(setup, {}, PreparedFold(Part(X, Y), Part(X, Y)), 3, 7)] * 2
    stacked, alone = (trainer.advance(jobs)[0] for trainer in (StackedTrainer(), SoloTrainer()))
    assert stacked.solo_reason.startswith("a callback changed its clipping in epoch 2")
    assert stacked.score == pytest.approx(alone.score, abs=1e-5)


def test_a_new_object_in_the_place_of_one_that_is_gone_is_noticed(net, dataset):
    """Objects are told by identity, so those of before are kept."""
    before = facts(net, dataset)
    for _ in range(20):
        vars(net)["criterion_"] = Loss()
        assert changed(before, facts(net, dataset)) == "loss"


def test_a_schedule_that_moves_the_momentum_is_part_of_it(net, dataset):
    cycle = LRScheduler("CyclicLR", base_lr=0.01, max_lr=0.1, step_every="batch")
    net = adapted(net.set_params(callbacks=[("cycle", cycle)], max_epochs=2)).fit(X, Y)
    before = facts(net, dataset)
    dict(net.callbacks_)["cycle"].max_momentum = 0.5
    assert changed(before, facts(net, dataset)) == "schedule of the momentum"
