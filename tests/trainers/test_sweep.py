"""Law 3 over the user's own code: stacked = alone = plain skorch, whatever callbacks do.

Each example is a module, a callback that changes something at some epoch of some networks, a loss,
an optimiser, a schedule, a kind of data and a rung on the way. Plain skorch, which knows nothing of
stacks and rungs, decides.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.metrics import check_scoring
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.optim import lr_scheduler

from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.snapshot import thaw
from sktune.trainers import SoloTrainer, StackedTrainer

N_IN, N_ROWS, BATCH, EPOCHS = 6, 56, 16, 5
RNG = np.random.default_rng(0)
X = RNG.integers(-4, 5, size=(N_ROWS, N_IN)).astype(np.float32)
LABELS = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
NUMBERS = (X[:, 0] - X[:, 2] / 2).astype(np.float32)


pytestmark = pytest.mark.usefixtures("one_thread")


class Plain(nn.Module):
    """It has what callbacks change: a gain, a dropout rate, layers with names."""

    def __init__(self, n_out=2, normal=nn.Identity, activation=nn.Tanh, layer=nn.Linear):
        super().__init__()
        self.first, self.normal, self.activation = layer(N_IN, 8), normal(8), activation()
        self.drop, self.last = nn.Dropout(0.0), nn.Linear(8, n_out)
        self.gain = 1.0

    def forward(self, X):
        hidden = self.drop(self.activation(self.normal(self.first(X))))
        return self.last(hidden) * self.gain


class Residual(Plain):
    def forward(self, X):
        hidden = self.activation(self.first(X))
        return self.last(hidden + torch.sigmoid(hidden) * hidden) * self.gain


class Flat(Plain):
    """It puts out one number for a row, not a column of one."""

    def forward(self, X):
        return super().forward(X)[:, 0]


class Looks(Plain):
    """Its rows are whole numbers which it looks up."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.table = nn.Embedding(9, 1)

    def forward(self, X):
        return super().forward(self.table(X.long() + 4)[..., 0])


def unbiased(n_in, n_out):
    # Of a bias before batch normalisation only rounding errors remain, which Adam magnifies.
    return nn.Linear(n_in, n_out, bias=False)


def normed(n_in, n_out):
    return weight_norm(nn.Linear(n_in, n_out))


MODULES = {
    "plain": (Plain, {}),
    "batch norm": (Plain, {"module__normal": nn.BatchNorm1d, "module__layer": unbiased}),
    "layer norm": (Plain, {"module__normal": nn.LayerNorm}),
    "relu": (Plain, {"module__activation": nn.ReLU}),
    "residual": (Residual, {"module__activation": nn.GELU}),
    "embedding": (Looks, {}),
    "weight norm": (Plain, {"module__layer": normed}),
    "flat": (Flat, {}),
}
OPTIMIZERS = {
    "sgd": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9, "lr": 0.02},
    "adam": {"optimizer": torch.optim.Adam, "lr": 0.005},
    "adamw": {"optimizer": torch.optim.AdamW, "lr": 0.005},
    "rmsprop": {"optimizer": torch.optim.RMSprop, "lr": 0.002},
    "asgd": {"optimizer": torch.optim.ASGD, "lr": 0.02},
}
SCHEDULES = {
    "constant": lambda: None,
    "step": lambda: LRScheduler(lr_scheduler.StepLR, step_size=2, gamma=0.5),
    "cyclic": lambda: LRScheduler(
        lr_scheduler.CyclicLR, step_every="batch", base_lr=1e-3, max_lr=5e-3, step_size_up=3,
        cycle_momentum=False,
    ),
    "plateau": lambda: LRScheduler(
        "ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=0.5
    ),
    "clipping": lambda: GradientNormClipping(0.1),
}  # fmt: skip


class Smooth(nn.CrossEntropyLoss):
    """A loss with a setting that callbacks change."""

    def __init__(self, smoothing=0.0):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, outputs, y):
        return super().forward(outputs, y) + self.smoothing * outputs.square().mean()


class Squares(nn.MSELoss):
    def __init__(self, smoothing=0.0):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, outputs, y):
        return super().forward(outputs, y) + self.smoothing * outputs.square().mean()


class Penalised:
    """Mixed into a net: a step of its own that reads an attribute of the net.

    Like all losses here it is smooth: at a kink, rounding decides between two gradients.
    """

    penalty = 0.01

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        weight = self.module_.last.weight
        return (
            super().get_loss(y_pred, y_true, *args, **kwargs) + self.penalty * weight.square().sum()
        )


class PenalisedClassifier(Penalised, NeuralNetClassifier):
    pass


class PenalisedRegressor(Penalised, NeuralNetRegressor):
    pass


CLASSIFICATION = {
    "cross entropy": (NeuralNetClassifier, {"criterion": nn.CrossEntropyLoss}),
    "weighted": (
        NeuralNetClassifier,
        {"criterion": nn.CrossEntropyLoss, "criterion__weight": torch.tensor([1.0, 3.0])},
    ),
    "own loss": (NeuralNetClassifier, {"criterion": Smooth}),
    "own step": (PenalisedClassifier, {"criterion": nn.CrossEntropyLoss}),
}
REGRESSION = {
    "squares": (NeuralNetRegressor, {"criterion": nn.MSELoss}),
    "huber": (NeuralNetRegressor, {"criterion": nn.SmoothL1Loss}),
    "own loss": (NeuralNetRegressor, {"criterion": Squares}),
    "own step": (PenalisedRegressor, {"criterion": nn.MSELoss}),
}
DATA = {
    "single": lambda: X,
    "double": lambda: X.astype(np.float64),
    "frame": lambda: pd.DataFrame(X.astype(np.float64)),
    "integers": lambda: X.astype(np.int8),
    "sparse": lambda: csr_matrix(X),
    "lists of objects": lambda: X.astype(object),
}


def gain(net):
    net.module_.gain = 0.5


def freeze(net):
    net.module_.first.requires_grad_(False)


def drop_all(net):
    net.module_.drop.p = 1.0


def replace_a_layer(net):
    net.module_.activation = nn.Softplus()


def shrink_weights(net):
    with torch.no_grad():
        net.module_.last.weight.mul_(0.5)


def other_weights(net):
    net.module_.last.weight.data = torch.zeros_like(net.module_.last.weight)


def rate(net):
    for group in net.optimizer_.param_groups:
        group["lr"] = group["lr"] / 3


def decay(net):
    net.optimizer_.param_groups[0]["weight_decay"] = 0.2


def momentum(net):
    group = net.optimizer_.param_groups[0]
    if group.get("momentum"):  # of none, RMSprop has no moments
        group["momentum"] = 0.5
    if "betas" in group:
        group["betas"] = (0.5, group["betas"][1])


def forget_moments(net):
    net.optimizer_.state.clear()


def smooth(net):
    net.criterion_.smoothing = 0.3


def other_loss(net):
    kind = nn.HuberLoss if isinstance(net, NeuralNetRegressor) else nn.CrossEntropyLoss
    net.criterion_ = kind()


def penalty(net):
    net.penalty = 0.1


def hook(net):
    net.module_.last.register_forward_hook(lambda module, given, outputs: outputs * 0.5)


def swap_the_forward(net):
    module = net.module_
    module.forward = lambda X: type(module).forward(module, X) * 0.5


def clip(net):
    for _, callback in net.callbacks_:
        if isinstance(callback, GradientNormClipping):
            callback.gradient_clip_value = 0.01


def draw(net):
    torch.rand(3)
    np.random.rand(3)


def stop(net):
    raise KeyboardInterrupt


def nothing(net):
    pass


CHANGES = {
    change.__name__: change
    for change in (
        *(gain, freeze, drop_all, replace_a_layer, shrink_weights, other_weights, rate, decay),
        *(momentum, forget_moments, smooth, other_loss, penalty, hook, swap_the_forward),
        *(clip, draw, stop, nothing),
    )
}


class Change(Callback):
    """Changes something at an epoch of the networks whose width of a mini-batch allows it."""

    def __init__(self, change="nothing", epoch=1, moment="on_epoch_begin", above=0.0):
        self.change, self.epoch, self.moment, self.above = change, epoch, moment, above

    def _at(self, net, moment):
        is_due = moment == self.moment and len(net.history) == self.epoch
        if is_due and net.lr > self.above:
            CHANGES[self.change](net)

    def on_train_begin(self, net, **kwargs):
        if self.moment == "on_train_begin" and net.lr > self.above and self.change != "stop":
            CHANGES[self.change](net)

    def on_epoch_begin(self, net, **kwargs):
        self._at(net, "on_epoch_begin")

    def on_epoch_end(self, net, **kwargs):
        self._at(net, "on_epoch_end")


@dataclass(frozen=True)
class Example:
    """What is tried."""

    is_classifier: bool
    module: str
    loss: str
    optimizer: str
    schedule: str
    data: str
    change: str
    epoch: int
    moment: str
    is_for_some: bool
    rung: int
    shuffle: bool

    def net(self):
        kind, loss = (CLASSIFICATION if self.is_classifier else REGRESSION)[self.loss]
        module, arguments = MODULES[self.module]
        optimizer = OPTIMIZERS[self.optimizer]
        above = optimizer["lr"] * 1.01 if self.is_for_some else 0.0
        change = Change(self.change, self.epoch, self.moment, above)
        schedule = SCHEDULES[self.schedule]()
        callbacks = [("change", change), *([("schedule", schedule)] if schedule else [])]
        return kind(
            module,
            module__n_out=2 if self.is_classifier else 1,
            batch_size=BATCH,
            train_split=None,
            iterator_train__shuffle=self.shuffle,
            callbacks=callbacks,
            max_epochs=EPOCHS,
            verbose=0,
            **optimizer,
            **loss,
            **arguments,
        )

    @property
    def params(self):
        lr = OPTIMIZERS[self.optimizer]["lr"]
        return [{"lr": lr}, {"lr": 1.5 * lr}, {"lr": 1.2 * lr, "optimizer__weight_decay": 0.01}]

    @property
    def plain_targets(self):
        if self.is_classifier:
            return LABELS
        return NUMBERS if self.module == "flat" else NUMBERS[:, None]

    @property
    def targets(self):
        return LABELS if self.is_classifier else NUMBERS.astype(np.float64)


@st.composite
def examples(draw_from):
    def one(of):
        return draw_from(st.sampled_from(list(of)))

    is_classifier = draw_from(st.booleans())
    module = one(name for name in MODULES if not (is_classifier and name == "flat"))
    change = one(CHANGES)
    # torch draws masks between the orders of two epochs, a stack draws them apart.
    shuffle = change != "drop_all" and draw_from(st.booleans())
    return Example(
        is_classifier,
        module,
        one(CLASSIFICATION if is_classifier else REGRESSION),
        one(OPTIMIZERS),
        one(SCHEDULES),
        one(DATA),
        change,
        draw_from(st.integers(1, EPOCHS)),
        one(["on_train_begin", "on_epoch_begin", "on_epoch_end"]),
        draw_from(st.booleans()),
        draw_from(st.integers(1, EPOCHS)),
        shuffle,
    )


ROWS = [np.arange(N_ROWS) % 3 != fold for fold in range(3)]


def folds(rows, y):
    def part(chosen):
        return Part(
            rows.iloc[chosen] if isinstance(rows, pd.DataFrame) else rows[chosen], y[chosen]
        )

    return [PreparedFold(part(np.flatnonzero(r)), part(np.flatnonzero(~r))) for r in ROWS]


def climbed(trainer, net, example):
    classes = np.unique(LABELS) if example.is_classifier else None
    setup = Setup(net, check_scoring(net), horizon=EPOCHS, classes=classes)
    prepared = folds(DATA[example.data](), example.targets)
    snapshots: list[Any] = [None] * 3
    for rung in sorted({example.rung, EPOCHS}):
        jobs = [
            AdvanceJob(setup, params, prepared[k], rung, 7 + k, snapshots[k])
            for k, params in enumerate(example.params)
        ]
        outcomes = trainer.advance(jobs)
        snapshots = [outcome.snapshot for outcome in outcomes]
    return outcomes


def of_plain_skorch(net, example):
    for k, params in enumerate(example.params):
        single = clone(net).set_params(**params)
        with Randomness(7 + k).turn():
            single.fit(X[ROWS[k]], example.plain_targets[ROWS[k]])
        score = single.score(X[~ROWS[k]], example.plain_targets[~ROWS[k]])
        yield single, score


def flat_weights(net):
    return torch.cat([p.detach().reshape(-1) for p in net.module_.parameters()]).numpy()


def assert_same(outcome, net, score, tolerance, example):
    ours = thaw(outcome.snapshot).net
    theirs = flat_weights(net)
    scale = max(1e-3, float(np.abs(theirs).max()))
    assert np.abs(flat_weights(ours) - theirs).max() <= tolerance * scale, example
    assert len(ours.history) == len(net.history)
    # An epoch that a callback stops at its begin has no loss.
    losses = [[row.get("train_loss", -1.0) for row in n.history] for n in (ours, net)]
    assert np.allclose(*losses, rtol=100 * tolerance, atol=tolerance)
    # A row on the border may fall to either side.
    slack = 0.07 if example.is_classifier and tolerance > 1e-4 else 100 * tolerance
    assert abs(outcome.score - score) <= slack * max(1.0, abs(score)), example


def check(example):
    net = example.net()
    plain = list(of_plain_skorch(net, example))
    for trainer, tolerance in ((SoloTrainer(), 1e-5), (StackedTrainer(), 2e-4)):
        for outcome, (single, score) in zip(climbed(trainer, net, example), plain, strict=True):
            assert_same(outcome, single, score, tolerance, example)


ALL_KINDS = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
    # Each example says what it is; to look for a smaller one takes minutes.
    "phases": [Phase.explicit, Phase.generate],
}


@settings(max_examples=60, **ALL_KINDS)
@given(examples())
def test_stacked_is_alone_is_plain_skorch(example):
    check(example)


@pytest.mark.slow
@settings(max_examples=600, **ALL_KINDS)
@given(examples())
def test_a_longer_sweep(example):
    check(example)
