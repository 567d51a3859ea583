"""Law 3: a network in a stack ends where plain skorch ends from the same seed."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import check_scoring
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch import nn
from torch.optim import lr_scheduler

from sktune import ConvNetClassifier, MLPClassifier, MLPRegressor
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.snapshot import thaw
from sktune.trainers import StackedTrainer

DIGITS = load_digits()
X = (DIGITS.data[:240] / 16).astype(np.float32)
Y = DIGITS.target[:240].astype(np.int64)
EPOCHS = 5
BATCH = 32
N_STEPS = EPOCHS * -(-180 // BATCH)


class Dense(nn.Module):
    def __init__(self, normal=None, n_out=10, width=24):
        super().__init__()
        layers = [nn.Linear(64, width, bias=normal is not nn.BatchNorm1d)]
        layers += [normal(width)] if normal else []
        self.layers = nn.Sequential(*layers, nn.ReLU(), nn.Dropout(0.0), nn.Linear(width, n_out))

    def forward(self, X):
        return self.layers(X)


class Residual(nn.Module):
    """The kind of module that a user writes: functions, a sum, a layer used twice."""

    def __init__(self, width=16, n_out=10):
        super().__init__()
        self.first, self.last = nn.Linear(64, width), nn.Linear(width, n_out)
        self.hidden, self.dropout = nn.Linear(width, width), nn.Dropout(0.0)

    def forward(self, X):
        h = torch.relu(self.first(X))
        h = h + self.dropout(torch.tanh(self.hidden(h)))
        return self.last(h + torch.relu(self.hidden(h)))


class Odd(nn.Module):
    """Weights without layers."""

    def __init__(self, n_out=10):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(64, n_out) / 8)
        self.scale = nn.Parameter(torch.ones(n_out))

    def forward(self, X):
        mixed = torch.einsum("bi,io->bo", X.view(len(X), -1), self.weight)
        return mixed * torch.sigmoid(mixed) * self.scale


class Images(nn.Module):
    def __init__(self, n_out=10):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding=1, stride=2, groups=2),
            nn.GELU(),
            nn.AdaptiveAvgPool2d(2),
        )
        self.head = nn.Linear(24, n_out)

    def forward(self, X):
        return self.head(torch.flatten(self.conv(X.unflatten(1, (1, 8, 8))), 1))


class Attending(nn.Module):
    """Rows of 64 numbers as 8 tokens of 8.

    Without biases: that of the keys changes no output, so that its gradient is rounding errors,
    which Adam makes as large as any other.
    """

    def __init__(self, width=8, n_out=10):
        super().__init__()
        self.embed, self.last = nn.Linear(8, width), nn.Linear(width, n_out)
        self.block = nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout=0.0, batch_first=True, bias=False
        )

    def forward(self, X):
        return self.last(self.block(self.embed(X.view(-1, 8, 8))).mean(1))


class Grouped(nn.Module):
    def __init__(self, n_out=10):
        super().__init__()
        self.conv, self.last = nn.Conv1d(8, 8, 3, padding=1), nn.Linear(64, n_out)
        self.norm = nn.GroupNorm(2, 8)

    def forward(self, X):
        return self.last(torch.relu(self.norm(self.conv(X.view(-1, 8, 8)))).flatten(1))


class BothWays(nn.Module):
    """Goes through tokens in both directions, with the weights of one step for all."""

    def __init__(self, width=8, n_out=10):
        super().__init__()
        self.step, self.last = nn.Linear(8 + width, width), nn.Linear(2 * width, n_out)

    def forward(self, X):
        tokens, ends = X.view(-1, 8, 8), []
        for order in (range(8), reversed(range(8))):
            state = tokens.new_zeros(len(tokens), self.last.in_features // 2)
            for k in order:
                state = state + torch.tanh(self.step(torch.cat([tokens[:, k], state], 1)))
            ends.append(state)
        return self.last(torch.cat(ends, 1))


class Embedded(nn.Module):
    """Looks whole numbers up, and adds what it finds."""

    def __init__(self, width=6, n_out=10):
        super().__init__()
        self.table, self.last = nn.Embedding(17, width), nn.Linear(width, n_out)

    def forward(self, X):
        return self.last(self.table((16 * X).long()).sum(1))


MODULES = {
    "attention": (Attending, {}),
    "group norm": (Grouped, {}),
    "both ways": (BothWays, {}),
    "embedding": (Embedded, {}),
    "dense": (Dense, {}),
    "batch norm": (Dense, {"module__normal": nn.BatchNorm1d}),
    "layer norm": (Dense, {"module__normal": nn.LayerNorm}),
    "residual": (Residual, {}),
    "odd": (Odd, {}),
    "images": (Images, {}),
}
OPTIMIZERS = {
    "sgd": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9, "lr": 0.05},
    "adam": {"optimizer": torch.optim.Adam, "lr": 0.005},
    "adamw": {"optimizer": torch.optim.AdamW, "lr": 0.005},
    "rmsprop": {"optimizer": torch.optim.RMSprop, "lr": 0.002},
}
SCHEDULES = {
    "constant": None,
    "cosine": lambda: LRScheduler(lr_scheduler.CosineAnnealingLR, T_max=EPOCHS),
    "onecycle": lambda: LRScheduler(
        lr_scheduler.OneCycleLR, step_every="batch", max_lr=0.005, total_steps=N_STEPS
    ),
    "plateau": lambda: LRScheduler(
        "ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=0.5
    ),
}


def folds(y):
    rows = [np.arange(len(X)) % 4 != fold for fold in range(4)]
    # one fold is a row shorter, so that last batches differ in size
    rows[1] = rows[1] & (np.arange(len(X)) != 0)
    return [PreparedFold(Part(X[r], y[r]), Part(X[~r], y[~r])) for r in rows]


def stacked_and_alone(net, y, params):
    """Return the nets of a stack, and those of plain skorch from the same seeds."""
    setup = Setup(net, check_scoring(net), horizon=EPOCHS, classes=np.unique(Y))
    jobs = [AdvanceJob(setup, p, folds(y)[k % 4], EPOCHS, 7 + k) for k, p in enumerate(params)]
    outcomes = StackedTrainer().advance(jobs)
    assert [o.solo_reason for o in outcomes] == [""] * len(jobs)
    assert all(o.stack_size == len(jobs) for o in outcomes)
    alone = []
    for job in jobs:
        with Randomness(job.seed).turn():
            single = setup.net(job.params)
            alone.append(single.fit(job.fold.train.X, job.fold.train.y))
    return [thaw(o.snapshot).net for o in outcomes], alone


def assert_agree(stacked, alone):
    for one, other in zip(stacked, alone, strict=True):
        ours, theirs = one.module_.state_dict(), other.module_.state_dict()
        scale = max(float(t.abs().max()) for n, t in theirs.items() if "num_batches" not in n)
        for name, tensor in theirs.items():
            assert float((ours[name] - tensor).abs().max()) <= 1e-4 * scale, name
        for name in ("train_loss", "epoch", "train_batch_count"):
            assert np.allclose(one.history[:, name], other.history[:, name], rtol=1e-3), name
        columns = (slice(None), "batches", slice(None), "train_batch_size")
        assert one.history[columns] == other.history[columns]


def settings(optimizer, schedule):
    callback = SCHEDULES[schedule]
    return {
        **OPTIMIZERS[optimizer],
        "criterion": nn.CrossEntropyLoss,
        "batch_size": BATCH,
        "train_split": None,
        "iterator_train__shuffle": True,
        "verbose": 0,
        "callbacks": [("schedule", callback())] if callback else None,
    }


RATES = [{}, {"optimizer__weight_decay": 0.01}, {"lr": 0.004}, {"optimizer__weight_decay": 0.1}]


PAIRS = [
    *((optimizer, "constant") for optimizer in OPTIMIZERS),
    *(("adamw", schedule) for schedule in SCHEDULES if schedule != "constant"),
    ("sgd", "onecycle"),  # which moves the momentum, too
]


@pytest.mark.parametrize(("optimizer", "schedule"), PAIRS)
@pytest.mark.parametrize("name", MODULES)
def test_classifiers(name, optimizer, schedule):
    module, arguments = MODULES[name]
    net = NeuralNetClassifier(module, **settings(optimizer, schedule), **arguments)
    assert_agree(*stacked_and_alone(net, Y, RATES))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["dense", "residual", "odd"])
def test_regressors(name, optimizer):
    module, arguments = MODULES[name]
    given = settings(optimizer, "cosine") | {"criterion": nn.MSELoss}
    net = NeuralNetRegressor(module, module__n_out=1, **given, **arguments)
    y = (X[:, 20:21] + X[:, 30:31]).astype(np.float32)
    assert_agree(*stacked_and_alone(net, y, RATES))


@pytest.mark.parametrize(
    ("optimizer", "lr_schedule"),
    [("adamw", "constant"), ("adamw", "onecycle")]
    + [(optimizer, "cosine") for optimizer in ("adamw", "adam", "sgd", "rmsprop")],
)
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_our_perceptrons(normalization, optimizer, lr_schedule):
    net = MLPClassifier(
        width=16,
        batch_size=BATCH,
        normalization=normalization,
        optimizer=optimizer,
        lr_schedule=lr_schedule,
        lr=0.003,
    )
    params = [{}, {"lr": 0.01}, {"weight_decay": 0.1}, {"lr_schedule": "constant"}]
    assert_agree(*stacked_and_alone(net, Y, params))


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "elu", "leaky_relu", "tanh"])
def test_our_activations(activation):
    net = MLPRegressor(width=16, batch_size=BATCH, activation=activation, depth=3)
    y = np.stack([X[:, 20], X[:, 30] ** 2], axis=1)
    assert_agree(*stacked_and_alone(net, y, [{}, {"lr": 0.01}, {}, {}]))


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_our_convolutional_networks(kernel_size, normalization):
    net = ConvNetClassifier(
        filters=4,
        kernel_size=kernel_size,
        normalization=normalization,
        batch_size=BATCH,
        image_shape=(8, 8),
    )
    assert_agree(*stacked_and_alone(net, Y, [{}, {"lr": 0.01}, {"weight_decay": 0.1}, {}]))


@pytest.mark.parametrize(
    ("criterion", "ending"),
    [(nn.NLLLoss, nn.Softmax(dim=1)), (nn.CrossEntropyLoss, nn.Softplus())],
)
def test_other_endings(criterion, ending):
    class Ended(Dense):
        def __init__(self):
            super().__init__()
            self.ending = ending

        def forward(self, X):
            return self.ending(super().forward(X))

    given = settings("adamw", "constant") | {"criterion": criterion}
    assert_agree(*stacked_and_alone(NeuralNetClassifier(Ended, **given), Y, RATES))


@pytest.mark.parametrize(
    "own",
    [{"criterion__label_smoothing": 0.1}, {"criterion__weight": torch.linspace(0.5, 2, 10)}],
)
def test_losses_with_settings_of_their_own(own):
    given = settings("adamw", "constant") | own
    assert_agree(*stacked_and_alone(NeuralNetClassifier(Dense, **given), Y, RATES))


def test_clipped_gradients():
    given = settings("sgd", "constant")
    clips = [GradientNormClipping(0.05), GradientNormClipping(0.2)]
    net = NeuralNetClassifier(Dense, **given | {"callbacks": [("clip", clips[0])]})
    params = [{}, {"callbacks__clip": clips[1]}]
    stacked, alone = stacked_and_alone(net, Y, params)
    assert_agree(stacked, alone)
    free, _ = stacked_and_alone(NeuralNetClassifier(Dense, **given), Y, [{}, {}])
    moved = free[0].module_.layers[0].weight - alone[0].module_.layers[0].weight
    assert float(moved.detach().abs().max()) > 0.01


def test_rows_in_order_and_last_batches_left_out():
    given = settings("adamw", "constant")
    given |= {"iterator_train__shuffle": False, "iterator_train__drop_last": True}
    assert_agree(*stacked_and_alone(NeuralNetClassifier(Dense, **given), Y, RATES))


def test_frozen_weights_stay():
    class Frozen(Dense):
        def __init__(self):
            super().__init__()
            self.layers[0].weight.requires_grad_(False)

    net = NeuralNetClassifier(Frozen, **settings("adamw", "constant"))
    stacked, alone = stacked_and_alone(net, Y, RATES)
    assert_agree(stacked, alone)
    assert torch.equal(stacked[0].module_.layers[0].weight, alone[0].module_.layers[0].weight)
