"""Law 2: a run advanced in rungs ends, to the bit, where one advanced straight ends."""

import signal

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.metrics import check_scoring
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
    PrintLog,
)
from skorch.dataset import ValidSplit
from torch.optim import lr_scheduler

from sktune import MLPClassifier, MLPRegressor
from sktune.nets.randomness import Randomness
from sktune.runs import AdvanceJob, Part, PreparedFold, Setup
from sktune.runs.run import finished_net
from sktune.runs.snapshot import RunState, freeze, thaw
from sktune.runs.solo import advance
from tests.user_nets import classifier, same_bits, weights

X, Y = load_iris(return_X_y=True)
X = X.astype(np.float32)
RUNGS = (1, 3, 9, 27)
N_BATCHES = 27 * -(-len(X) // 16)
SEED = 7
FOLD = PreparedFold(Part(X, Y), Part(X, Y))


def trained(net, rungs, seed=SEED):
    """Return the net of a run that was frozen and thawed at each rung."""
    setup = Setup(net, check_scoring(net), horizon=27, classes=np.unique(Y))
    snapshot = None
    for rung in rungs:
        snapshot = advance(AdvanceJob(setup, {}, FOLD, rung, seed, snapshot)).snapshot
    return finished_net(setup, FOLD, snapshot)


def plain(net, seed=SEED):
    """Return the net as skorch trains it in one go, from the same seed."""
    with Randomness(seed).turn():
        return net.set_params(max_epochs=27).fit(X, Y)


def half(step):
    return 0.9**step


SCHEDULERS = {
    "step": (lr_scheduler.StepLR, {"step_size": 4}),
    "exponential": (lr_scheduler.ExponentialLR, {"gamma": 0.9}),
    "cosine": (lr_scheduler.CosineAnnealingLR, {"T_max": 27}),
    "linear": (lr_scheduler.LinearLR, {"total_iters": 20}),
    "lambda": (lr_scheduler.LambdaLR, {"lr_lambda": half}),
    "cyclic": (lr_scheduler.CyclicLR, {"base_lr": 1e-3, "max_lr": 2e-2, "cycle_momentum": False}),
    "onecycle": (lr_scheduler.OneCycleLR, {"max_lr": 0.05, "total_steps": N_BATCHES}),
    "restarts": (lr_scheduler.CosineAnnealingWarmRestarts, {"T_0": 5}),
    "polynomial": (lr_scheduler.PolynomialLR, {"total_iters": 20}),
    "multistep": (lr_scheduler.MultiStepLR, {"milestones": [3, 9, 20]}),
    "warm restart": ("WarmRestartLR", {"max_lr": 0.02}),
    "plateau": ("ReduceLROnPlateau", {"monitor": "train_loss", "patience": 1, "threshold": 0.3}),
}


def rates(net, step_every):
    steps = slice(None)
    if step_every == "epoch":
        return net.history[steps, "event_lr"]
    return [rate for epoch in net.history[steps, "batches", steps, "event_lr"] for rate in epoch]


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_goes_on(name, step_every):
    policy, settings = SCHEDULERS[name]

    def net():
        schedule = LRScheduler(policy, step_every=step_every, **settings)
        return classifier(callbacks=[("lr", schedule)], module__dropout=0.3)

    straight, climbed = plain(net()), trained(net(), RUNGS)
    assert same_bits(straight, climbed)
    assert rates(climbed, step_every) == rates(straight, step_every)
    assert len(set(rates(climbed, step_every))) > 1


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_every_split_of_the_rungs_ends_alike(optimizer):
    def net():
        return classifier(optimizer=optimizer, lr=0.01, module__dropout=0.5)

    straight = plain(net())
    for rungs in ([27], [1, 27], [26, 27], [9, 10, 27], RUNGS, range(1, 28)):
        assert same_bits(trained(net(), rungs), straight)


def test_early_stopping_counts_on():
    def net():
        stop = EarlyStopping(monitor="train_loss", patience=3, threshold=0.2, load_best=True)
        return classifier(callbacks=[stop])

    straight, climbed = plain(net()), trained(net(), RUNGS)
    assert len(straight.history) < 27
    assert len(climbed.history) == len(straight.history)
    assert same_bits(climbed, straight)


def test_early_stopping_between_rungs_keeps_its_best_weights():
    def net():
        stop = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9, load_best=True)
        return classifier(callbacks=[stop])

    # It stops at epoch 3 in either way, and epoch 1 was the best: seen in another rung.
    straight, climbed = plain(net()), trained(net(), RUNGS)
    assert len(climbed.history) == len(straight.history) == 3
    assert same_bits(climbed, straight)


def test_the_training_split_is_drawn_once():
    def net():
        return classifier(train_split=ValidSplit(0.2))

    straight, climbed = plain(net()), trained(net(), RUNGS)
    losses = [climbed.history[:, "valid_loss"], straight.history[:, "valid_loss"]]
    assert losses[0] == losses[1]
    assert same_bits(climbed, straight)
    assert isinstance(climbed.train_split, ValidSplit)


def test_an_average_of_weights_kept_by_a_callback_goes_on():
    class Averaging(Callback):
        def on_train_begin(self, net, **kwargs):
            self.mean_ = torch.zeros(len(weights(net)))

        def on_epoch_end(self, net, **kwargs):
            self.mean_ += torch.from_numpy(weights(net)) / 27

    straight, climbed = (trained(classifier(callbacks=[Averaging()]), r) for r in ([27], RUNGS))
    means = [dict(net.callbacks_)["Averaging"].mean_ for net in (straight, climbed)]
    assert torch.equal(*means)


def test_scoring_callbacks_and_checkpoints_go_on(tmp_path):
    def net(folder):
        accuracy = EpochScoring("accuracy", on_train=True, name="acc", lower_is_better=False)
        keep = Checkpoint(monitor="train_loss_best", dirname=str(tmp_path / folder))
        return classifier(callbacks=[accuracy, keep])

    straight, climbed = plain(net("a")), trained(net("b"), RUNGS)
    assert climbed.history[:, ("acc", "acc_best")] == straight.history[:, ("acc", "acc_best")]


@pytest.mark.parametrize("lr_schedule", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("random_state", [None, 3])
def test_our_nets_go_on(kind, lr_schedule, random_state):
    def net():
        return kind(
            width=8, batch_size=16, dropout=0.2, lr_schedule=lr_schedule, random_state=random_state
        )

    straight, climbed = plain(net()), trained(net(), RUNGS)
    assert same_bits(climbed, straight)
    assert np.array_equal(climbed.predict(X), straight.predict(X))


def test_a_snapshot_is_not_changed_by_going_on():
    net = classifier(module__dropout=0.5)
    setup = Setup(net, check_scoring(net), horizon=27, classes=np.unique(Y))
    first = advance(AdvanceJob(setup, {}, FOLD, 3, SEED)).snapshot
    ends = [advance(AdvanceJob(setup, {}, FOLD, 9, SEED, first)).snapshot for _ in range(2)]
    assert same_bits(thaw(ends[0]).net, thaw(ends[1]).net)


def test_a_lambda_and_a_local_class_can_be_frozen():
    class Local(torch.nn.Linear):
        pass

    schedule = LRScheduler(lr_scheduler.LambdaLR, lr_lambda=lambda step: 0.5**step)
    net = classifier(Local, module__in_features=4, module__out_features=3, callbacks=[schedule])
    assert same_bits(trained(net, RUNGS), trained(net, [27]))


def test_thawed_schedulers_drive_the_thawed_optimiser():
    net = classifier(callbacks=[("lr", LRScheduler("ExponentialLR", gamma=0.5))])
    setup = Setup(net, check_scoring(net), horizon=27, classes=np.unique(Y))
    job = AdvanceJob(setup, {}, FOLD, 1, SEED)
    thawed = thaw(advance(job).snapshot).net
    assert dict(thawed.callbacks_)["lr"].lr_scheduler_.optimizer is thawed.optimizer_


def test_ctrl_c_is_not_taken_for_early_stopping():
    # a shell's background jobs start with this signal ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    class Interrupted(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                signal.raise_signal(signal.SIGINT)
                sum(range(10**6))

    try:
        with pytest.raises(KeyboardInterrupt):
            trained(classifier(callbacks=[Interrupted()]), [9])
    finally:
        signal.signal(signal.SIGINT, before)


def test_gradients_gathered_over_batches_go_on():
    class Gathering(type(classifier())):
        """skorch's documented way to step every second batch."""

        def train_step(self, batch, **params):
            n_batch = len(self.history[-1]["batches"]) + 10 * (len(self.history) - 1)
            loss = self.train_step_single(batch, **params)
            if n_batch % 3 == 0:
                self.optimizer_.step()
                self.optimizer_.zero_grad()
            return loss

    settings = {k: v for k, v in classifier().get_params(deep=False).items() if k[0] != "_"}
    straight, climbed = plain(Gathering(**settings)), trained(Gathering(**settings), RUNGS)
    assert same_bits(climbed, straight)


def test_a_replaced_builtin_does_not_matter(monkeypatch):
    """Ray puts a function of its own in the place of print, which skorch's nets hold."""
    original = ascii
    monkeypatch.setattr("builtins.ascii", lambda thing: original(thing))
    net = MLPClassifier(max_epochs=1)
    net.callbacks_ = [("log", PrintLog(sink=original))]
    state = thaw(freeze(RunState(net, Randomness(0))))
    assert state.net.callbacks_[-1][1].sink is ascii
